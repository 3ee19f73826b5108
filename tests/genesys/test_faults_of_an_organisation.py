"""Every fault that the simulated organisation knows, met by a read and by a write."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import pytest

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.manifest import HostNotAllowed
from controller.domain.errors.organization import AnswerLost, BadAnswer, RateLimited, ServerFault, Unreachable
from controller.domain.platform import PublishRequest
from controller.genesys.connect import ArchitectPlatform
from controller.simulator.faults import ANSWER_FAULTS, FaultKind
from controller.simulator.simulator import Simulator
from tests.genesys.conftest import Connect
from tests.genesys.hands import Hands, ivr
from tests.support.clock import SteppedClock

READ = {"route": "/api/v2/flows/{flowId}"}
WRITE = {"route": "/api/v2/flows/actions/publish"}


class Case(NamedTuple):
    """A fault that stays, and how a read and a write end then."""

    kind: str
    details: dict[str, Any]
    read: type[PenstockError]
    write: type[PenstockError]


FAULTS = [
    Case("http-429", {}, RateLimited, RateLimited),
    Case("http-429", {"retry_after_date": True, "retry_after_s": 5}, RateLimited, RateLimited),
    Case("http-5xx", {"status": 500}, ServerFault, AnswerLost),
    Case("http-5xx", {"status": 503, "retry_after_s": 3}, ServerFault, AnswerLost),
    Case("http-5xx", {"status": 504, "point": "after"}, ServerFault, AnswerLost),
    Case("reset", {"point": "before"}, Unreachable, AnswerLost),
    Case("reset", {"point": "after"}, Unreachable, AnswerLost),
    Case("reset", {"point": "middle"}, Unreachable, AnswerLost),
    Case("slow-body", {"delay_s": 600}, Unreachable, AnswerLost),
    Case("truncated-json", {}, ServerFault, AnswerLost),
    Case("html-error", {"status": 200}, ServerFault, AnswerLost),
    Case("html-error", {"status": 502}, ServerFault, AnswerLost),
    Case("wrong-type", {}, BadAnswer, AnswerLost),
    Case("missing-field", {"field": "id"}, BadAnswer, AnswerLost),
    Case("huge-body", {"size": 20_000_000}, BadAnswer, AnswerLost),
    Case("redirect", {}, HostNotAllowed, HostNotAllowed),
]
NAMES = [f"{case.kind} {case.details}" for case in FAULTS]


def test_every_fault_that_can_hit_an_answer_is_met_here() -> None:
    assert {FaultKind(case.kind) for case in FAULTS} == ANSWER_FAULTS


@pytest.mark.parametrize("case", FAULTS, ids=NAMES)
async def test_a_read_meets_a_fault_that_stays(hands: Hands, organization: ArchitectPlatform, case: Case) -> None:
    flow_id = await hands.make(ivr())
    hands.break_down(case.kind, match=READ, **case.details)
    with pytest.raises(case.read, match=r"GET /api/v2/flows/\{flowId\}"):
        await organization.flows.get(flow_id)


@pytest.mark.parametrize("case", FAULTS, ids=NAMES)
async def test_a_write_meets_a_fault_that_stays(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform, clock: SteppedClock, case: Case
) -> None:
    """Whatever becomes of it: no version is published twice."""
    flow_id = await hands.make(ivr())
    await hands.do("checkin", flow_id)
    hands.break_down(case.kind, match=WRITE, **case.details)
    with pytest.raises(case.write, match="POST /api/v2/flows/actions/publish"):
        await organization.publishing.publish(PublishRequest(flow_id, "2.0"))
    await clock.sleep(30)
    assert (await hands.history(flow_id, "publish")).count("2.0") <= 1
    if case.write is AnswerLost:
        assert simulator.calls.count("POST", WRITE["route"]) <= 1


TRANSIENT = [case for case in FAULTS if case.kind not in ("huge-body", "redirect")]


@pytest.mark.parametrize("case", TRANSIENT, ids=[f"{case.kind} {case.details}" for case in TRANSIENT])
async def test_a_read_survives_a_fault_that_passes(hands: Hands, organization: ArchitectPlatform, case: Case) -> None:
    flow_id = await hands.make(ivr())
    hands.break_down(case.kind, match=READ, times=2, **case.details)
    found = await organization.flows.get(flow_id)
    assert found
    assert found.id == flow_id


async def test_a_token_that_expires_early_is_renewed_unseen(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform
) -> None:
    flow_id = await hands.make(ivr())
    await organization.flows.get(flow_id)
    simulator.calls.clear()
    hands.break_down("expired-token", times=1)
    assert await organization.flows.get(flow_id)
    assert [(call.method, call.route, call.status) for call in simulator.calls.log()] == [
        ("GET", READ["route"], 401),
        ("POST", "/oauth/token", 200),
        ("GET", READ["route"], 200),
    ]


async def test_the_token_endpoints_limit_is_waited_for(
    hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    flow_id = await hands.make(ivr())
    hands.break_down("token-rate-limited", times=1)
    assert await organization.flows.get(flow_id)
    assert clock.elapsed_s == pytest.approx(60)


async def test_a_storm_of_429s_is_weathered_by_many_calls_at_once(
    simulator: Simulator, hands: Hands, open_organization: Connect, clock: SteppedClock
) -> None:
    """After the first 429 everybody waits: the storm is not fed with as many requests as there are calls."""
    flow_id = await hands.make(ivr())
    organization = open_organization()
    hands.break_down("http-429", retry_after_s=20, for_s=50)
    flows = await asyncio.gather(*(organization.flows.get(flow_id) for _ in range(100)))
    assert all(flows)
    assert clock.elapsed_s < 120
    assert simulator.calls.count(status=429) < 3 * 16 + 1
