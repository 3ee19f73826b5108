"""Every call that a pass makes, under every fault that an answer can have: nothing is lost or done twice.

How each pass ends is told by the tables of the other modules; here is what must be true however it ends.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from structlog.testing import capture_logs

from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.status import SyncStatus
from controller.simulator.faults import ANSWER_FAULTS, FaultKind
from tests.faults.outcome import Watched
from tests.support.sources import inbound, module
from tests.support.world import SECRET, World

HOURS, DESK = "commonmodule/Hours", "inboundcall/Desk"
LOOKING = {
    ARCHITECT: ("POST /oauth/token", "GET /api/v2/flows"),
    VERSIONED: (
        "POST /oauth/token",
        "GET /api/v2/flows",
        "GET /api/v2/flows/{flowId}/versions/{versionId}",
        "GET /api/v2/routing/flows/{flowId}/versions",
        "POST /api/v2/flows/{flowId}/versions/{versionId}/validate",
    ),
}
BY_ID = "GET /api/v2/flows/{flowId}"
JOB = "GET /api/v2/flows/jobs/{jobId}"
UPLOADING = ("POST /api/v2/flows/jobs", "PUT /_storage/uploads/{jobId}")
EXPORTING = (
    "POST /api/v2/flows/export/jobs",
    "GET /api/v2/flows/export/jobs/{jobId}",
    "GET /_storage/exports/{jobId}",
    "GET /api/v2/flows/{flowId}/versions/{versionId}/configuration",
)
LAG_S = 60.0
WITHOUT_TOKEN = ("POST /oauth/token", "PUT /_storage/uploads/{jobId}", "GET /_storage/exports/{jobId}")
DETAILS: dict[FaultKind, list[dict[str, Any]]] = {
    FaultKind.HTTP_429: [{"retry_after_s": 20}],
    FaultKind.HTTP_5XX: [{}, {"point": "after"}],
    FaultKind.RESET: [{}, {"point": "after"}, {"point": "middle"}],
    FaultKind.SLOW_BODY: [{"delay_s": 600}],
    FaultKind.TRUNCATED_JSON: [{}],
    FaultKind.HTML_ERROR: [{}, {"status": 503}],
    FaultKind.WRONG_TYPE: [{}],
    FaultKind.MISSING_FIELD: [{}],
    FaultKind.HUGE_BODY: [{"size": 100_000_000}],
    FaultKind.REDIRECT: [{"location": "https://elsewhere.example/"}],
    FaultKind.EXPIRED_TOKEN: [{}],
}


class Scene(NamedTuple):
    """A wish, what is live when it is fulfilled, and the calls that this takes."""

    dialect: str
    wish: Callable[[World], Awaitable[dict[str, str]]]
    calls: tuple[str, ...]
    played: tuple[str, ...] | None = None
    """Those under faults; all by default."""


async def first(world: World) -> dict[str, str]:
    """Nobody ever looked at this organisation, and `desk` is to be made."""
    world.flow("desk", inbound("Desk"))
    world.commit()
    return {DESK: "1.0"}


async def changed(world: World) -> dict[str, str]:
    """A module and the flow that calls it are at 1.0, and both have a change."""
    for says in ("One", "Two"):
        world.flow("hours", module("Hours", says=says))
        world.flow("desk", inbound("Desk", says=says, calls=["Hours"]))
        world.commit()
        if says == "One":
            assert (await world.apply()).delivered
    return {HOURS: "2.0", DESK: "2.0"}


async def lagging(world: World) -> dict[str, str]:
    """As `changed`, in an organisation whose listing shows a publish late, so that its job is asked."""
    wanted = await changed(world)
    world.simulator.configure(replace(world.simulator.settings, listing_lag_s=LAG_S))
    return wanted


async def pinned(world: World) -> dict[str, str]:
    """`desk` is at 2.0, and 1.0 is asked for again."""
    for says in ("One", "Two"):
        key, version = world._check_in(inbound("Desk", says=says))
        world._publish_by_hand(key, version)
    for version in ("2.0", "1.0"):
        world.manifest("desk", type="inboundcall", name="Desk", source={"version": version})
        world.commit()
        if version == "2.0":
            assert (await world.apply()).sync_status is SyncStatus.SYNCED
    return {DESK: "1.0"}


IDENTITY = "GET /api/v2/tokens/me"
SCENES = (
    Scene(ARCHITECT, first, (IDENTITY, *LOOKING[ARCHITECT], *UPLOADING, *EXPORTING), played=(IDENTITY,)),
    Scene(ARCHITECT, changed, (*LOOKING[ARCHITECT], BY_ID, *UPLOADING, *EXPORTING)),
    Scene(ARCHITECT, lagging, (*LOOKING[ARCHITECT], BY_ID, *UPLOADING, JOB, *EXPORTING), played=(JOB,)),
    Scene(
        ARCHITECT,
        pinned,
        (
            *LOOKING[ARCHITECT],
            BY_ID,
            "GET /api/v2/flows/{flowId}/versions",
            "POST /api/v2/flows/validate/jobs",
            "GET /api/v2/flows/validate/jobs/{jobId}",
            "POST /api/v2/flows/actions/publish",
            *EXPORTING,
        ),
    ),
    Scene(
        VERSIONED,
        changed,
        (
            *LOOKING[VERSIONED],
            "POST /api/v2/flows/{flowId}/versions/{versionId}/publish",
            "GET /api/v2/flows/{flowId}/versions/{versionId}/publishstatus",
        ),
    ),
    Scene(VERSIONED, pinned, (*LOOKING[VERSIONED], "PUT /api/v2/routing/flows/{flowId}")),
)
CASES = [
    pytest.param(
        scene.dialect,
        scene,
        call,
        kind,
        {**details, **times},
        id=f"{scene.wish.__name__} {call} {kind} {details} {times}",
    )
    for scene in SCENES
    for call in scene.played or scene.calls
    for kind, variants in DETAILS.items()
    for details in variants
    for times in ({}, {"times": 1})
    if kind is not FaultKind.EXPIRED_TOKEN or call not in WITHOUT_TOKEN
]


def test_every_fault_of_an_answer_is_played() -> None:
    assert DETAILS.keys() == ANSWER_FAULTS | {FaultKind.EXPIRED_TOKEN}


@pytest.mark.parametrize(("world", "scene"), [(scene.dialect, scene) for scene in SCENES], indirect=["world"])
async def test_every_call_of_a_pass_is_played(world: World, scene: Scene) -> None:
    await scene.wish(world)
    await world.restart()
    world.simulator.calls.clear()
    assert (await world.apply()).delivered
    called = {f"{call['method']} {call['route']}" for call in world.simulator.calls.report()["calls"]}
    assert called == set(scene.calls)


@pytest.mark.nightly
@pytest.mark.parametrize(("world", "scene", "call", "kind", "details"), CASES, indirect=["world"])
async def test_whatever_happens_to_a_call(
    world: World, scene: Scene, call: str, kind: FaultKind, details: dict[str, Any]
) -> None:
    wanted = await scene.wish(world)
    watched = Watched(world.http)
    world.http = watched  # type: ignore[assignment]
    await world.restart()
    before = len(world.publishes())
    method, _, route = call.partition(" ")
    world.fault(kind, match={"method": method, "route": route}, **details)

    with capture_logs() as logged:
        report = await world.apply()

    [fault] = world.simulator.faults.shown()
    assert fault["hits"] != 0
    written = world.publishes()[before:]
    assert watched.hosts == {"127.0.0.1"}
    assert SECRET not in repr(logged)
    assert report.delivered is (report.sync_status is SyncStatus.SYNCED)
    if report.delivered:
        assert world.versions() == wanted
        assert sorted(written) == sorted(wanted)

    world.simulator.faults.clear()
    world.clock.advance(60)  # the circuit breaker may want a probe first
    assert (await world.apply(retry=True)).sync_status is SyncStatus.SYNCED
    if report.delivered:
        assert world.publishes()[before:] == written
    await world.assert_settled()
