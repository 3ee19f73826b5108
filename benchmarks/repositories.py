"""Repositories for commands that run as processes: an organisation's manifest, and as many flows as asked for."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import yaml

REAL = Path(__file__).parents[2] / "shared" / "corpus"
"""Flow files of public repositories, which a developer may keep beside the project."""
EXAMPLES = Path(__file__).parents[1] / "examples" / "flows"
_NAME = re.compile(r"^(\s+name:\s*).*$", re.MULTILINE)


class Checkout:
    """A git repository in a folder."""

    def __init__(self, folder: Path, url: str = "http://127.0.0.1:1") -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.organization("acme", url)

    def organization(self, file: str, url: str, *, name: str = "", **spec: object) -> None:
        """The manifest of an organisation in `file`.yaml, with the file's name or another one."""
        credentials = {"clientId": {"env": "ACME_ID"}, "clientSecret": {"env": "ACME_SECRET"}}
        described = {"apiUrl": url, "loginUrl": url, "credentials": credentials, **spec}
        self._manifest(f"{file}.yaml", "Organization", name or file, described)

    def flow(self, slug: str, text: str, *, folder: str = ".", **spec: object) -> None:
        """A flow file, and a manifest that names it."""
        path = self.folder / folder / "flows" / f"{slug}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        self._manifest(f"{folder}/{slug}.yaml", "Flow", slug, {"source": {"file": f"flows/{slug}.yaml"}, **spec})

    def _manifest(self, file: str, kind: str, name: str, spec: Mapping[str, object]) -> None:
        document = {"apiVersion": "penstock/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(document), encoding="utf-8")

    def commit(self) -> str:
        """Commit everything; returns the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Change the flows")
        return self.git("rev-parse", "HEAD")

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=self.folder, check=True, capture_output=True, text=True)  # noqa: S607
        return done.stdout.strip()


def real_sources(count: int) -> tuple[dict[str, str], str]:
    """So many flow files by slug, each with a name of its own, and the words for where they come from.

    The files beside the project are repeated as often as necessary; without them, those of the examples.
    """
    folder, words = (REAL, "public repositories") if REAL.is_dir() else (EXAMPLES, "examples/flows")
    texts = [text for path in sorted(folder.glob("*.yaml")) if "{{" not in (text := path.read_text(encoding="utf-8"))]
    made = {f"flow-{number:05d}": _named(texts[number % len(texts)], number) for number in range(count)}
    return made, f"{len(texts)} files of {words}, repeated under other names"


def _named(text: str, number: int) -> str:
    """The same flow under another name: the first `name` of a flow file is that of the flow."""
    return _NAME.sub(rf"\g<1>Flow {number}", text, count=1)
