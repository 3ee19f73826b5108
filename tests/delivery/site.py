"""A controller without git: real planning, delivery, store and client in front of a simulated organisation."""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import httpx

from controller.delivery.delivery import Delivery
from controller.delivery.result import RecoveryResult, SyncContext, SyncResult
from controller.delivery.sync_run import DeliveryEvent, DeliverySettings
from controller.domain.capabilities import ARCHITECT
from controller.domain.desired import (
    Credentials,
    DesiredFlow,
    Endpoint,
    OnFailure,
    Organization,
    Origin,
    PinnedVersion,
    SecretSource,
    SourceFile,
    SyncPolicy,
)
from controller.domain.identity import FlowKey
from controller.domain.live import LiveState
from controller.domain.ports import Platform
from controller.domain.recorded import RecordedFlow, RecordedState
from controller.domain.status import StepState
from controller.flows.flow_file import parse
from controller.genesys.connect import connect
from controller.genesys.settings import TransportSettings
from controller.planning.inputs import PlanInputs, Quarantine
from controller.planning.model import Plan
from controller.planning.plan import make_plan
from controller.simulator.app import create_app
from controller.simulator.control import EDITS, UserEdit, person
from controller.simulator.faults import Fault
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from controller.store.leases import Lease
from controller.store.store import Store
from tests.support.clock import ShiftedClock, SteppedClock
from tests.support.source_text import KnownText
from tests.support.stores import prepare

NAME = "acme"
URL = "http://simulator.test"
SETTINGS = SimulatorSettings(rate_limit_per_minute=6000)
HERE = Origin("acme.yaml")
FIRST_UPLOAD_S, SECOND_UPLOAD_S = 4.0, 4.25
"""When an upload of 3 s is seen to be done: looks come after 2 s and 4 s; a second time 2 s after 3/4 of the first."""


class Crash(BaseException):
    """The process dies here: nothing may catch it."""


def source_of(text: str) -> SourceFile:
    parsed = parse(text)
    return SourceFile("flow.yaml", KnownText(text), parsed.digest, parsed.references, parsed.resources)


def organization(*, dialect: str = ARCHITECT, **fields: object) -> Organization:
    secret = SecretSource(env="X")
    base = Organization(NAME, Endpoint(None, URL, URL), dialect, Credentials(secret, secret), HERE)
    return replace(base, **{"sync": SyncPolicy(heal=True), **fields})  # type: ignore[arg-type]


