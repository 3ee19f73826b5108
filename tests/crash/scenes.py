"""What is delivered while the controller is killed: each scene prepares a world whose next pass does the work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from controller.domain.capabilities import ARCHITECT, VERSIONED
from tests.support.sources import inbound, module
from tests.support.world import World, said

HOURS, DESK, FRONT = "commonmodule/Hours", "inboundcall/Desk", "inboundcall/Front"
OPEN, NEW = "We are open", "This is the desk"


@dataclass(frozen=True, slots=True)
class Scene:
    dialect: str
    prepare: Callable[[World], Awaitable[None]]
    """Leaves a pushed commit that the next pass delivers."""
    wanted: Mapping[str, str]
    """`type/name` to a text that the live version must hold at the end."""
    faults: tuple[Mapping[str, object], ...] = ()
    quarantined: frozenset[str] = frozenset()
    """`type/name` of the flows whose wish must be in quarantine at the end."""
    wished: Mapping[str, str] = field(default_factory=dict)
    """`type/name` to a text that is either live at the end, or in quarantine because it was rolled back."""


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


async def _staged(world: World) -> None:
    """`hours` goes live in stages that are longer than a lost answer is looked for; `desk` is switched back."""
    await _pinned(world)
    stages = [{"percentage": 10, "duration": "100s"}, {"percentage": 100, "duration": "0s"}]
    world.flow("hours", module("Hours", says=OPEN), rollout={"stages": stages})
    world.commit()


ALL_OLD = {HOURS: "Hello", DESK: "Hello", FRONT: "Hello"}
_FAILED = {"quarantined": frozenset({DESK}), "wished": {HOURS: OPEN}}
_OLD_CALLERS = {DESK: "Hello", FRONT: "Hello"}
_JOB_FAILS = ({"name": "desk", "kind": "job-fails", "match": {"flow": "Desk"}},)
_FRONT_FAILS = ({"name": "front", "kind": "job-fails", "match": {"flow": "Front"}},)
_PUBLISH_FAILS = ({"name": "desk", "kind": "publish-fails", "match": {"flow": "Desk"}},)

SCENES: Mapping[str, Scene] = {
    "architect: a first delivery": Scene(ARCHITECT, _first, ALL_OLD),
    "architect: a changed module": Scene(ARCHITECT, _changed_module, {**ALL_OLD, HOURS: OPEN}),
    "architect: a failing publish": Scene(ARCHITECT, _failing, _OLD_CALLERS, _JOB_FAILS, **_FAILED),
    "architect: a failing caller": Scene(
        ARCHITECT, _failing_caller, _OLD_CALLERS, _FRONT_FAILS, frozenset({FRONT}), {HOURS: OPEN}
    ),
    "architect: a pinned version": Scene(ARCHITECT, _pinned, ALL_OLD),
    "versioned: a first delivery": Scene(VERSIONED, _first, ALL_OLD),
    "versioned: stages and a switch": Scene(VERSIONED, _staged, {**ALL_OLD, HOURS: OPEN}),
    "versioned: a failing publish": Scene(VERSIONED, _failing, _OLD_CALLERS, _PUBLISH_FAILS, **_FAILED),
}
