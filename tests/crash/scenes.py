"""What is delivered while the controller is killed: each scene prepares a world whose next pass does the work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.simulator.settings import UnclearPublish
from tests.support.sources import inbound, module, workflow
from tests.support.world import World, said

HOURS, DESK, FRONT = "commonmodule/Hours", "inboundcall/Desk", "inboundcall/Front"
JOB = "workflow/Job"
OPEN, NEW, SAVED = "We are open", "This is the desk", "What Ada had saved"


@dataclass(frozen=True, slots=True)
class Scene:
    dialect: str
    prepare: Callable[[World], Awaitable[None]]
    """Leaves a pushed commit that the next pass delivers."""
    wanted: Mapping[str, str | None]
    """`type/name` to a text that the live version must hold at the end; None where nothing may be published."""
    faults: tuple[Mapping[str, object], ...] = ()
    quarantined: frozenset[str] = frozenset()
    """`type/name` of the flows whose wish must be in quarantine at the end."""
    wished: Mapping[str, str] = field(default_factory=dict)
    """`type/name` to a text that is either live at the end, or in quarantine because it was rolled back."""
    unpublished: frozenset[str] = frozenset()
    """`type/name` of flows that may also end as they began: not published."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """Of the simulated organisation, besides those of every scene."""
    drafts: frozenset[str] = frozenset()
    """Texts that were saved under a lock which the delivery breaks: each must be committed."""


def _three(world: World) -> None:
    """`front` transfers to `desk`, and both call the module `hours`."""
    world.flow("hours", module("Hours"))
    world.flow("desk", inbound("Desk", calls=["Hours"]))
    world.flow("front", inbound("Front", calls=["Hours"], transfers=["Desk"]))
    world.commit()


async def _delivered(world: World) -> None:
    report = await world.apply(confirmations=said(force=True))
    assert report.delivered, report.error


async def _first(world: World) -> None:
    _three(world)


async def _changed_module(world: World) -> None:
    _three(world)
    await _delivered(world)
    world.flow("hours", module("Hours", says=OPEN))
    world.commit()


async def _failing(world: World) -> None:
    _three(world)
    await _delivered(world)
    world.flow("hours", module("Hours", says=OPEN))
    world.flow("desk", inbound("Desk", says=NEW, calls=["Hours"]))
    world.commit()


async def _failing_caller(world: World) -> None:
    """What went before it is taken back: the module, and the caller that was bound to it meanwhile."""
    _three(world)
    await _delivered(world)
    world.flow("hours", module("Hours", says=OPEN))
    world.flow("front", inbound("Front", says=NEW, calls=["Hours"], transfers=["Desk"]))
    world.commit()


async def _pinned(world: World) -> None:
    _three(world)
    await _delivered(world)
    world.flow("desk", inbound("Desk", says=NEW, calls=["Hours"]))
    world.commit()
    await _delivered(world)
    world.manifest("desk", type="inboundcall", name="Desk", source={"version": "1.0"})
    world.commit()


async def _failing_after_a_switch(world: World) -> None:
    """`desk` is switched to the version before, and back when `front` fails."""
    await _pinned(world)
    world.flow("front", inbound("Front", says=NEW, calls=["Hours"], transfers=["Desk"]))
    world.commit()


async def _staged(world: World) -> None:
    """`hours` goes live in stages that are longer than a lost answer is looked for; `desk` is switched back."""
    await _pinned(world)
    stages = [{"percentage": 10, "duration": "100s"}, {"percentage": 100, "duration": "0s"}]
    world.flow("hours", module("Hours", says=OPEN), rollout={"stages": stages})
    world.commit()


async def _locked(world: World) -> None:
    """`desk` is published over the lock of somebody who had saved a draft."""
    world.describe(onLocked="unlock")
    _three(world)
    await _delivered(world)
    world.by_hand("draft", "inboundcall", "Desk", inbound("Desk", says=SAVED))
    world.flow("desk", inbound("Desk", says=NEW, calls=["Hours"]))
    world.commit()


async def _removed(world: World) -> None:
    world.describe(sync={"prune": True})
    _three(world)
    await _delivered(world)
    world.remove("front")
    world.commit()


async def _deleted(world: World) -> None:
    world.describe(sync={"prune": True, "removal": "delete"})
    _three(world)
    await _delivered(world)
    world.remove("front")
    world.commit()


async def _launched(world: World) -> None:
    """A workflow that is launched once before its new version may stay."""
    world.flow("job", workflow("Job"))
    world.commit()
    await _delivered(world)
    world.flow("job", workflow("Job", says=NEW), gates=[{"execution": {}}])
    world.commit()


async def _rollout_that_fails(world: World) -> None:
    """The stages of `hours` are under way when `desk`, which calls no module here, fails, and are ended."""
    world.flow("hours", module("Hours"))
    world.flow("desk", inbound("Desk"))
    world.commit()
    await _delivered(world)
    stages = [{"percentage": 10, "duration": "300s"}, {"percentage": 100, "duration": "0s"}]
    world.flow("hours", module("Hours", says=OPEN), rollout={"stages": stages})
    world.flow("desk", inbound("Desk", says=NEW))
    world.commit()


async def _cycle(world: World) -> None:
    """Two flows that transfer to each other, published before, are delivered as one group."""
    world.describe(cycles="group")
    world.flow("desk", inbound("Desk"))
    world.flow("front", inbound("Front", transfers=["Desk"]))
    world.commit()
    await _delivered(world)
    world.flow("desk", inbound("Desk", says=NEW, transfers=["Front"]))
    world.flow("front", inbound("Front", says=OPEN, transfers=["Desk"]))
    world.commit()


ALL_OLD = {HOURS: "Hello", DESK: "Hello", FRONT: "Hello"}
_FAILED = {"quarantined": frozenset({DESK}), "wished": {HOURS: OPEN}}
_OLD_CALLERS = {DESK: "Hello", FRONT: "Hello"}
_JOB_FAILS = ({"name": "desk", "kind": "job-fails", "match": {"flow": "Desk"}},)
_FRONT_FAILS = ({"name": "front", "kind": "job-fails", "match": {"flow": "Front"}},)
_NEVER_BACK = {"older_version": UnclearPublish.SILENTLY_NOTHING}
_PUBLISH_FAILS = ({"name": "desk", "kind": "publish-fails", "match": {"flow": "Desk"}},)
_FRONT_PUBLISH_FAILS = ({"name": "front", "kind": "publish-fails", "match": {"flow": "Front"}},)

SCENES: Mapping[str, Scene] = {
    "architect: a first delivery": Scene(ARCHITECT, _first, ALL_OLD),
    "architect: a first delivery that fails": Scene(
        ARCHITECT,
        _first,
        {DESK: None, FRONT: None},
        _JOB_FAILS,
        frozenset({DESK}),
        {HOURS: "Hello"},
        unpublished=frozenset({HOURS}),
    ),
    "architect: a changed module": Scene(ARCHITECT, _changed_module, {**ALL_OLD, HOURS: OPEN}),
    "architect: a failing publish": Scene(ARCHITECT, _failing, _OLD_CALLERS, _JOB_FAILS, **_FAILED),
    "architect: a failing caller": Scene(
        ARCHITECT, _failing_caller, _OLD_CALLERS, _FRONT_FAILS, frozenset({FRONT}), {HOURS: OPEN}
    ),
    "architect: a pinned version": Scene(ARCHITECT, _pinned, ALL_OLD),
    "architect: an old version that does not come back": Scene(
        ARCHITECT, _failing, _OLD_CALLERS, _JOB_FAILS, **_FAILED, settings=_NEVER_BACK
    ),
    "architect: a broken lock": Scene(ARCHITECT, _locked, {**ALL_OLD, DESK: NEW}, drafts=frozenset({SAVED})),
    "architect: a removed flow": Scene(ARCHITECT, _removed, {**ALL_OLD, FRONT: None}),
    "architect: a deleted flow": Scene(ARCHITECT, _deleted, {HOURS: "Hello", DESK: "Hello", FRONT: None}),
    "architect: a gate that launches": Scene(ARCHITECT, _launched, {JOB: NEW}),
    "architect: a cycle": Scene(ARCHITECT, _cycle, {DESK: NEW, FRONT: OPEN}),
    "versioned: a first delivery": Scene(VERSIONED, _first, ALL_OLD),
    "versioned: stages and a switch": Scene(VERSIONED, _staged, {**ALL_OLD, HOURS: OPEN}),
    "versioned: a failing publish": Scene(VERSIONED, _failing, _OLD_CALLERS, _PUBLISH_FAILS, **_FAILED),
    "versioned: a switch that is taken back": Scene(
        VERSIONED,
        _failing_after_a_switch,
        {HOURS: "Hello", FRONT: "Hello"},
        _FRONT_PUBLISH_FAILS,
        frozenset({FRONT}),
        {DESK: "Hello"},
    ),
    "versioned: stages that are ended": Scene(
        VERSIONED, _rollout_that_fails, {DESK: "Hello"}, _PUBLISH_FAILS, frozenset({DESK}), {HOURS: OPEN}
    ),
}
