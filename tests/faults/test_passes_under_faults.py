"""What a whole pass does under each fault that an answer can have: one table, both dialects.

A row says which fault hits which calls, and how the pass ends: `delivered`, or with the code of an error. Whatever
happens: no version is published twice, nothing is sent to another host, no secret is logged, and the first pass after
the fault delivers.

Faults of the same call are played in one world, each with a flow of its own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from structlog.testing import capture_logs

from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.status import SyncStatus
from tests.faults.outcome import DELIVERED, how
from tests.faults.rows import begin_row
from tests.support.sources import inbound
from tests.support.world import SECRET, World

ANYTHING: dict[str, str] = {}
LISTING = {"route": "/api/v2/flows"}
TOKEN = {"route": "/oauth/token"}
REGISTER = {"method": "POST", "route": "/api/v2/flows/jobs"}
UPLOAD = {"method": "PUT"}
PUBLISH = {"route": "/api/v2/flows/{flowId}/versions/{versionId}/publish"}
BOTH = (ARCHITECT, VERSIONED)
TWICE = {"times": 2}
SLOW = {"delay_s": 600}
FOREIGN = {"location": "https://elsewhere.example/"}


class Row(NamedTuple):
    kind: str
    details: dict[str, Any]
    match: dict[str, str]
    ends: str
    dialects: tuple[str, ...] = BOTH
    at_least_s: float = 0


def where(row: Row) -> str:
    """The call that the fault hits."""
    return " ".join(row.match.values()) or "anywhere"


TABLE = [
    # A fault that passes costs time, and is not seen in the result.
    Row("http-429", {"retry_after_s": 20, **TWICE}, ANYTHING, DELIVERED, at_least_s=40),
    Row("http-429", {"retry_after_s": 20, "retry_after_date": True, **TWICE}, ANYTHING, DELIVERED, at_least_s=40),
    Row("http-5xx", TWICE, ANYTHING, DELIVERED),
    Row("http-5xx", {"point": "after", **TWICE}, ANYTHING, DELIVERED),
    Row("http-5xx", {"retry_after_s": 30, **TWICE}, ANYTHING, DELIVERED, at_least_s=60),
    Row("reset", TWICE, ANYTHING, DELIVERED),
    Row("reset", {"point": "after", **TWICE}, ANYTHING, DELIVERED),
    Row("reset", {"point": "middle", **TWICE}, ANYTHING, DELIVERED),
    Row("slow-body", {**SLOW, **TWICE}, ANYTHING, DELIVERED, at_least_s=240),
    Row("truncated-json", TWICE, ANYTHING, DELIVERED),
    Row("html-error", TWICE, ANYTHING, DELIVERED),
    Row("html-error", {"status": 503, **TWICE}, ANYTHING, DELIVERED),
    Row("token-rate-limited", TWICE, ANYTHING, DELIVERED, at_least_s=60),
    Row("expired-token", {"nth": 2, "times": 1}, ANYTHING, DELIVERED),
    # A fault that stays while the organisation is looked at ends the pass before anything is written.
    Row("http-429", {"retry_after_s": 20}, LISTING, "rate-limited", at_least_s=60),
    Row("http-5xx", {}, LISTING, "server-fault"),
    Row("reset", {}, LISTING, "unreachable"),
    Row("slow-body", SLOW, LISTING, "unreachable", at_least_s=480),
    Row("truncated-json", {}, LISTING, "server-fault"),
    Row("html-error", {}, LISTING, "server-fault"),
    Row("wrong-type", {}, LISTING, "bad-answer"),
    Row("wrong-type", {"field": "entities"}, LISTING, "bad-answer"),
    Row("missing-field", {"field": "entities"}, LISTING, "bad-answer"),
    Row("huge-body", {"size": 20_000_000}, LISTING, "bad-answer", (ARCHITECT,)),
    Row("huge-body", {"size": 100_000_000}, LISTING, "bad-answer", (VERSIONED,)),
    Row("redirect", FOREIGN, LISTING, "host-not-allowed"),
    Row("expired-token", {}, LISTING, "authentication-failed"),
    Row("token-rate-limited", {}, TOKEN, "rate-limited", at_least_s=120),
    Row("http-5xx", {}, TOKEN, "server-fault"),
    Row("redirect", FOREIGN, TOKEN, "host-not-allowed"),
    Row("html-error", {}, TOKEN, "server-fault"),
    # Registering an upload does nothing yet, so it is repeated.
    Row("http-429", {"retry_after_s": 20}, REGISTER, "rate-limited", (ARCHITECT,), at_least_s=60),
    Row("http-5xx", {}, REGISTER, "server-fault", (ARCHITECT,)),
    Row("missing-field", {"field": "presignedUrl"}, REGISTER, "bad-answer", (ARCHITECT,)),
    Row("redirect", FOREIGN, REGISTER, "host-not-allowed", (ARCHITECT,)),
    # A write whose answer was lost is looked for: what took effect counts, what did not is a failure that passes.
    Row("http-5xx", {"point": "after"}, UPLOAD, DELIVERED, (ARCHITECT,)),
    Row("http-5xx", {"point": "before"}, UPLOAD, "answer-lost", (ARCHITECT,)),
    Row("reset", {"point": "after"}, UPLOAD, DELIVERED, (ARCHITECT,)),
    Row("reset", {"point": "before"}, UPLOAD, "answer-lost", (ARCHITECT,)),
    Row("slow-body", SLOW, UPLOAD, DELIVERED, (ARCHITECT,)),
    Row("redirect", FOREIGN, UPLOAD, "host-not-allowed", (ARCHITECT,)),
    Row("http-5xx", {"point": "after"}, PUBLISH, DELIVERED, (VERSIONED,)),
    Row("http-5xx", {"point": "before"}, PUBLISH, "answer-lost", (VERSIONED,)),
    Row("reset", {"point": "after"}, PUBLISH, DELIVERED, (VERSIONED,)),
    Row("reset", {"point": "middle"}, PUBLISH, DELIVERED, (VERSIONED,)),
    Row("slow-body", SLOW, PUBLISH, DELIVERED, (VERSIONED,)),
    Row("truncated-json", {}, PUBLISH, DELIVERED, (VERSIONED,)),
    Row("wrong-type", {}, PUBLISH, DELIVERED, (VERSIONED,)),
    Row("missing-field", {"field": "publishId"}, PUBLISH, DELIVERED, (VERSIONED,)),
    Row("huge-body", {"size": 20_000_000}, PUBLISH, DELIVERED, (VERSIONED,)),
    Row("redirect", FOREIGN, PUBLISH, "host-not-allowed", (VERSIONED,)),
    Row("expired-token", {}, PUBLISH, "authentication-failed", (VERSIONED,)),
]
CASES = [
    pytest.param((dialect, call), row, id=f"{dialect} {row.kind} {row.details} {call}")
    for dialect in BOTH
    for row in sorted(TABLE, key=where)
    for call in [where(row)]
    if dialect in row.dialects
]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("shared_world", "row"), CASES, indirect=["shared_world"], scope="module")
async def test_a_pass_under_a_fault(shared_world: World, row: Row) -> None:
    world, before = shared_world, len(shared_world.publishes())
    watched = await begin_row(world)
    name = f"Desk{len(world.versions())}"
    world.flow(name.lower(), inbound(name))
    world.commit()
    world.fault(row.kind, match=row.match, **row.details)
    began_s = world.clock.elapsed_s

    with capture_logs() as logged:
        report = await world.apply()

    [struck] = world.simulator.faults.shown()
    assert struck["hits"] == row.details.get("times", struck["hits"]) > 0
    assert how(report) == row.ends
    assert world.clock.elapsed_s - began_s >= row.at_least_s
    assert len(world.publishes()) <= before + 1
    assert watched.hosts == {"127.0.0.1"}
    assert SECRET not in repr(logged)

    if row.ends != DELIVERED:
        assert report.sync_status is not SyncStatus.SYNCED

    world.simulator.faults.clear()
    world.clock.advance(60)  # the circuit breaker may want a probe first
    again = await world.apply(retry=True)
    assert again.delivered, again.error
    assert world.publishes()[before:] == [f"inboundcall/{name}"]
    await world.assert_settled()
