"""Prism, a validating proxy that others wrote, between a client and a fake: it knows GitHub's published description."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from tests.support.node import NODE, environment, installed, packed
from tests.support.patience import PATIENCE_S
from tests.support.shell import free_port

DESCRIPTION = "@octokit/openapi@23.0.2"
PRISM = "@stoplight/prism-cli@5.16.0"
_MEMBER = "generated/api.github.com.json"
_REPOSITORY = re.escape("/repos/{owner}/{repo}")
_NEEDED = re.compile(
    rf"{_REPOSITORY}(/(pulls|issues|statuses|check-runs|commits|collaborators|installation)\b.*)?|/app\b.*|/user"
)
"""The rest of the description takes Prism minutes to read; a request to none of these is found no path."""
_UNREAD = frozenset({"example", "examples"})


@cache
def description() -> Mapping[str, Any]:
    """GitHub's own description of its REST API and of its webhooks."""
    read = json.loads(packed(DESCRIPTION, _MEMBER).read_text("utf-8"))
    assert isinstance(read, dict)
    return read


def needed(prefix: str) -> dict[str, Any]:
    """The part of it that is about repositories, Apps and the user, for an API below this path."""
    whole = description()
    paths = {prefix + path: _without_examples(item) for path, item in whole["paths"].items() if _NEEDED.fullmatch(path)}
    components: dict[str, dict[str, Any]] = {}
    todo = [paths]
    while todo:
        for kind, name in _references(todo.pop()):
            if name not in components.setdefault(kind, {}):
                components[kind][name] = _without_examples(whole["components"][kind][name])
                todo.append(components[kind][name])
    return {"openapi": whole["openapi"], "info": whole["info"], "paths": paths, "components": components}


def _references(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str):
            _, _, kind, name = reference.split("/")
            yield kind, name
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from _references(child)


def _without_examples(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_examples(value) for key, value in node.items() if key not in _UNREAD}
    return [_without_examples(item) for item in node] if isinstance(node, list) else node


@dataclass(frozen=True, slots=True)
class Violation:
    """Where a request or an answer is not as described, and how."""

    call: str
    side: str
    """`request` or `response`."""
    place: str
    message: str


class Watch(httpx.AsyncHTTPTransport):
    """The network, which keeps what Prism said of each exchange."""

    def __init__(self) -> None:
        super().__init__()
        self.violations: list[Violation] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        self.violations += said(f"{request.method} {request.url.raw_path.decode()}", answer)
        return answer


def said(call: str, answer: httpx.Response) -> list[Violation]:
    """What Prism says of an exchange in its answer. The description leaves out most refusals: those are not judged."""
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        return [Violation(call, "request", "path", f"{answer.status_code}: not described, or not forwarded")]
    found = [
        Violation(call, one["location"][0], ".".join(map(str, one["location"][1:])), one["message"])
        for one in json.loads(answer.headers.get("sl-violations", "[]"))
    ]
    return [one for one in found if one.side == "request" or answer.is_success]


@contextmanager
def prism(upstream: str, folder: Path) -> Iterator[str]:
    """Prism before this API, whose path it keeps; gives its own URL without a path. Skips where it cannot be."""
    program = installed(PRISM) / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
    origin = httpx.URL(upstream)
    port = free_port()
    document = folder / "description.json"
    document.write_text(json.dumps(needed(origin.path.rstrip("/"))), "utf-8")
    log = folder / "prism.log"
    command = [NODE, program, "proxy", "--port", str(port), "--errors", "false", document]
    with (
        log.open("w") as written,
        subprocess.Popen(
            [*command, f"{origin.scheme}://{origin.netloc.decode()}"],
            stdout=written,
            stderr=written,
            env={**environment(), "HOME": str(folder), "NO_COLOR": "1", "NO_PROXY": "127.0.0.1"},
        ) as process,
    ):
        try:
            _await_start(process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE_S)


def _await_start(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while "Prism is listening" not in log.read_text("utf-8"):
        assert process.poll() is None, log.read_text("utf-8")
        assert time.monotonic() < deadline, log.read_text("utf-8")
        time.sleep(0.1)
