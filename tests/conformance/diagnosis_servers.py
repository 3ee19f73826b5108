"""The two servers of rows D, T and J: ours, and one of other hands where it is beside the project."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import httpx

from tests.conformance.deployment_servers import BESIDE, started
from tests.conformance.door import CLIENT, SECRET, Request
from tests.conformance.mishaps import Kind, Mishap
from tests.conformance.served import served
from tests.conformance.traced_organization import TracedOrganization

LITERAL = BESIDE / "traces.py"
_TOKEN = "/oauth/token"


class Seen(NamedTuple):
    """A call that came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: str

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def json(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.body)
        return value


class DiagnosisServer(Protocol):
    """An organisation that is asked for graphs, traces and trace jobs."""

    url: str
    client: tuple[str, str]

    def set(self, **recorded: object) -> None:
        """Record this, or behave so, from now on: the fields of `Recorded`."""
        ...

    def allow(self, *scopes: str) -> None:
        """Give the client these scopes alone."""
        ...

    def refuse(self, method: str, path: str, status: int, times: int = 1) -> None:
        """Answer the next calls of this method and path with this status."""
        ...

    def seen(self) -> list[Seen]:
        """All calls in order."""
        ...

    def hooks(self) -> list[dict[str, Any]]:
        """The bodies of the webhooks that came."""
        ...


class Ours:
    """The conformance server."""

    client = (CLIENT, SECRET)

    def __init__(self, url: str, organization: TracedOrganization) -> None:
        self.url, self.organization = url, organization

    def set(self, **recorded: object) -> None:
        for name, value in recorded.items():
            setattr(self.organization.recorded, name, value)

    def allow(self, *scopes: str) -> None:
        self.organization.scopes = frozenset(scopes)

    def refuse(self, method: str, path: str, status: int, times: int = 1) -> None:
        self.organization.mishaps.append(Mishap(Kind.STATUS, method, path, status=status, times=times))

    def seen(self) -> list[Seen]:
        return [_seen(call) for call in self.organization.calls]

    def hooks(self) -> list[dict[str, Any]]:
        return [_seen(call).json for call in self.organization.hooks]


def _seen(call: Request) -> Seen:
    return Seen(call.method, call.path, call.query, dict(call.headers), call.raw.decode())


class Literal:
    """The other one, a process of its own."""

    client = ("cid", "csecret-12345")

    def __init__(self, url: str) -> None:
        self.url = url

    def set(self, **recorded: object) -> None:
        httpx.patch(f"{self.url}/_ctl", json=recorded).raise_for_status()

    def allow(self, *scopes: str) -> None:
        self.set(scopes=scopes)

    def refuse(self, method: str, path: str, status: int, times: int = 1) -> None:
        told = {"status": status, "code": "storm", "message": "a storm passes"}
        self.set(faults=[{"route": f"{method} .*{path}", "status": status, "body": told, "times": times}])

    def seen(self) -> list[Seen]:
        return [
            Seen(call["m"], call["p"], call["q"], {name.lower(): text for name, text in call["h"].items()}, call["b"])
            for call in self._state()["requests"]
            if call["p"] != "/hook"
        ]

    def hooks(self) -> list[dict[str, Any]]:
        return [json.loads(call["b"]) for call in self._state()["webhook"]]

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = httpx.get(f"{self.url}/_ctl").raise_for_status().json()
        return state


@contextlib.contextmanager
def ours() -> Iterator[DiagnosisServer]:
    organization = TracedOrganization()
    with served(organization) as url:
        yield Ours(url, organization)


@contextlib.contextmanager
def literal() -> Iterator[DiagnosisServer]:
    with started(LITERAL, "/_ctl") as url:
        yield Literal(url)


def asked(server: DiagnosisServer) -> list[Seen]:
    """The calls without those for a token."""
    return [call for call in server.seen() if not call.path.endswith(_TOKEN)]


def tokens(server: DiagnosisServer) -> list[Seen]:
    """The calls for a token."""
    return [call for call in server.seen() if call.path.endswith(_TOKEN)]
