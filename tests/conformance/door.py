"""The door of a server of the versioned dialect: tokens, scopes, the log of calls, and what goes wrong on the way.

It answers values with values: `served` puts it on a socket, or into the client's own process. `calls` holds every call
in the order in which it came.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from tests.conformance.mishaps import Kind, Mishap

CLIENT, SECRET = "penstock", "penstock-secret"
_GATEWAY = "<html><body>The gateway is busy</body></html>"
_CODES = {
    400: "bad.request",
    401: "bad.credentials",
    403: "not.authorized",
    404: "not.found",
    409: "general.conflict",
}
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    """A regular expression; its groups are the handler's arguments."""
    handler: Callable[..., Answer]
    scopes: tuple[str, ...]
    """What a client needs, as the table of endpoints has it."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: object, status: int = 200) -> Answer:
        return cls(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


class RefusedError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.answer = Answer.of({"status": status, "code": _CODES[status], "message": message}, status)


@dataclass(slots=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    raw: bytes
    status: int | None = None
    """What was answered; None where the connection broke."""
    mishap: str | None = None

    @property
    def body(self) -> Json:
        """The JSON object that was sent; empty where there is none."""
        try:
            value = json.loads(self.raw or b"{}")
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def number(self, name: str, default: int) -> int:
        return int(self.query.get(name, default))


class Door:
    """A server whose only entrance is `answer`; None is a connection that broke."""

    def __init__(self) -> None:
        self.mishaps: list[Mishap] = []
        self.calls: list[Request] = []
        self.scopes: frozenset[str] | None = None
        """What the client may; None is everything."""
        self._tokens: set[str] = set()

    def routes(self) -> tuple[Route, ...]:
        """What it answers besides a request for a token."""
        raise NotImplementedError

    def advance(self) -> None:
        """Let what runs get as far as it is by now."""

    def interfere(self, request: Request, kind: Kind) -> None:
        """What people do around this call."""

    def answer(self, request: Request) -> Answer | None:
        """Handle one call; None where the connection breaks."""
        self.calls.append(request)
        mishap = next((one for one in self.mishaps if one.strikes(request.method, request.path)), None)
        request.mishap = mishap.kind if mishap else None
        answer = self._handle(request) if mishap is None else self._struck(request, mishap)
        request.status = answer.status if answer else None
        return answer

    def _struck(self, request: Request, mishap: Mishap) -> Answer | None:
        kind = mishap.kind
        if kind is Kind.LOST_BEFORE:
            return None
        if kind is Kind.HTML:
            return Answer(200, _GATEWAY.encode(), {"Content-Type": "text/html"})
        if kind is Kind.STATUS:
            told = {"status": mishap.status, "code": "storm", "message": "a storm passes"}
            headers = {"Retry-After": mishap.retry_after} if mishap.retry_after else {}
            return Answer(mishap.status, json.dumps(told).encode(), {"Content-Type": "application/json", **headers})
        if kind in (Kind.PERSON_BEFORE, Kind.CANCELLED):
            self.interfere(request, kind)
        answer = self._handle(request)
        if kind is Kind.DOUBLED:
            return self._handle(request)
        if kind is Kind.PERSON_AFTER:
            self.interfere(request, kind)
        spoiled = {
            Kind.LOST_AFTER: None,
            Kind.FAILED_AFTER: Answer(502, _GATEWAY.encode(), {"Content-Type": "text/html"}),
            Kind.TRUNCATED: Answer(answer.status, answer.body[: len(answer.body) // 2], answer.headers),
            Kind.EMPTY: Answer(answer.status),
        }
        return spoiled.get(kind, answer)

    def _handle(self, request: Request) -> Answer:
        self.advance()
        try:
            return self._token(request) if request.name == "POST /oauth/token" else self._routed(request)
        except RefusedError as refusal:
            return refusal.answer
        finally:
            self.advance()

    def _routed(self, request: Request) -> Answer:
        for route in self.routes():
            found = re.fullmatch(route.path, request.path)
            if found and route.method == request.method:
                self._known(request)
                if self.scopes is not None and (missing := set(route.scopes) - self.scopes):
                    raise RefusedError(403, f"the client lacks {', '.join(sorted(missing))}")
                return route.handler(request, **found.groupdict())
        raise RefusedError(404, f"there is no {request.name}")

    def _token(self, request: Request) -> Answer:
        form = {name: values[0] for name, values in parse_qs(request.raw.decode()).items()}
        scheme, _, basic = request.headers.get("authorization", "").partition(" ")
        given = (
            base64.b64decode(basic).decode()
            if scheme == "Basic"
            else ":".join((form.get("client_id", ""), form.get("client_secret", "")))
        )
        if form.get("grant_type") != "client_credentials" or given != f"{CLIENT}:{SECRET}":
            raise RefusedError(400, "client not found")
        token = uuid.uuid4().hex
        self._tokens.add(token)
        return Answer.of({"access_token": token, "token_type": "bearer", "expires_in": 3600})

    def _known(self, request: Request) -> None:
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self._tokens:
            raise RefusedError(401, "the token is not known")


def request_of(method: str, target: str, headers: Mapping[str, str], raw: bytes) -> Request:
    """A request from what comes over a wire."""
    path, _, query = target.partition("?")
    lower = {name.lower(): value for name, value in headers.items()}
    return Request(method, path, dict(parse_qsl(query, keep_blank_values=True)), lower, raw)
