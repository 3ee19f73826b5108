"""What the three servers share: routes, the log of requests, faults, pages, and a real socket."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

import uvicorn

from tests.support.forges.model import Forge

WRITES = frozenset({"POST", "PATCH", "PUT", "DELETE"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server sends: JSON, or text where the body is one."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class RefusedError(Exception):
    """Ends a request with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status, answer.body)
        self.answer = answer


@dataclass(slots=True)
class Call:
    """A request as it arrived; `parts` are what its path names, `login` is whose token it bears."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes
    base: str
    parts: dict[str, str] = field(default_factory=dict)
    login: str = ""

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object or the form of its body; without a body, an empty one."""
        if self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(self.raw.decode()))
        parsed = json.loads(self.raw) if self.raw else {}
        return parsed if isinstance(parsed, dict) else {}

    def number(self, name: str, otherwise: int) -> int:
        """A whole number of the query."""
        value = self.query.get(name, "")
        return int(value) if value.isdecimal() else otherwise


Handler = Callable[[Call], Answer]


@dataclass(slots=True)
class _Fault:
    method: str
    part: str
    answer: Answer
    times: int
    done_first: bool

    def meets(self, call: Call) -> bool:
        return self.times > 0 and self.method in {call.method, "*"} and self.part in call.path


@dataclass(slots=True)
class Limit:
    """A primary rate limit: so many requests until the forge's clock is at `resets_at`."""

    limit: int
    remaining: int
    resets_at: int


class Server:
    """An ASGI application. Each dialect adds its routes, its errors and who may what."""

    prefix = ""
    page_size_name = "per_page"
    page_size = 30
    page_size_most = 100
    etags = False

    def __init__(self, forge: Forge | None = None) -> None:
        self.forge = forge or Forge()
        self.calls: list[Call] = []
        self.limit: Limit | None = None
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self._faults: list[_Fault] = []
        self._meanwhile: list[tuple[str, str, Callable[[], object]]] = []

    def route(self, method: str, template: str, handler: Handler, *, prefix: str | None = None) -> None:
        """Serve a path; `{name}` stands for one segment, `{name:int}` for digits; `prefix` replaces the API's own."""
        pattern = re.sub(r"\{(\w+):int\}", r"(?P<\1>\\d+)", template)
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
        self._routes.append((method, re.compile((self.prefix if prefix is None else prefix) + pattern), handler))

    def fail(self, method: str, part: str, answer: Answer, *, times: int = 1, done_first: bool = False) -> None:
        """Answer the next requests to such a path with this; `done_first` carries them out before."""
        self._faults.append(_Fault(method, part, answer, times, done_first))

    def meanwhile(self, method: str, part: str, action: Callable[[], object]) -> None:
        """Let somebody else act once, just before the next request to such a path is carried out."""
        self._meanwhile.append((method, part, action))

    def count(self, method: str = "*", part: str = "") -> int:
        """How many requests came of a method, with `part` in their path."""
        return sum(method in {call.method, "*"} for call in self.calls if part in call.path)

    def writes(self) -> list[str]:
        """`METHOD path` of each request that would change something, in order."""
        return [f"{call.method} {call.path}" for call in self.calls if call.method in WRITES]

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        raw = bytearray()
        while True:
            message = await receive()
            raw += message.get("body", b"")
            if not message.get("more_body"):
                break
        call = _call(scope, bytes(raw))
        self.calls.append(call)
        await _respond(self._conditional(call, self._answer(call)), send)

    def _answer(self, call: Call) -> Answer:
        for entry in [one for one in self._meanwhile if one[0] in {call.method, "*"} and one[1] in call.path]:
            self._meanwhile.remove(entry)
            entry[2]()
        fault = next((one for one in self._faults if one.meets(call)), None)
        if fault is not None:
            fault.times -= 1
            if fault.done_first:
                self._carried_out(call)
            return fault.answer
        return self._carried_out(call)

    def _carried_out(self, call: Call) -> Answer:
        try:
            self.admit(call)
            for method, pattern, handler in self._routes:
                match = pattern.fullmatch(call.path)
                if match and method == call.method:
                    call.parts = {name: unquote(value) for name, value in match.groupdict().items()}
                    answer = handler(call)
                    return Answer(answer.status, answer.body, {**self.headers(call), **answer.headers})
            raise self.not_found(call)
        except RefusedError as refused:
            return Answer(refused.answer.status, refused.answer.body, {**self.headers(call), **refused.answer.headers})

    def _conditional(self, call: Call, answer: Answer) -> Answer:
        if not self.etags or call.method != "GET" or answer.status != 200:
            return answer
        etag = f'W/"{hashlib.sha256(json.dumps(answer.body).encode()).hexdigest()}"'
        headers = {**answer.headers, "etag": etag}
        if call.headers.get("if-none-match") == etag:
            if self.limit is not None:
                self.limit.remaining += 1
            return Answer(304, None, headers)
        return Answer(200, answer.body, headers)

    def admit(self, call: Call) -> None:
        """Know whose token it is, and count the request against the limit. Raises RefusedError."""

    def headers(self, call: Call) -> dict[str, str]:
        """What every answer bears."""
        return {}

    def not_found(self, call: Call) -> RefusedError:
        """The dialect's word for what is not there, or is hidden."""
        return RefusedError(Answer(404, {"message": "Not Found"}))

    def page(self, call: Call, items: list[Any]) -> tuple[list[Any], dict[str, int]]:
        """One page of a listing, and its numbers: page, size, last, total."""
        size = max(1, min(call.number(self.page_size_name, self.page_size), self.page_size_most))
        page = max(1, call.number("page", 1))
        last = max(1, -(-len(items) // size))
        return items[(page - 1) * size : page * size], {"page": page, "size": size, "last": last, "total": len(items)}

    def link(self, call: Call, numbers: Mapping[str, int]) -> dict[str, str]:
        """The Link header of RFC 8288, as all three send it; none where there is one page."""
        page, last = numbers["page"], numbers["last"]
        pages = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        if page <= 1:
            del pages["prev"], pages["first"]
        if page >= last:
            del pages["next"], pages["last"]
        links = []
        for name, number in pages.items():
            query = urlencode({**call.query, self.page_size_name: numbers["size"], "page": number})
            links.append(f'<{call.base}{call.path}?{query}>; rel="{name}"')
        return {"link": ", ".join(links)} if links else {}


def _call(scope: Mapping[str, Any], raw: bytes) -> Call:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    path = scope["raw_path"].decode("ascii").partition("?")[0]
    query = dict(parse_qsl(scope["query_string"].decode("ascii"), keep_blank_values=True))
    base = f"{scope['scheme']}://{headers.get('host', 'forge.example.com')}"
    return Call(scope["method"], path, query, headers, raw, base)


async def _respond(answer: Answer, send: Any) -> None:
    kind, body = "application/json; charset=utf-8", json.dumps(answer.body).encode()
    if isinstance(answer.body, str):
        kind, body = "text/plain; charset=utf-8", answer.body.encode()
    bodiless = answer.status in {204, 304}
    about = {} if bodiless else {"content-type": kind, "content-length": str(len(body))}
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in {**about, **answer.headers}.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if bodiless else body})


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The application on a loopback socket, in a thread of its own; gives the base URL, without a final slash."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=60)
        listening.close()
        assert not thread.is_alive(), "the server did not end"
