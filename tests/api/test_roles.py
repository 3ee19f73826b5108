"""No answer without the role read, no action without the role operate, in that organisation."""

from __future__ import annotations

import re

import pytest

from controller.domain.identity import FlowKey
from controller.store.audit import AuditEntry
from controller.store.audit_reading import AuditQuery, AuditReading
from tests.support.api import DIGEST, ORGANIZATION, ServedApi, organization_view, sync_of

VERBS = ("sync", "retry", "rollback", "approve", "accept", "suspend", "resume")
BODIES = {
    "approve": {"reason": "CHG-1", "digest": DIGEST},
    **{verb: {"reason": "CHG-1", "flow": "front-door"} for verb in ("retry", "rollback", "accept")},
}
OF_ONE = ("", "/flows", "/drift", "/plan", "/graph", "/history", "/flows/front-door", "/flows/front-door/diff")


def paths(served: ServedApi) -> list[tuple[str, str]]:
    """Method and path of every operation in the description, with names that exist."""
    values = {"{organization}": ORGANIZATION, "{flow}": "front-door", "{sync}": "1", "{action}": "1"}
    found = []
    for described, item in served.api.openapi()["paths"].items():
        path = re.sub(r"\{\w+\}", lambda name: values[name[0]], described)
        found += [(method, path) for method in item]
    return found


async def test_every_operation_refuses_a_caller_without_a_token(served: ServedApi) -> None:
    async with served.asked_by(None) as client:
        for method, path in paths(served):
            answer = await client.request(method, path)
            assert answer.status_code == 401, (method, path)
            assert answer.json()["code"] == "unauthenticated"
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_every_operation_refuses_a_wrong_token(served: ServedApi) -> None:
    async with served.asked_by(None) as client:
        for method, path in paths(served):
            answer = await client.request(method, path, headers={"Authorization": "Bearer penstock_wrong"})
            assert answer.status_code in (401, 429), (method, path)


async def test_who_reads_changes_nothing(served: ServedApi) -> None:
    async with served.asked_by("rita") as client:
        for verb in VERBS:
            answer = await client.post(
                f"/organizations/{ORGANIZATION}/{verb}",
                json=BODIES.get(verb, {"reason": "CHG-1"}),
                headers={"idempotency-key": "1"},
            )
            assert answer.status_code == 403, verb

    assert served.store.actions.recent(ORGANIZATION) == []
    assert served.store.suspensions.of(ORGANIZATION) is None
    assert served.store.approvals.of(ORGANIZATION, DIGEST) is None


async def test_who_operates_elsewhere_neither_reads_nor_changes_here(served: ServedApi) -> None:
    async with served.asked_by("elsa") as client:
        for path in OF_ONE:
            assert (await client.get(f"/organizations/{ORGANIZATION}{path}")).status_code == 403, path
        for verb in VERBS:
            answer = await client.post(
                f"/organizations/{ORGANIZATION}/{verb}",
                json=BODIES.get(verb, {"reason": "CHG-1"}),
                headers={"idempotency-key": "1"},
            )
            assert answer.status_code == 403, verb
        assert (await client.get("/syncs/1")).status_code == 403
        for path in ("/syncs", "/audit", "/events"):
            assert (await client.get(path, params={"organization": ORGANIZATION})).status_code == 403

    assert served.store.suspensions.of(ORGANIZATION) is None


async def test_answers_about_several_organisations_have_those_that_one_may_see(served: ServedApi) -> None:
    served.store.views.post(organization_view(served.clock, "elsewhere"), [])
    served.store.audit.append(AuditEntry("elsewhere", "publish", "success", "Grace"))
    sync_of(served.store, [("desk", FlowKey("inboundcall", "Desk"))], organization="elsewhere")
    async with served.asked_by("elsa") as client:
        found = {path: (await client.get(path)).json() for path in ("/organizations", "/running", "/syncs", "/audit")}

    assert [each["name"] for each in found["/organizations"]["organizations"]] == ["elsewhere"]
    assert found["/running"]["passes"] == []
    assert {each["organization"] for each in found["/syncs"]["syncs"]} == {"elsewhere"}
    assert {each["organization"] for each in found["/audit"]["entries"]} == {"elsewhere"}


@pytest.mark.parametrize("verb", VERBS)
async def test_a_refused_action_is_in_the_audit_log_with_the_person(served: ServedApi, verb: str) -> None:
    async with served.asked_by("rita") as client:
        await client.post(
            f"/organizations/{ORGANIZATION}/{verb}",
            json=BODIES.get(verb, {"reason": "CHG-1"}),
            headers={"idempotency-key": "1"},
        )

    (entry,) = AuditReading(served.store.database).newest_first(AuditQuery(), 1)
    assert (entry.actor, entry.status) == ("rita", "refused")
    assert verb in str(entry.details["verb"])
