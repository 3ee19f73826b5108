"""What a pass does under faults when it lets calls go to a version that is there already.

A flow has three versions, git pins the second while the third is live, and there is no file to upload. The architect
dialect publishes the version once more, the versioned one switches to it.

Some rows share a world, and each has a flow of its own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.status import SyncStatus
from tests.faults.outcome import DELIVERED, how
from tests.faults.rows import begin_row
from tests.support.sources import inbound
from tests.support.world import World

BOTH = (ARCHITECT, VERSIONED)
SWITCH = {
    ARCHITECT: {"route": "/api/v2/flows/actions/publish"},
    VERSIONED: {"route": "/api/v2/routing/flows/{flowId}"},
}
VALIDATE = {"route": "/api/v2/flows/validate/jobs"}
SLOW = {"delay_s": 600}
FOREIGN = {"location": "https://elsewhere.example/"}


class Row(NamedTuple):
    """A fault, how the pass ends, and in which words where it fails."""

    kind: str
    details: dict[str, Any]
    ends: str
    words: str = ""
    dialects: tuple[str, ...] = BOTH
    match: dict[str, str] | None = None
    """The call that makes the version live where none is named."""


TABLE = [
    # Once: another try, or a look at what is live, and it is done.
    Row("http-429", {"times": 1}, DELIVERED),
    Row("http-5xx", {"times": 1, "point": "after"}, DELIVERED),
    Row("reset", {"times": 1, "point": "middle"}, DELIVERED),
    Row("expired-token", {"times": 1}, DELIVERED),
    # An answer that makes no sense says nothing about what took effect.
    Row("slow-body", SLOW, DELIVERED),
    Row("reset", {"point": "after"}, DELIVERED),
    Row("wrong-type", {}, DELIVERED),
    Row("missing-field", {}, DELIVERED),
    Row("huge-body", {"size": 20_000_000}, DELIVERED),
    Row("truncated-json", {}, DELIVERED, dialects=(ARCHITECT,)),
    # For ever, and nothing takes effect.
    Row("http-429", {"retry_after_s": 20}, "rate-limited"),
    Row("http-5xx", {}, "answer-lost"),
    Row("reset", {}, "answer-lost", dialects=(ARCHITECT,)),
    Row("reset", {}, "unreachable", dialects=(VERSIONED,)),
    Row("html-error", {}, "answer-lost"),
    Row("redirect", FOREIGN, "host-not-allowed"),
    Row("expired-token", {}, "authentication-failed"),
    # The organisation says that it did what it did not do, or does something else.
    Row("publish-silent-noop", {}, "publish-failed", "reported success, but 3.0 is live instead of 2.0"),
    Row("wrong-version", {}, "publish-failed", "3.0"),
    Row("wrong-version", {"version": "1.0", "times": 1}, "publish-failed", "1.0"),
    Row("publish-fails", {"message": "No such prompt."}, "publish-failed", "No such prompt.", (ARCHITECT,)),
    Row("publish-fails", {"message": "No such prompt."}, "request-rejected", "No such prompt.", (VERSIONED,)),
    Row("job-fails", {"message": "No such prompt."}, "flow-rejected", "No such prompt.", (ARCHITECT,), VALIDATE),
]
SHARE = 8
"""So many rows, with a flow each, share a world."""
CASES = [
    pytest.param((dialect, number // SHARE), row, id=f"{dialect} {row.kind} {row.details}")
    for dialect in BOTH
    for number, row in enumerate(TABLE)
    if dialect in row.dialects
]


async def pin(world: World, version: str, *names: str) -> None:
    for name in names:
        world.manifest(name.lower(), type="inboundcall", name=name, source={"version": version})
    world.commit()


async def take_over(world: World) -> None:
    """Three versions of each flow that people published; the record knows the third."""
    names = [f"Desk{number}" for number in range(SHARE)]
    for name in names:
        for says in ("One", "Two", "Three"):
            key, version = world._check_in(inbound(name, says=says))
            world._publish_by_hand(key, version)
    await pin(world, "3.0", *names)
    assert (await world.apply()).sync_status is SyncStatus.SYNCED


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("shared_world", "row"), CASES, indirect=["shared_world"], scope="module")
async def test_a_pinned_version_under_a_fault(shared_world: World, row: Row) -> None:
    world, name = shared_world, f"Desk{TABLE.index(row) % SHARE}"
    flow = f"inboundcall/{name}"
    if not world.versions():
        await take_over(world)
    await begin_row(world)
    await pin(world, "2.0", name)
    before, others = len(world.publishes()), world.versions()
    world.fault(row.kind, match=row.match or SWITCH[world.dialect], **row.details)

    report = await world.apply()

    [fault] = world.simulator.faults.shown()
    assert fault["hits"] == row.details.get("times", fault["hits"]) > 0
    assert how(report) == row.ends
    written = world.publishes()[before:]
    assert [change.flow for change in report.plan_or_raise().actions] == [name.lower()]
    if row.ends == DELIVERED:
        assert world.versions() == {**others, flow: "2.0"}
        assert written == [flow]
    else:
        assert report.sync_status is SyncStatus.OUT_OF_SYNC
        assert report.result is not None
        assert row.words in " ".join(step.error.message for step in report.result.steps if step.error)
        assert world.versions() == {**others, flow: "3.0"}

    world.simulator.faults.clear()
    world.clock.advance(60)  # the circuit breaker may want a probe first
    again = await world.apply(retry=True)
    assert again.delivered, again.error
    assert world.versions() == {**others, flow: "2.0"}
    assert len(world.publishes()) == before + (1 if row.ends == DELIVERED else len(written) + 1)
    await world.assert_settled()
