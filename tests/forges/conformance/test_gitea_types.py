"""Every request that Penstock sends to Gitea has the types of gitea-js, which come from Gitea's own description.

Each request is written as a call of gitea-js, and TypeScript's compiler says what is wrong with it: an unknown route,
field or parameter, a missing one, a value of another type or outside an enumeration.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from controller.forges.connect import ForgeConnection, connect_forge
from controller.forges.port import ForgeKind
from tests.forges.conformance.gitea_js import PACKAGES
from tests.forges.conformance.stories import OF_ALL, HastyClock
from tests.support.forges.gitea import Gitea
from tests.support.forges.gitea_access import GiteaToken
from tests.support.forges.server import Call, served
from tests.support.node import NODE, environment, installed

NAME = "acme/flows"
_GROUP = re.compile(r"^    (\w+): \{$")
_REQUEST = re.compile(r"@request (\w+):(\S+)")
_METHOD = re.compile(r"^        (\w+): \(([^{]*)")
_OPTIONS = ("--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "node16")
_WORDS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of gitea-js and the request that it makes."""

    name: str
    method: str
    path: re.Pattern[str]
    takes_body: bool
    takes_query: bool

    def written(self, call: Call) -> str:
        """The request as a call of the method."""
        match = self.path.fullmatch(call.path.removeprefix(Gitea.prefix))
        assert match is not None
        arguments: list[Any] = [_value(value) for value in match.groups()]
        if self.takes_query:
            arguments.append({name: _value(value) for name, value in call.query.items()})
        elif call.query:
            arguments.append({"query": call.query})
        if self.takes_body or call.raw:
            arguments.append(json.loads(call.raw))
        return f"api.{self.name}({', '.join(map(json.dumps, arguments))});"


def _value(text: str) -> Any:
    return int(text) if text.isdecimal() else _WORDS.get(text, text)


def operations(declarations: str) -> list[Operation]:
    """All methods that gitea-js declares."""
    found, group, request = [], "", None
    for line in declarations.splitlines():
        if match := _GROUP.match(line):
            group = match[1]
        elif match := _REQUEST.search(line):
            request = match
        elif request and (match := _METHOD.match(line)):
            path = re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(request[2]))
            body, query = " body: " in match[2] or "(body: " in line, " query?: " in match[2] or "(query?: " in line
            found.append(Operation(f"{group}.{match[1]}", request[1], re.compile(path), body, query))
            request = None
    return found


def mistakes(calls: Iterable[Call], folder: Path) -> list[str]:
    """What the compiler says of these requests; a request to no known route is one that no method makes."""
    packages = installed(*PACKAGES) / "node_modules"
    known = operations((packages / "gitea-js" / "dist" / "index.d.ts").read_text("utf-8"))
    lines = ['import { giteaApi } from "gitea-js";', 'const api = giteaApi("https://gitea.example.com");']
    for call in calls:
        path = call.path.removeprefix(Gitea.prefix)
        made = [one for one in known if one.method == call.method and one.path.fullmatch(path)]
        made.sort(key=lambda one: one.path.groups)  # the most literal path
        lines.append(made[0].written(call) if made else f'api.none("{call.method} {path}");')
    (folder / "node_modules").symlink_to(packages)
    (folder / "requests.mts").write_text("\n".join(lines), "utf-8")
    command = [NODE, packages / "typescript" / "lib" / "tsc.js", *_OPTIONS, "requests.mts"]
    done = subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, timeout=300, env=environment()
    )
    return [line for line in done.stdout.splitlines() if "error TS" in line]


WRONG: list[tuple[str, str, dict[str, str], dict[str, Any] | None]] = [
    ("GET", "/repos/acme/flows/pulls", {"state": "opened"}, None),
    ("GET", "/repos/acme/flows/pulls", {"per_page": "50"}, None),
    ("GET", "/repos/acme/flows/pulls/1", {"limit": "50"}, None),
    ("POST", "/repos/acme/flows/issues/1/comments", {}, {"text": "the plan"}),
    ("POST", "/repos/acme/flows/issues/1/comments", {}, {}),
    ("PATCH", "/repos/acme/flows/pulls/1", {}, {"title": 7}),
    ("PATCH", "/repos/acme/flows/pulls/1/comments/2", {}, {"body": "x"}),
]
"""An unknown word, a parameter of another forge, one where none is taken, a wrong field, none, a type, a route."""


async def test_every_request_has_the_types_of_gitea_js_and_each_wrong_one_is_caught(tmp_path: Path) -> None:
    """The right of an administrator is what Gitea demands of one who asks for the permissions of others."""
    forge = Gitea()
    repository = forge.forge.repository(NAME)
    forge.forge.grant(repository, "write", "ada", "grace")
    forge.forge.grant(repository, "admin", "penstock")
    forge.tokens["token-of-penstock"] = GiteaToken("penstock")
    pull = forge.forge.pull_request(repository, "ada", "greeting", title="Change the greeting")
    forge.forge.review(pull, "grace")
    forge.forge.push(repository, "drift")
    with served(forge) as url:
        connection = ForgeConnection(
            kind=ForgeKind.GITEA,
            repository=NAME,
            credentials="token-of-penstock",
            api_url=url,
            hosts=(httpx.URL(url).netloc.decode(),),
        )
        client = connect_forge(connection, clock=HastyClock())
        for story in OF_ALL:
            await story(client, pull)
        await client.aclose()

    assert {call.method for call in forge.calls} == {"GET", "POST", "PATCH", "DELETE"}
    wrong = [
        Call(method, Gitea.prefix + path, query, {}, b"" if body is None else json.dumps(body).encode(), "")
        for method, path, query, body in WRONG
    ]
    found = mistakes([*forge.calls, *wrong], tmp_path)
    first = 3 + len(forge.calls)
    assert [int(re.findall(r"\((\d+),", one)[0]) - first for one in found] == list(range(len(WRONG))), found
