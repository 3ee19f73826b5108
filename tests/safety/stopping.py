"""The moments at which the controller is told to stop: one flow of a delivery stands in each of its states.

`desk` needs `hours`, and `front` needs `desk`: when the word comes over `desk`, one change is behind it and one has not
begun.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from controller.delivery.sync_run import DeliveryEvent
from controller.domain.capabilities import ARCHITECT, CAPABILITIES, VERSIONED
from controller.domain.status import StepState
from controller.simulator.control import person
from controller.simulator.execution import Traffic
from controller.simulator.flow import Action
from tests.support.played_once import played_once
from tests.support.sources import inbound, module, workflow
from tests.support.world import Recording, World

OLD, NEW = "Hello", "New"
LONG_BAKE = {"rollout": {"bake": "10m"}}
LONG_S = 300.0
"""Longer than the grace, and than any lost answer is looked for."""
GATE = {"errorRate": {"window": "15m", "minimumSamples": 10, "max": "2%"}}


@dataclass
class Word(Recording):
    """Listens to a delivery, and is the operator who says stop at a moment of it."""

    world: World
    phase: Phase
    said_at: float | None = None
    """When stop was said, on the world's clock."""
    begun: list[str] = field(default_factory=list)
    """Flows that were written before."""
    begun_after: set[str] = field(default_factory=set)
    due_at: float | None = None

    def __post_init__(self) -> None:
        super().__init__()

    def progressed(self, event: DeliveryEvent) -> None:
        super().progressed(event)
        if event.name == "write.intended" and event.flow not in self.begun:
            (self.begun.append if self.said_at is None else self.begun_after.add)(event.flow or "")
        if self.due_at is None and self.phase.moment(self.world, event):
            self.due_at = self.world.clock.elapsed_s + self.phase.after_s
            self.stopping()

    def stopping(self) -> bool:
        """Asked by the delivery."""
        due = self.due_at is not None and self.world.clock.elapsed_s >= self.due_at
        if self.said_at is None and (due or self.phase.seen(self.world)):
            self.said_at = self.world.clock.elapsed_s
        return self.said_at is not None


Moment = Callable[[World, DeliveryEvent], bool]


def at(name: str, flow: str = "desk", **fields: object) -> Moment:
    """When this event is told of this flow for the first time."""
    return lambda _, event: (event.name, event.flow) == (name, flow) and fields.items() <= event.fields.items()


def _caller(name: str, *, says: str) -> str:
    return inbound(name, says=says, calls=["Hours"])


@dataclass(frozen=True)
class Phase:
    state: StepState
    """Where the change that it is about stands when the word comes."""
    moment: Moment
    left: Mapping[str, str]
    """State of each change when the pass has ended; what is parked has a star."""
    after_s: float = 0.0
    """How long after the moment the word comes."""
    seen: Callable[[World], bool] = lambda _: False
    """Another way to tell the moment."""
    desk: Mapping[str, object] = field(default_factory=dict)
    """Fields of the manifest of `desk`."""
    text: Callable[..., str] = _caller
    prepare: Callable[[World], None] = lambda _: None
    """Just before the delivery that is stopped."""
    before_next: Callable[[World], None] = lambda _: None
    taken_back: bool = False
    """Whether the old content is what is live in the end."""
    dialects: frozenset[str] = frozenset(CAPABILITIES)


async def prepare(world: World, phase: Phase) -> None:
    """The old content is live, and the new one is asked for."""
    await _old_is_live(world, phase.text)
    _write(world, phase.text, NEW, phase.desk)
    world.commit()
    phase.prepare(world)


@played_once
async def _old_is_live(world: World, text: Callable[..., str]) -> None:
    world.describe(onLocked="wait")
    _write(world, text, OLD, {})
    world.commit()
    report = await world.apply()
    assert report.delivered, report.error


def _write(world: World, text: Callable[..., str], says: str, desk: Mapping[str, object]) -> None:
    world.flow("hours", module("Hours", says=says))
    world.flow("desk", text("Desk", says=says), dependsOn=["hours"], **desk)
    world.flow("front", inbound("Front", says=says, calls=["Hours"]), dependsOn=["desk"])


def _slow(**durations: float) -> Callable[[World], None]:
    """From now on something takes long in the organisation."""
    return lambda world: world.simulator.configure(replace(world.simulator.settings, **durations))  # type: ignore[arg-type]


def _meanwhile(deed: Callable[[World, DeliveryEvent], None], moment: Moment) -> Moment:
    """Somebody does something at an earlier moment of the same delivery."""

    def watch(world: World, event: DeliveryEvent) -> bool:
        deed(world, event)
        return moment(world, event)

    return watch


def _fast(world: World) -> None:
    world.simulator.configure(world.simulator_settings)


def _lock(world: World) -> None:
    world.by_hand("lock", "inboundcall", "Desk")


def _unlock(world: World) -> None:
    world.by_hand("unlock", "inboundcall", "Desk")


def _busy(world: World, event: DeliveryEvent) -> None:
    """Somebody else's publish begins as soon as `desk` is validated, and is in the way."""
    if (event.name, event.flow) == ("change.validated", "desk"):
        organization, flow = world.simulator.organization, world.simulator.flow("inboundcall", "Desk")
        organization.operation(flow, Action.PUBLISH, person(organization, "Grace"), world.clock.now())


def _idle(world: World) -> None:
    operation = world.simulator.flow("inboundcall", "Desk").operation
    assert operation is not None
    operation.ended_at = world.clock.now()


