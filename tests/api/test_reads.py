"""Reads: documents with the fields of their schemas, pages, filters, any name, and a bounded number of queries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import event

from controller.cli.commands.schema import DOCUMENTS
from controller.domain.identity import FlowKey
from controller.domain.status import Health
from controller.store.audit import AuditEntry
from tests.support.api import HOSTILE, ORGANIZATION, ServedApi, flow_view, organization_view, sync_of
from tests.support.documents import follows_its_schema

MANY = 10_000


@contextmanager
def statements(served: ServedApi) -> Iterator[list[str]]:
    """What is executed meanwhile."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        found.append(statement)

    engine = served.store.database._engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def read(served: ServedApi, path: str, **query: object) -> dict[str, Any]:
    async with served.asked_by("rita") as client:
        answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(
    "path",
    [
        "/organizations",
        "/organizations/acme",
        "/organizations/acme/flows",
        "/organizations/acme/flows/front-door",
        "/organizations/acme/flows/opening-hours",
        "/organizations/acme/drift",
        "/organizations/acme/plan",
        "/running",
        "/syncs",
        "/syncs/1",
        "/audit",
    ],
)
async def test_an_answer_has_exactly_the_fields_of_its_schema(served: ServedApi, path: str) -> None:
    document = await read(served, path)

    assert str(document["schema"]).removeprefix("penstock.") in DOCUMENTS
    follows_its_schema(document)


async def test_an_organisation_tells_what_the_last_pass_found_and_what_runs(served: ServedApi) -> None:
    served.store.suspensions.suspend(ORGANIZATION, by="Ada", reason="CHG-7")
    (found,) = (await read(served, "/organizations"))["organizations"]

    assert (found["sync"], found["health"], found["at_work"]) == ("OutOfSync", "Progressing", "node-a")
    assert (found["suspended"]["by"], found["suspended"]["reason"]) == ("Ada", "CHG-7")
    assert (found["last_sync"]["id"], found["last_sync"]["state"]) == (1, "succeeded")
    assert [flow["state"] for flow in found["running"]["flows"]] == ["baking"]
    assert found["held_back"][0]["code"] == "window-closed"


async def test_a_flow_tells_its_three_states_and_every_open_problem(served: ServedApi) -> None:
    front = await read(served, "/organizations/acme/flows/front-door")
    hours = await read(served, "/organizations/acme/flows/opening-hours")

    assert (front["flow"]["recorded"], front["flow"]["version"]) == ("7.0", "7.0")
    assert front["flow"]["wanted"].startswith("sha256:")
    assert front["change"]["change"] == "publish"
    assert front["running"]["state"] == "baking"
    assert front["last_change"]["writes"][0]["action"] == "publish"
    assert [problem["code"] for problem in front["problems"]] == ["window-closed", "quarantined"]
    assert [problem["code"] for problem in hours["problems"]] == ["degraded"]
    assert [drift["actual"] for drift in hours["drift"]] == ["4.0"]
    assert hours["running"] is hours["change"] is None


async def test_what_does_not_exist_is_not_found_and_says_where_to_look(served: ServedApi) -> None:
    async with served.asked_by("rita") as client:
        for path in ("/organizations/none", "/organizations/acme/flows/none", "/syncs/99", "/actions/99", "/none"):
            answer = await client.get(path)
            assert answer.status_code == 404, path
            assert answer.headers["content-type"] == "application/problem+json"
            assert (answer.json()["code"], bool(answer.json()["hint"])) == ("unknown-resource", True)


async def test_pages_of_syncs_and_of_the_audit_log_follow_each_other(served: ServedApi) -> None:
    for number in range(4):
        sync_of(served.store, [(f"flow-{number}", FlowKey("inboundcall", f"Flow {number}"))])
        served.store.audit.append(AuditEntry(ORGANIZATION, "publish", "success", f"person {number}"))
    first = await read(served, "/syncs", limit=2)
    second = await read(served, "/syncs", limit=2, before=first["next"])
    last = await read(served, "/syncs", limit=2, before=second["next"])
    entries = await read(served, "/audit", limit=2)
    older = await read(served, "/audit", limit=2, before=entries["next"])

    assert [[sync["id"] for sync in page["syncs"]] for page in (first, second, last)] == [[5, 4], [3, 2], [1]]
    assert last["next"] is None
    assert [each["actor"] for page in (entries, older) for each in page["entries"]] == [
        "person 3",
        "person 2",
        "person 1",
        "person 0",
    ]
    assert entries["more"]


