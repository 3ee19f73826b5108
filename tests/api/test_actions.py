"""Actions: each has a reason, is about the plan that holds now, is done once, and is in the audit log."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from controller.domain.documents import plain
from controller.store.actions import ActionOutcome
from controller.store.audit import AuditEntry
from controller.store.audit_reading import AuditQuery, AuditReading
from tests.support.api import DIGEST, HOSTILE, ORGANIZATION, OTHER_DIGEST, ServedApi, organization_view
from tests.support.documents import follows_its_schema


async def act(served: ServedApi, verb: str, key: str | None = "key-1", **body: object) -> httpx.Response:
    headers = {} if key is None else {"idempotency-key": key}
    async with served.asked_by("olga") as client:
        return await client.post(f"/organizations/{ORGANIZATION}/{verb}", json=body, headers=headers)


def last_entry(served: ServedApi) -> AuditEntry:
    (entry,) = AuditReading(served.store.database).newest_first(AuditQuery(organization=ORGANIZATION), 1)
    return entry


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("sync", {"digest": DIGEST}),
        ("sync", {}),
        ("retry", {"flow": "front-door"}),
        ("rollback", {"flow": "front-door", "version": "6.0"}),
    ],
)
async def test_an_action_is_queued_and_can_be_followed(served: ServedApi, verb: str, body: dict[str, Any]) -> None:
    answer = await act(served, verb, reason="CHG-1", **body)

    assert answer.status_code == 202
    follows_its_schema(answer.json())
    action = served.store.actions.take(ORGANIZATION, "node-a")
    assert action is not None
    assert (action.verb, action.by, action.reason) == (verb, "olga", "CHG-1")
    assert (action.flow, action.digest, action.version) == (body.get("flow"), body.get("digest"), body.get("version"))
    served.store.actions.done(action, ActionOutcome.DONE, "in sync")
    async with served.asked_by("rita") as client:
        told = (await client.get(answer.headers["location"].removeprefix("/api/v1"))).json()["action"]
        listed = (await client.get(f"/organizations/{ORGANIZATION}")).json()["actions"]
    assert (told["outcome"], told["message"], told["taken_by"]) == ("done", "in sync", "node-a")
    assert listed == [told]
    entry = last_entry(served)
    assert (entry.action, entry.status, entry.actor) == ("request", "success", "olga")
    assert (entry.details["verb"], entry.details["reason"]) == (verb, "CHG-1")


async def test_the_same_request_with_the_same_key_is_one_action(served: ServedApi) -> None:
    first = await act(served, "sync", reason="CHG-1", digest=DIGEST)
    served.store.views.note(organization_view(served.clock, plan_digest=OTHER_DIGEST))
    again = await act(served, "sync", reason="CHG-1", digest=DIGEST)
    other = await act(served, "rollback", reason="CHG-1", flow="front-door")
    fresh = await act(served, "sync", "key-2", reason="CHG-1", digest=OTHER_DIGEST)

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (409, "idempotency-conflict")
    assert fresh.json()["action"]["id"] != first.json()["action"]["id"]
    assert len(served.store.actions.recent(ORGANIZATION)) == 2


@pytest.mark.parametrize("verb", ["sync", "retry", "rollback"])
async def test_what_is_queued_needs_a_key(served: ServedApi, verb: str) -> None:
    flow = {} if verb == "sync" else {"flow": "front-door"}
    answer = await act(served, verb, None, reason="CHG-1", **flow)

    assert answer.status_code == 422
    assert answer.json()["mistakes"][0]["place"] == "header.idempotency-key"


@pytest.mark.parametrize("verb", ["sync", "retry", "rollback", "approve", "accept", "suspend", "resume"])
@pytest.mark.parametrize("reason", [None, "", " \t", "x" * 1001])
async def test_no_action_without_a_reason(served: ServedApi, verb: str, reason: str | None) -> None:
    given = {} if reason is None else {"reason": reason}
    about = {"flow": "front-door"} if verb in ("retry", "rollback", "accept") else {}
    about |= {"digest": DIGEST} if verb == "approve" else {}
    answer = await act(served, verb, **given, **about)

    assert answer.status_code == 422
    assert [each["place"] for each in answer.json()["mistakes"]] == ["body.reason"]


async def test_only_the_plan_that_holds_now_is_approved(served: ServedApi) -> None:
    stale = await act(served, "approve", reason="CHG-1", digest=OTHER_DIGEST)
    assert (stale.status_code, stale.json()["code"]) == (409, "plan-stale")
    assert DIGEST in stale.json()["detail"]
    assert served.store.approvals.of(ORGANIZATION, OTHER_DIGEST) is None
    refused = last_entry(served)
    assert (refused.status, refused.details["code"]) == ("refused", "plan-stale")

    given = await act(served, "approve", reason="CHG-1", digest=DIGEST)
    again = await act(served, "approve", reason="CHG-1", digest=DIGEST)

    assert given.status_code == 200
    follows_its_schema(given.json())
    assert again.json() == given.json()
    approval = served.store.approvals.of(ORGANIZATION, DIGEST)
    assert approval is not None
    assert approval.by == "olga"
    said = AuditReading(served.store.database).newest_first(AuditQuery(action="approve"), 1)
    assert [(each.actor, each.details["reason"], each.details["plan"]) for each in said] == [("olga", "CHG-1", DIGEST)]


async def test_a_sync_of_another_plan_is_refused_and_not_queued(served: ServedApi) -> None:
    answer = await act(served, "sync", reason="CHG-1", digest=OTHER_DIGEST)

    assert (answer.status_code, answer.json()["code"]) == (409, "plan-stale")
    assert served.store.actions.recent(ORGANIZATION) == []


async def test_a_suspension_holds_until_it_is_resumed(served: ServedApi) -> None:
    first = await act(served, "suspend", reason="freeze")
    again = await act(served, "suspend", reason="another reason")
    assert again.json() == first.json()
    follows_its_schema(first.json())
    held = served.store.suspensions.of(ORGANIZATION)
    assert held is not None
    assert (held.by, held.reason) == ("olga", "freeze")

    resumed = await act(served, "resume", reason="over")

    assert resumed.json()["suspended"] is None
    assert served.store.suspensions.of(ORGANIZATION) is None


async def test_an_action_about_an_unknown_flow_or_organisation_is_not_kept(served: ServedApi) -> None:
    unknown = await act(served, "rollback", reason="CHG-1", flow="none")
    async with served.asked_by("olga") as client:
        elsewhere = await client.post("/organizations/none/suspend", json={"reason": "CHG-1"})

    assert (unknown.status_code, elsewhere.status_code) == (404, 404)
    assert served.store.actions.recent(ORGANIZATION) == []
    assert served.store.suspensions.active() == []


async def test_a_hostile_reason_and_key_break_nothing(served: ServedApi) -> None:
    reason = HOSTILE.replace("\ud800", "")
    answer = await act(served, "sync", reason=reason)
    async with served.asked_by("olga") as client:
        half = await client.post(
            f"/organizations/{ORGANIZATION}/suspend",
            content=b'{"reason": "\\ud800"}',
            headers={"content-type": "application/json"},
        )
        large = await client.post(
            f"/organizations/{ORGANIZATION}/suspend",
            content=b'{"reason": "' + b"x" * 70_000 + b'"}',
            headers={"content-type": "application/json"},
        )

    assert answer.json()["action"]["reason"] == reason
    assert answer.headers["location"] == "/api/v1/actions/1"
    assert (half.status_code, large.status_code) == (422, 413)
    assert plain(served.store.suspensions.active()) == []
