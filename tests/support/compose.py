"""Reads deploy/compose/compose.yaml, and plays its services as processes of this machine."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "compose"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SECRETS_FOLDER = "/run/secrets"
_ALL, _LOOPBACK = "0.0.0.0", "127.0.0.1"  # noqa: S104 - a container listens on all of its own


@dataclass(frozen=True, slots=True)
class Mount:
    """What a service sees at a place."""

    source: str
    """A path beside compose.yaml, or the name of a volume."""
    target: str
    """A path in the container."""
    writable: bool = True

    @property
    def named(self) -> bool:
        return not self.source.startswith(".")


def volumes(service: str) -> list[Mount]:
    """The folders and files that a service mounts, without its secrets."""
    found = []
    for text in SERVICES[service].get("volumes", ()):
        source, target, *mode = text.split(":")
        found.append(Mount(source, target, mode != ["ro"]))
    return found


def secrets(service: str) -> list[Mount]:
    """The secrets that a service mounts."""
    found = []
    for each in SERVICES[service].get("secrets", ()):
        given = {"source": each, "target": each} if isinstance(each, str) else each
        source = COMPOSE["secrets"][given["source"]]["file"]
        found.append(Mount(source, f"{SECRETS_FOLDER}/{given['target']}", writable=False))
    return found


def prepared(folder: Path) -> Path:
    """A copy of what compose reads, with the secrets that the documented command makes; gives compose.yaml's folder."""
    for name in ("deploy/compose", "deploy/monitoring", "manifests", "examples/flows"):
        ignored = shutil.ignore_patterns("local")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    copy = folder / FOLDER.relative_to(ROOT)
    subprocess.run([copy / "prepare"], check=True, timeout=60)
    return copy


class Machine:
    """Folders and ports of this machine in the place of those of the containers."""

    def __init__(self, folder: Path, ports: Mapping[str, int]) -> None:
        """`ports` has the port here by `service:port` of compose."""
        self._compose = prepared(folder / "checkout")
        self._folder = folder
        self._ports = ports

    @property
    def compose(self) -> Path:
        """The folder of compose.yaml, with the secrets."""
        return self._compose

    def command(self, service: str) -> list[str]:
        """The arguments of a service, for this machine."""
        return [self.here(service, word) for word in SERVICES[service]["command"]]

    def environment(self, service: str) -> dict[str, str]:
        """Its variables, for this machine."""
        return {name: self.here(service, value) for name, value in SERVICES[service]["environment"].items()}

    def mount(self, service: str) -> None:
        """Lay out the folders of a service: files copied, with names of services as ports, and volumes empty."""
        for mount in (*volumes(service), *secrets(service)):
            target = self._place(service, mount.target)
            if mount.named:
                target.mkdir(parents=True, exist_ok=True)
            elif (source := self._compose / mount.source).is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(self.here(service, source.read_text(encoding="utf-8")), encoding="utf-8")

    def here(self, service: str, text: str) -> str:
        """The text with folders and ports of this machine."""
        places = {_ALL: _LOOPBACK}
        for there, port in self._ports.items():
            host, _, number = there.partition(":")
            places[there] = f"{_LOOPBACK}:{port}"
            if host == service:
                places |= {f"{own}:{number}": f"{_LOOPBACK}:{port}" for own in (_ALL, _LOOPBACK)}
                text = str(port) if text == number else text
        for mount in (*volumes(service), *secrets(service)):
            top = "/".join(mount.target.split("/")[:3])
            places[top] = str(self._place(service, top))
        words = sorted(places, key=len, reverse=True)
        return re.sub(
            rf"(?<![\w.-])(?:{'|'.join(map(re.escape, words))})(?![\w.-])", lambda found: places[found[0]], text
        )

    def listens(self, service: str) -> bool:
        """Whether its port is open: its health check starts an interpreter each time."""
        [port] = [port for there, port in self._ports.items() if there.startswith(f"{service}:")]
        with socket.socket() as client:
            return client.connect_ex((_LOOPBACK, port)) == 0

    def _place(self, service: str, path: str) -> Path:
        return self._folder / service / path.removeprefix("/")