async def test_the_changes_of_a_sync_come_in_pages_and_are_counted(served: ServedApi) -> None:
    flows = [(f"flow-{number}", FlowKey("inboundcall", f"Flow {number}")) for number in range(5)]
    sync = sync_of(served.store, flows, writes=2)
    found = await read(served, f"/syncs/{sync}", limit=2, offset=1)

    assert found["sync"]["steps"] == {"pending": 3, "recorded": 2}
    assert (found["total"], [step["flow"] for step in found["steps"]]) == (5, ["flow-1", "flow-2"])
    assert [len(step["writes"]) for step in found["steps"]] == [1, 0]


async def test_the_audit_log_is_read_by_each_of_its_parameters(served: ServedApi) -> None:
    served.store.audit.append(AuditEntry(ORGANIZATION, "rollback", "failure", "Ada", flow="inboundcall/Front door"))
    now = served.clock.now().isoformat()
    for query in ({"action": "rollback"}, {"actor": "Ada"}):
        assert [each["actor"] for each in (await read(served, "/audit", **query))["entries"]] == ["Ada"]
    assert len((await read(served, "/audit", flow="Front door"))["entries"]) == 2
    assert len((await read(served, "/audit", until=now))["entries"]) == 2
    assert (await read(served, "/audit", since=now))["entries"] == []


@pytest.mark.parametrize("name", [HOSTILE, "type/with/slashes", "ends-with/history", "..", "?#&=%", " "])
async def test_any_name_comes_back_as_it_is(served: ServedApi, name: str) -> None:
    said = name.replace("\ud800", "")  # no path, no store and no HTTP header can have half a character
    flow = flow_view(served.clock, "hostile", said)
    served.store.views.post(organization_view(served.clock), [flow, replace(flow, flow=f"a/{said}")])
    async with served.asked_by("rita") as client:
        page = await client.get("/organizations/acme/flows", params={"search": said})
        one = await client.get(f"/organizations/acme/flows/{quote(f'a/{said}', safe='')}")

    assert {each["name"] for each in page.json()["flows"]} == {said}
    if not said.endswith("/history"):
        assert one.json()["flow"]["flow"] == f"a/{said}"
    for answer in (page, one):
        assert answer.content.isascii()
        assert "set-cookie" not in answer.headers
        assert not any("alert" in value for value in answer.headers.values())


async def test_the_queries_for_a_page_do_not_grow_with_the_flows(served: ServedApi) -> None:
    counts = []
    for number in (10, MANY):
        flows = [
            flow_view(served.clock, f"flow-{each:05}", f"Flow {each}", health=list(Health)[each % 6])
            for each in range(number)
        ]
        served.store.views.post(organization_view(served.clock), flows)
        with statements(served) as seen:
            page = await read(served, "/organizations/acme/flows", search="flow", sort="-health", limit=100)
            await read(served, "/organizations/acme/flows/flow-00003")
            await read(served, "/organizations")
        counts.append(len(seen))

    assert page["total"] == MANY
    assert len(page["flows"]) == 100
    assert counts[0] == counts[1]
    assert counts[0] <= 40


async def test_the_queries_for_syncs_do_not_grow_with_their_changes(served: ServedApi) -> None:
    with statements(served) as few:
        await read(served, "/syncs")
        await read(served, "/syncs/1")
    flows = [(f"flow-{number}", FlowKey("inboundcall", f"Flow {number}")) for number in range(300)]
    for _ in range(3):
        sync_of(served.store, flows, writes=5)
    with statements(served) as many:
        page = await read(served, "/syncs")
        await read(served, "/syncs/4")

    assert page["syncs"][0]["steps"] == {"pending": 295, "recorded": 5}
    assert len(many) == len(few)


@pytest.mark.parametrize("path", ["/syncs?organization=acme&organization=other", "/audit?limit=1&limit=2"])
async def test_a_parameter_that_is_given_twice_is_refused_by_name(served: ServedApi, path: str) -> None:
    async with served.asked_by("rita") as client:
        answer = await client.get(path)

    assert answer.status_code == 422
    (mistake,) = answer.json()["mistakes"]
    assert mistake["place"] in ("query.organization", "query.limit")
    assert "more than once" in mistake["message"]
