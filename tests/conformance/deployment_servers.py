"""The two servers that the product is held against: ours, and one of other hands where it stands beside the project."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import httpx

from tests.conformance.door import CLIENT, SECRET
from tests.conformance.flows import FINDER, IVR, Flow
from tests.conformance.organization import Organization
from tests.conformance.served import served
from tests.support.service import eventually
from tests.support.shell import free_port

BESIDE = Path(__file__).parents[2].parent / "shared" / "literal"
LITERAL = BESIDE / "deployments.py"
SHORT = {"publish_s": 0.3, "minute_s": 0.5}
"""Nobody waits for long; a minute of a stage is half a second."""


class DeploymentServer(Protocol):
    """An organisation with `Retail IVR` at 12.0 (11.0 archived; drafts 13.0 and 14.0) and `Store Finder` at 3.0."""

    url: str
    client: tuple[str, str]

    def set(self, **quirks: object) -> None:
        """Behave otherwise from now on."""
        ...

    def calls(self) -> list[tuple[str, str, Any]]:
        """Method, path and body of each call in order, tokens left out."""
        ...

    def live(self, name: str) -> str:
        """The version that calls go to now."""
        ...

    def history(self, name: str) -> list[str]:
        """The versions that became live since the beginning, in order."""
        ...

    def by_hand(self, name: str, version: str) -> None:
        """Publish as a person does."""
        ...

    def identifier(self, name: str, version: str) -> str:
        """The id of a version."""
        ...


class Ours:
    """The conformance server."""

    client = (CLIENT, SECRET)

    def __init__(self, url: str, organization: Organization) -> None:
        self.url, self.organization = url, organization

    def set(self, **quirks: object) -> None:
        for name, value in quirks.items():
            setattr(self.organization.quirks, name, value)

    def calls(self) -> list[tuple[str, str, Any]]:
        return [
            (call.method, call.path, call.body)
            for call in self.organization.calls
            if not call.path.endswith("/oauth/token")
        ]

    def live(self, name: str) -> str:
        return str(self.organization.flow(name).live)

    def history(self, name: str) -> list[str]:
        return [one.version for one in self.organization.flow(name).history[1:]]

    def by_hand(self, name: str, version: str) -> None:
        self.organization.flow(name).by_hand(version, self.organization.now())

    def identifier(self, name: str, version: str) -> str:
        return self.organization.flow(name).numbered(version).id


class Literal:
    """The other one, a process of its own."""

    client = ("cid", "csecret-1234567890")

    def __init__(self, url: str) -> None:
        self.url = url

    def set(self, **quirks: object) -> None:
        httpx.post(f"{self.url}/_set", json=quirks).raise_for_status()

    def calls(self) -> list[tuple[str, str, Any]]:
        logged = httpx.get(f"{self.url}/_log").raise_for_status().json()
        return [(call["m"], call["p"], call["body"]) for call in logged if not call["p"].endswith("/oauth/token")]

    def live(self, name: str) -> str:
        return str(self._flow(name)["live"])

    def history(self, name: str) -> list[str]:
        return [one["version"] for one in self._flow(name)["history"]]

    def by_hand(self, name: str, version: str) -> None:
        httpx.post(f"{self.url}/_live", json={"flow": self._flow(name)["id"], "version": version}).raise_for_status()

    def identifier(self, name: str, version: str) -> str:
        return str(next(one["id"] for one in self._flow(name)["versions"] if one["version"] == version))

    def _flow(self, name: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = httpx.get(f"{self.url}/_flows").raise_for_status().json()
        return next(flow for flow in found if flow["name"] == name)


@contextlib.contextmanager
def ours() -> Iterator[DeploymentServer]:
    organization = Organization(time.monotonic)
    numbers = {"11.0": "archived", "12.0": "published", "13.0": "draft", "14.0": "draft"}
    organization.add(Flow.of(IVR, "inboundcall", numbers, "12.0"))
    organization.add(Flow.of(FINDER, "commonmodule", {"3.0": "published", "4.0": "draft"}, "3.0"))
    with served(organization) as url:
        yield Ours(url, organization)


@contextlib.contextmanager
def literal() -> Iterator[DeploymentServer]:
    with started(LITERAL, "/_log") as url:
        server = Literal(url)
        server.set(put_wants="id")
        yield server


@contextlib.contextmanager
def started(program: Path, probe: str) -> Iterator[str]:
    """Run a server that takes its port as its argument, until it answers at `probe`; gives its URL."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    process = subprocess.Popen(
        [sys.executable, str(program), str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        eventually(lambda: _answers(url + probe), f"{program.name} answers")
        yield url
    finally:
        process.kill()
        process.wait(60)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False
