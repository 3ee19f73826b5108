"""Every request that Penstock sends to GitLab is one that python-gitlab knows: route, method, fields and filters.

GitLab's own description of its API is in no package of PyPI or npm. python-gitlab keeps a table of it by hand.
"""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import dataclass
from typing import Any

import gitlab.mixins
import gitlab.v4.objects
import httpx
import pytest
from gitlab.base import RESTManager

from controller.forges.connect import ForgeConnection, connect_forge
from controller.forges.port import ForgeKind
from tests.forges.conformance.stories import OF_ALL, HastyClock
from tests.support.forges.gitlab import GitLab
from tests.support.forges.gitlab_access import GitLabToken
from tests.support.forges.server import Call, served

NAME = "acme/flows"
_PAGES = frozenset({"page", "per_page"})
_ORDER = frozenset({"order_by", "sort"})
"""Every listing of notes and members has them by GitLab's documentation; python-gitlab passes them on unnamed."""
_UNNAMED = {("GET", "notes"): frozenset({"activity_filter"}), ("GET", "all"): frozenset({"query"})}
"""Filters of GitLab's documentation that python-gitlab passes on without naming them, by the end of the path."""
_CREATED_AT = {gitlab.v4.objects.ProjectCommitStatusManager: "/projects/{project_id}/statuses/{commit_id}"}
"""Where a manager creates at another path than it lists, in a method of its own."""
_OBJECT = {"GET": gitlab.mixins.GetMixin, "PUT": gitlab.mixins.UpdateMixin, "DELETE": gitlab.mixins.DeleteMixin}
_LIST = {"GET": gitlab.mixins.ListMixin, "POST": gitlab.mixins.CreateMixin}
MANAGERS: list[type[RESTManager[Any]]] = [
    found
    for _, found in inspect.getmembers(gitlab.v4.objects, inspect.isclass)
    if issubclass(found, RESTManager) and getattr(found, "_path", None)
]


@dataclass(frozen=True, slots=True)
class Known:
    """A manager that makes such a request, and whether of one object or of all."""

    manager: Any
    of_one: bool


def known(call: Call) -> list[Known]:
    """Which managers make requests of this method to this path."""
    path, found = call.path.removeprefix(GitLab.prefix), []
    for manager in MANAGERS:
        template = _CREATED_AT.get(manager, manager._path) if call.method == "POST" else manager._path
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path):
            mixin = _LIST.get(call.method)
            alone = issubclass(manager, gitlab.mixins.GetWithoutIdMixin) and call.method == "GET"
            if alone or (mixin and issubclass(manager, mixin)):
                found.append(Known(manager, of_one=alone))
        elif re.fullmatch(pattern + "/[^/]+", path) and issubclass(manager, _OBJECT.get(call.method, type(None))):
            found.append(Known(manager, of_one=True))
    return found


def mistakes(call: Call) -> list[str]:
    """What of a request python-gitlab does not know."""
    about = f"{call.method} {call.path}"
    managers = known(call)
    if not managers:
        return [f"{about}: no such request"]
    manager = managers[0].manager
    if call.method == "GET":
        unnamed = _UNNAMED.get(("GET", manager._path.rpartition("/")[2]), frozenset())
        names = set() if managers[0].of_one else {*manager._list_filters, *_PAGES, *_ORDER, *unnamed}
        return [f"{about}: {name} is no filter" for name in sorted(call.query.keys() - names)]
    if call.method == "DELETE":
        return [f"{about}: has a body"] if call.raw else []
    fields = manager._create_attrs if call.method == "POST" else manager._update_attrs
    sent = json.loads(call.raw)
    unknown = sent.keys() - {*fields.required, *fields.optional}
    return [
        *(f"{about}: {name} is missing" for name in sorted(set(fields.required) - sent.keys())),
        *(f"{about}: {name} is no field" for name in sorted(unknown)),
    ]


async def test_every_request_is_known_to_python_gitlab() -> None:
    forge = GitLab()
    repository = forge.forge.repository(NAME)
    forge.forge.grant(repository, "write", "ada", "grace", "penstock")
    forge.tokens["token-of-penstock"] = GitLabToken("penstock")
    pull = forge.forge.pull_request(repository, "ada", "greeting", title="Change the greeting")
    forge.forge.review(pull, "grace")
    forge.forge.push(repository, "drift")
    with served(forge) as url:
        connection = ForgeConnection(
            kind=ForgeKind.GITLAB,
            repository=NAME,
            credentials="token-of-penstock",
            api_url=url,
            hosts=(httpx.URL(url).netloc.decode(),),
        )
        client = connect_forge(connection, clock=HastyClock())
        for story in OF_ALL:
            await story(client, pull)
        await client.aclose()

    assert {call.method for call in forge.calls} == {"GET", "POST", "PUT", "DELETE"}
    assert [mistake for call in forge.calls for mistake in mistakes(call)] == []


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "said_of_it"),
    [
        ("GET", "merge_requests", {"head": "greeting"}, None, "head is no filter"),
        ("GET", "merge_requests/1", {"state": "opened"}, None, "state is no filter"),
        ("POST", "merge_requests", {}, {"source_branch": "a", "title": "x"}, "target_branch is missing"),
        ("POST", "merge_requests/1/notes", {}, {"text": "the plan"}, "text is no field"),
        ("PATCH", "merge_requests/1/notes/2", {}, {"body": "the plan"}, "no such request"),
        ("POST", "merge_requests/1/comments", {}, {"body": "the plan"}, "no such request"),
        ("POST", "statuses/abc", {}, {"state": "success", "title": "x"}, "title is no field"),
    ],
)
def test_a_wrong_request_is_caught(
    method: str, path: str, query: dict[str, str], body: dict[str, Any] | None, said_of_it: str
) -> None:
    raw = b"" if body is None else json.dumps(body).encode()
    call = Call(method, f"{GitLab.prefix}/projects/acme%2Fflows/{path}", query, {}, raw, "")
    assert said_of_it in "; ".join(mistakes(call))