def _fails(name: str) -> Callable[[World], None]:
    return lambda world: world.fail_publishes_of(name)


def _calls(world: World) -> None:
    """Callers come, whom the gate waits for."""
    state, desk = world.simulator.organization.state, world.simulator.flow("inboundcall", "Desk")
    state.execution_data.enabled = True
    state.traffic.append(Traffic(desk.id, world.clock.now(), 60, 0.0, None))


def _no_calls(world: World) -> None:
    world.simulator.organization.state.execution_data.enabled = True


def _published_over(world: World, event: DeliveryEvent) -> None:
    """While `front` fails somebody publishes `desk`, which is never overridden."""
    if (event.name, event.flow) == ("change.failed", "front"):
        world.by_hand("publish", "inboundcall", "Desk", inbound("Desk", says="By hand"))


def _telling_hook(world: World) -> None:
    """The remote tells that a push has arrived."""
    hook = world.remote / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\ntouch {world.folder / 'pushing'}\n")
    hook.chmod(0o755)


def _is_pushing(world: World) -> bool:
    return (world.folder / "pushing").exists()


_HELD = {"hours": "recorded", "desk": "skipped", "front": "skipped"}
_PUBLISHING = {"hours": "recorded", "desk": "publishing*", "front": "skipped"}
_BAKING = {"hours": "recorded", "desk": "baking*", "front": "skipped"}
_DONE = {"hours": "recorded", "desk": "recorded", "front": "skipped"}
_ALL = dict.fromkeys(("hours", "desk", "front"), "recorded")
_BACK = {"hours": "exported*", "desk": "rolled-back", "front": "failed"}
_ARCHITECT, _VERSIONED = frozenset({ARCHITECT}), frozenset({VERSIONED})

_S = StepState
PHASES: Mapping[str, Phase] = {
    "waiting for what it needs": Phase(_S.PENDING, at("write.intended", "hours"), _HELD),
    "waiting for a lock": Phase(
        _S.VALIDATED, at("lock.waiting"), _HELD, prepare=_lock, before_next=_unlock, dialects=_ARCHITECT
    ),
    "validated": Phase(_S.VALIDATED, at("change.validated"), _HELD),
    "published quickly": Phase(_S.PUBLISHING, at("write.concluded"), _DONE),
    "published slowly": Phase(
        _S.PUBLISHING,
        at("write.concluded"),
        _PUBLISHING,
        prepare=_slow(upload_s=LONG_S, publish_s=LONG_S),
    ),
    "held up by another operation": Phase(
        _S.PUBLISHING, _meanwhile(_busy, at("lock.waiting")), _PUBLISHING, before_next=_idle, dialects=_VERSIONED
    ),
    "live": Phase(_S.LIVE, at("change.live"), _DONE),
    "live, about to bake": Phase(_S.LIVE, at("change.live"), _BAKING, desk=LONG_BAKE),
    "baking": Phase(_S.BAKING, at("change.baking"), _BAKING, after_s=100, desk=LONG_BAKE),
    "waiting for callers": Phase(
        _S.BAKING,
        at("change.baking"),
        _BAKING,
        after_s=100,
        desk={"gates": [GATE]},
        prepare=_no_calls,
        before_next=_calls,
    ),
    "launched as a test": Phase(
        _S.BAKING,
        at("write.concluded", action="launch"),
        _BAKING,
        desk={"gates": [{"execution": {}}]},
        text=workflow,
        prepare=_slow(launch_s=60),
        dialects=_ARCHITECT,
    ),
    "exporting": Phase(
        _S.HEALTHY,
        at("change.healthy"),
        {"hours": "healthy", "desk": "healthy", "front": "skipped"},
        prepare=_slow(export_s=LONG_S),
        before_next=_slow(export_s=1.0),
        dialects=_ARCHITECT,
    ),
    "exported beside the others": Phase(_S.EXPORTED, at("change.exported"), _ALL),
    "about to be recorded": Phase(_S.EXPORTED, lambda _, event: event.name == "sync.finished", _ALL),
    "being pushed": Phase(_S.RECORDED, lambda *_: False, _ALL, seen=_is_pushing, prepare=_telling_hook),
    "failed": Phase(
        _S.FAILED,
        at("change.failed"),
        {"hours": "exported*", "desk": "failed", "front": "skipped"},
        prepare=_fails("Desk"),
        taken_back=True,
    ),
    "skipped": Phase(
        _S.SKIPPED,
        at("change.skipped", "front"),
        {"hours": "exported*", "desk": "failed", "front": "skipped"},
        prepare=_fails("Desk"),
        taken_back=True,
    ),
    "rolling back": Phase(_S.ROLLING_BACK, at("change.rolling-back"), _BACK, prepare=_fails("Front"), taken_back=True),
    "rolled back": Phase(_S.ROLLED_BACK, at("change.rolled-back"), _BACK, prepare=_fails("Front"), taken_back=True),
    "rolled back, and to be bound again": Phase(
        _S.ROLLED_BACK,
        at("change.rolled-back", "hours"),
        {"hours": "rolled-back", "desk": "rolled-back*", "front": "failed"},
        prepare=_fails("Front"),
        taken_back=True,
    ),
    "rollback failed": Phase(
        _S.ROLLBACK_FAILED,
        _meanwhile(_published_over, at("change.rollback-failed")),
        {"hours": "exported*", "desk": "rollback-failed", "front": "failed"},
        prepare=_fails("Front"),
        taken_back=True,
    ),
}
"""Every state of a change has its moments here; what is not parked has come to its end, or has not begun."""