@dataclass
class Site:
    """One organisation, one store; `restart` forgets whatever was only in memory."""

    folder: Path
    clock: SteppedClock = field(default_factory=SteppedClock)
    simulator_settings: SimulatorSettings = SETTINGS
    organization: Organization = field(default_factory=organization)
    settings: DeliverySettings = field(default_factory=DeliverySettings)
    ahead: timedelta = timedelta()
    """How far the organisation's clock is ahead of the controller's."""
    failing: str | None = None
    """Name of a flow whose uploads fail in every fork."""

    def __post_init__(self) -> None:
        self.simulator = Simulator(ShiftedClock(self.clock, self.ahead), self.simulator_settings)
        self.http = httpx.ASGITransport(app=create_app(self.simulator))
        self.recorded: dict[FlowKey, RecordedFlow] = {}
        self.events: list[DeliveryEvent] = []
        self.crash_when: Callable[[DeliveryEvent], bool] = lambda _: False
        prepare(self.folder / "store.db")
        self.store = Store.open(f"sqlite:///{self.folder}/store.db", clock=self.clock)
        self.platform: Platform = self._connect()
        self.delivery = self._delivery()

    # What git asks for.

    def want(self, id_: str, text: str, **fields: object) -> None:
        """Ask for a flow file to be live under this manifest name."""
        parsed = parse(text)
        self._want(DesiredFlow(id_, parsed.key, source_of(text), HERE, **fields))  # type: ignore[arg-type]

    def pin(self, id_: str, key: FlowKey, version: str, **fields: object) -> None:
        self._want(DesiredFlow(id_, key, PinnedVersion(version), HERE, **fields))  # type: ignore[arg-type]

    def unwant(self, id_: str) -> None:
        """Take the manifest away."""
        kept = tuple(flow for flow in self.organization.flows if flow.id != id_)
        self.organization = replace(self.organization, flows=kept)

    def policy(self, on_failure: OnFailure) -> None:
        self.organization = replace(self.organization, sync=replace(self.organization.sync, on_failure=on_failure))

    def _want(self, flow: DesiredFlow) -> None:
        others = [other for other in self.organization.flows if other.id != flow.id]
        chosen = tuple(sorted([*others, flow], key=lambda each: each.id))
        self.organization = replace(self.organization, flows=chosen)

    # What the controller does.

    def lease(self, holder: str = "controller") -> Lease:
        return self.store.leases.acquire(NAME, holder)

    async def plan(self) -> Plan:
        listing = await self.platform.flows.listing()
        live = LiveState({flow.key: flow for flow in listing.flows}, self.clock.now())
        quarantines = tuple(Quarantine(one.key, one.wanted, one.reason) for one in self.store.quarantines.active(NAME))
        inputs = PlanInputs(revision="abc123", quarantines=quarantines)
        return make_plan(self.organization, live, RecordedState(NAME, self.recorded), inputs)

    async def recover(self, lease: Lease | None = None) -> RecoveryResult:
        lease = lease or self.lease()
        found = await self.delivery.recover(self.organization, lease)
        for sync in found.syncs:
            self._record(sync, lease)
        return found

    async def deliver(self, plan: Plan | None = None, lease: Lease | None = None) -> SyncResult:
        """One sync, recorded in memory as the caller would do in git."""
        lease = lease or self.lease()
        plan = plan or await self.plan()
        result = await self.delivery.deliver(self.organization, plan, lease, SyncContext("abc123", "ada", "test"))
        self._record(result, lease)
        return result

    async def converge(self) -> None:
        """What a controller does after it was started again: recover, plan, deliver."""
        await self.recover()
        plan = await self.plan()
        if any(change.blocked is None for change in plan.actions):
            await self.deliver(plan)

    def _record(self, sync: SyncResult, lease: Lease) -> None:
        for step in sync.to_record:
            kept = self.recorded.get(step.change.key)
            if step.state is StepState.ROLLED_BACK:
                if kept is not None:
                    self.recorded[kept.key] = replace(
                        kept,
                        version=step.version or "",
                        source_digest=step.source_digest,
                        export_digest=step.export_digest,
                        consumed={**kept.consumed, **step.consumed},
                    )
            elif step.change.kind.value in ("unpublish", "delete"):
                self.recorded.pop(step.change.key, None)
            else:
                self.recorded[step.change.key] = RecordedFlow(
                    step.change.key,
                    step.change.flow,
                    step.flow_id or "",
                    step.version or "",
                    step.source_digest,
                    step.export_digest,
                    step.change.dependency_digest,
                    step.consumed,
                )
        self.delivery.recorded(lease, sync.to_record)

    async def restart(self) -> None:
        """A new process over the same store and organisation."""
        await self.platform.aclose()
        self.store.close()
        self.crash_when = lambda _: False
        prepare(self.folder / "store.db")
        self.store = Store.open(f"sqlite:///{self.folder}/store.db", clock=self.clock)
        self.platform = self._connect()
        self.delivery = self._delivery()

    def fork(self, folder: Path) -> Site:
        """Another world with a store, an organisation and a clock like these now; a delivery may be on its way."""
        folder.mkdir()
        (folder / "store.db").touch(mode=0o600)
        with (
            closing(sqlite3.connect(self.folder / "store.db")) as here,
            closing(sqlite3.connect(folder / "store.db")) as there,
        ):
            here.backup(there)
        clock = SteppedClock(self.clock.start)
        clock.elapsed_s = self.clock.elapsed_s
        other = Site(folder, clock, self.simulator.settings, self.organization, self.settings, self.ahead)
        other.simulator.organization.state = copy.deepcopy(self.simulator.organization.state)
        other.recorded = dict(self.recorded)
        if self.failing is not None:
            other.failing = self.failing
            other.fault("job-fails", match={"flow": self.failing})
        return other

    async def close(self) -> None:
        await self.platform.aclose()
        self.store.close()

    def _connect(self) -> Platform:
        return connect(
            self.organization.endpoint,
            self.organization.dialect,
            "penstock",
            "penstock-secret",
            clock=self.clock,
            settings=TransportSettings(rate_limit_per_minute=6000, retry_base_s=0.001, export_gather_s=0),
            http=self.http,
        )

    def _delivery(self) -> Delivery:
        return Delivery(self.platform, self.store, self.clock, self.settings, on_event=self._hear)

    def _hear(self, event: DeliveryEvent) -> None:
        self.events.append(event)
        if self.crash_when(event):
            raise Crash(event.name)

    # What people do in Architect, and what goes wrong.

    def by_hand(self, deed: str, key: FlowKey, text: str | None = None, version: str | None = None) -> None:
        flow = self.simulator.flow(key.type, key.name)
        who = person(self.simulator.organization, "Grace")
        EDITS[deed](self.simulator.organization, UserEdit(flow, who, text, version), self.simulator.clock.now())

    def fault(self, kind: str, name: str | None = None, **fields: object) -> None:
        self.simulator.set_faults(Fault.model_validate({"name": name or kind, "kind": kind, **fields}))

    # What the organisation says.

    def live(self) -> dict[str, str | None]:
        self.simulator.settle()
        found = self.simulator.organization.flows()
        return {str(flow.key): flow.published.id if flow.published else None for flow in found}

    def publishes(self) -> list[str]:
        """`type/name version` of every publish that took effect, in order of time."""
        self.simulator.settle()
        happened = [
            (happening.at, f"{flow.key} {happening.version}")
            for flow in self.simulator.organization.flows(deleted=True)
            for happening in flow.history
            if happening.action.name.lower() == "publish"
        ]
        return [text for _, text in sorted(happened, key=lambda entry: entry[0])]

    def bound(self, caller: FlowKey, callee: FlowKey) -> str | None:
        """Which version of a module the live version of a caller is bound to."""
        published = self.simulator.flow(caller.type, caller.name).published
        return published.bindings.get(self.simulator.flow(callee.type, callee.name).id) if published else None

    def names(self) -> list[str]:
        return [event.name for event in self.events]


def states(result: SyncResult) -> dict[str, str]:
    return {step.change.flow: step.state.value for step in result.steps}
