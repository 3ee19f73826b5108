"""Everything that can happen to an organisation, in any order; hypothesis chooses and, when it breaks, shortens.

Sources: Claessen and Hughes, "QuickCheck" (2000), for the method; hypothesis' rule-based state machines.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from controller.delivery.sync_run import DeliveryEvent
from controller.domain.errors.branches import Refused
from controller.domain.identity import FlowKey
from controller.domain.status import StepState
from controller.planning.rendering.document import plan_json
from controller.reconcile.report import PassReport
from controller.simulator.execution import Traffic
from controller.simulator.problem import ApiError
from tests.chaos.promises import broken, own_publishes
from tests.chaos.turmoil import Turmoil
from tests.support.organizations import identity_of
from tests.support.sources import inbound, module
from tests.support.world import ORGANIZATION, Crash, Recording

T = TypeVar("T")

MODULES = ("m0", "m1", "m2")
CALLERS = ("f0", "f1", "f2")
FLOWS = st.sampled_from(MODULES + CALLERS)
VERSIONS = st.sampled_from(["1.0", "2.0", "3.0"])
EDITS = st.sampled_from(["publish", "checkin", "draft", "lock", "unlock", "unpublish", "delete"])
FAULTS = st.sampled_from(
    [
        {"kind": "http-429", "times": 3, "retry_after_s": 7},
        {"kind": "http-5xx", "times": 4},
        {"kind": "http-5xx", "times": 2, "nth": 4, "point": "after"},
        {"kind": "reset", "times": 2, "nth": 3},
        {"kind": "reset", "times": 1, "nth": 6, "point": "after"},
        {"kind": "reset", "times": 1, "nth": 9, "point": "middle"},
        {"kind": "job-fails", "times": 1},
        {"kind": "publish-fails", "times": 1},
        {"kind": "publish-silent-noop", "times": 1},
        {"kind": "wrong-version", "times": 1},
        {"kind": "expired-token", "times": 1},
    ]
)
GATE = {"errorRate": {"window": "5m", "minimumSamples": 10, "max": "50%", "onNoData": "wait"}}
PASSES_TO_REST = 8


def key_of(name: str) -> FlowKey:
    return FlowKey("commonmodule" if name in MODULES else "inboundcall", name.upper())


def told(report: PassReport) -> object:
    """What a failure shows of a pass."""
    steps = report.result.steps if report.result is not None else ()
    changes = (
        [(change.flow, change.kind.value, change.blocked) for change in report.plan.actions] if report.plan else []
    )
    return report.error, changes, [(step.change.flow, step.state.value, step.error) for step in steps]


class Chaos(RuleBasedStateMachine):
    """One organisation, one folder of manifests, two controllers over one store, and bad luck."""

    dialect: str
    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="chaos-"))
        self.loop = asyncio.new_event_loop()
        self.serial = itertools.count()
        self.wanted: dict[str, str] = {}
        self.world: Turmoil

    @initialize(
        on_failure=st.sampled_from(["rollback-all", "rollback-flow", "halt"]),
        on_locked=st.sampled_from(["fail", "wait", "unlock"]),
        heal=st.booleans(),
        prune=st.booleans(),
        removal=st.sampled_from(["unpublish", "delete"]),
        cycles=st.sampled_from(["block", "group"]),
    )
    def begin(self, on_failure: str, on_locked: str, heal: bool, prune: bool, removal: str, cycles: str) -> None:
        sync = {"onFailure": on_failure, "heal": heal, "prune": prune, "removal": removal}
        spec = {"sync": sync, "onLocked": on_locked, "cycles": cycles}
        if self.dialect == "versioned":
            spec = {"sync": sync | {"prune": False}, "onLocked": "fail" if on_locked == "unlock" else on_locked}
        self.world = Turmoil(self.folder, spec=spec, dialect=self.dialect, template=self.template)
        self.world.simulator.configure(replace(self.world.simulator.settings, nested_modules=True))
        for name in ("m0", "f0"):
            self.edit(name, ["m0"], [])

    # What authors do.

    @rule(
        name=FLOWS,
        calls=st.lists(st.sampled_from(MODULES), max_size=2),
        transfers=st.lists(st.sampled_from(CALLERS), max_size=1),
        watched=st.booleans(),
    )
    def edit(self, name: str, calls: list[str], transfers: list[str], watched: bool = False) -> None:
        """Ask for new content; modules call those before them, callers transfer to anything, themselves excepted."""
        says = f"text {next(self.serial)}"
        if name in MODULES:
            text = module(name.upper(), says=says, calls=[call.upper() for call in calls if call < name])
        else:
            others = [other.upper() for other in transfers if other != name]
            text = inbound(name.upper(), says=says, calls=[call.upper() for call in calls], transfers=others)
        self.world.flow(name, text, **({"gates": [GATE]} if watched else {}))
        self.wanted[name] = text

    @rule(name=FLOWS, version=VERSIONS)
    def pin(self, name: str, version: str) -> None:
        key = key_of(name)
        self.world.manifest(name, type=key.type, name=key.name, source={"version": version})
        self.wanted.pop(name, None)

    @rule(name=FLOWS)
    def remove(self, name: str) -> None:
        (self.world.clone / f"{name}.yaml").unlink(missing_ok=True)
        self.wanted.pop(name, None)

    # What people in Architect and the organisation itself do.

    @rule(name=FLOWS, deed=EDITS, new=st.booleans(), person=st.sampled_from(["Ada", "Grace"]))
    def by_hand(self, name: str, deed: str, new: bool, person: str) -> None:
        key = key_of(name)
        maker = module if name in MODULES else inbound
        text = maker(key.name, says=f"by hand {next(self.serial)}") if new else None
        try:
            self.world.by_hand(deed, key.type, key.name, text, person)
        except (KeyError, ApiError):
            """There is no such flow, or somebody else holds it: nothing happens."""

    @rule(fault=FAULTS, name=st.none() | FLOWS)
    def go_wrong(self, fault: dict[str, Any], name: str | None) -> None:
        match = {} if name is None else {"match": {"flow": str(key_of(name))}}
        self.world.fault(**{**fault, **match})

    @rule()
    def recover(self) -> None:
        self.world.simulator.faults.clear()

    @rule(seconds=st.sampled_from([1, 20, 100, 1000]))
    def wait(self, seconds: int) -> None:
        self.world.clock.advance(seconds)

    @rule(name=FLOWS, failing=st.sampled_from([0.0, 1.0]))
    def people_call(self, name: str, failing: float) -> None:
        """Enough for a gate to decide by, one way or the other."""
        flow = self.world.simulator.organization.find(key_of(name))
        if flow is not None:
            since = self.world.clock.now()
            self.world.simulator.organization.state.traffic.append(Traffic(flow.id, since, 10, failing))
            self.world.clock.advance(300)

    # What the people behind the controllers do.

    @rule(name=FLOWS)
    def roll_back(self, name: str) -> None:
        report = self._run(self.world.roll_back(name))
        if report.error is None:
            self._after(report)

    @rule()
    def promote(self) -> None:
        """Let stay whatever a gate could not decide about."""
        store = self.world.services.store
        for sync in store.journal.unfinished(ORGANIZATION):
            for step in sync.steps:
                if step.state is StepState.BAKING:
                    store.approvals.promote(ORGANIZATION, step.id, by="ada")

    # What controllers do.

    @rule()
    def apply(self) -> None:
        self._after(self._run(self.world.deliver(self.world.services)))

    @rule(number=st.integers(1, 40))
    def die_at_an_event(self, number: int) -> None:
        events = itertools.count(1)
        self._crashing(Recording(lambda _: next(events) == number))

    @rule(number=st.integers(0, 13))
    def die_around_a_write(self, number: int) -> None:
        self.world.crash_at_write = number
        self._crashing(None)
        self.world.crash_at_write = None

    @rule()
    def two_at_once(self) -> None:
        """Of two passes at the same time one is told that the other is at work."""

        async def both() -> tuple[PassReport, PassReport]:
            async with self.world.second() as other:
                one, two = self.world.deliver(self.world.services), self.world.deliver(other)
                first, second = await asyncio.gather(one, two)
                return first, second

        codes = {report.error.code for report in self._run(both()) if report.error is not None}
        assert "lease-held" in codes

    @rule(number=st.integers(1, 30))
    def lose_the_lease(self, number: int) -> None:
        """A controller is stopped past its lease; another one takes over and brings things to their end."""
        events = itertools.count(1)
        lost: list[str] = []

        async def scene() -> PassReport:
            async with self.world.second() as other:

                def pause(event: DeliveryEvent) -> bool:
                    """Not while a call is on its way: nothing could tell the organisation then not to listen."""
                    if next(events) < number or lost or self.world.calling():
                        return False
                    self.world.clock.advance(self.world.settings.lease_ttl + 1)
                    lost.append(event.name)
                    other.store.leases.acquire(identity_of(self.world), other.holder, manifest=ORGANIZATION)
                    return False

                report = await self.world.deliver(self.world.services, Recording(pause))
                if lost:
                    code = report.error.code if report.error is not None else None
                    nothing_to_write = lost == ["sync.finished"] and report.commit is None
                    assert code == "lease-lost" or (code is None and nothing_to_write), (lost, code)
                return await self.world.deliver(other)

        self._after(self._run(scene()))

    @invariant()
    def promises_hold(self) -> None:
        if hasattr(self, "world"):
            assert not (found := broken(self.world)), found

    def teardown(self) -> None:
        """When nothing goes wrong any more, everything comes to rest; and then nothing is left to do."""
        try:
            if hasattr(self, "world"):
                self._come_to_rest()
        finally:
            self._close()

    def _come_to_rest(self) -> None:
        world = self.world
        world.simulator.faults.clear()
        world.clock.advance(60)  # an outage may have opened the circuit, which lets a probe through by then
        for flow in world.flows():
            if flow.lock is not None:
                world.by_hand("unlock", flow.type, flow.name, person=flow.lock.holder.name)
        for _ in range(PASSES_TO_REST):
            before = own_publishes(world)
            self.promote()
            report = self._run(world.deliver(world.services))
            self._after(report)
            unfinished = world.services.store.journal.unfinished(ORGANIZATION)
            if not unfinished and own_publishes(world) == before and not self._may_be_done(report):
                break
        else:
            raise AssertionError(f"no rest after {PASSES_TO_REST} passes: {told(report)}, {unfinished}")
        assert not (found := self._not_as_wanted(report)), found

    def _may_be_done(self, report: PassReport) -> set[str]:
        """Changes that nothing stands against; those that only a person can bring on are no reason to go on."""
        if report.plan is None:
            return {"everything"}
        steps = report.result.steps if report.result is not None else ()
        refused = {step.change.flow for step in steps if isinstance(step.error, Refused)}
        refused |= {step.change.flow for step in steps if step.state is StepState.SKIPPED}
        return {change.flow for change in report.plan.actions if change.blocked is None} - refused

    def _not_as_wanted(self, report: PassReport) -> list[str]:
        """Flows that are said to be in sync, and are not what their author asks for."""
        plan = report.plan_or_raise()
        changing = {change.flow for change in plan.actions} | {drift.flow for drift in plan.drift}
        flows = {flow.key: flow for flow in self.world.flows()}
        found = []
        for name, text in self.wanted.items():
            flow = flows.get(key_of(name))
            if name not in changing and (flow is None or flow.published is None or flow.published.text != text):
                found.append(f"{name} is said to be in sync, and is not")
        return found

    def _after(self, report: PassReport) -> None:
        """What holds after a pass: above all, that a success leaves nothing to do."""
        assert not (found := broken(self.world, report)), found
        first, second = self._run(self.world.plan()), self._run(self.world.plan())
        if first.plan is None or second.plan is None:
            return
        assert plan_json([first.plan], everything=True) == plan_json([second.plan], everything=True)
        if report.plan is None or report.result is None or not report.delivered:
            return
        if not any(change.blocked for change in report.plan.actions):
            assert first.plan.empty, plan_json([first.plan])

    def _crashing(self, listener: Recording | None) -> None:
        try:
            self._run(self.world.deliver(self.world.services, listener))
        except Crash:
            self._run(self.world.restart())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def _close(self) -> None:
        if hasattr(self, "world"):
            self._run(self.world.close())
        self._run(self.loop.shutdown_default_executor())
        self.loop.close()
        shutil.rmtree(self.folder)
