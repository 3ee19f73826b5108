"""What all changes of one sync share: the organisation, the settings, the store with its lease, signals and events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict, Unpack

import httpx
import structlog

from controller.delivery.consumed_flows import ConsumedFlows
from controller.delivery.live_watch import LiveWatch
from controller.delivery.publish_times import PublishTimes
from controller.delivery.signals import PublishEvents, Signals
from controller.delivery.slots import Concurrency
from controller.domain.clock import Clock
from controller.domain.desired import Organization
from controller.domain.identity import FlowKey
from controller.domain.platform import Capability, Export
from controller.domain.ports import Platform
from controller.planning.model import Change
from controller.store.audit import AuditEntry
from controller.store.leases import Lease
from controller.store.records import SyncRecord
from controller.store.store import Store

MINUTE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings:
    poll_base_s: float = 5.0
    """First interval between polls of a running publish of unknown duration; it grows by half each time."""
    listens: bool = False
    """Whether to subscribe to the events of the flows that a sync publishes."""
    publish_timeout_s: float = 600.0
    """How long the publish of an existing version may take; a flow's `rollout.timeout` goes before."""
    upload_timeout_s: float = 960.0
    """How long the publish of a file may take, which includes its validation."""
    rollback_timeout_s: float = 300.0
    """For one attempt of a rollback."""

    lock_wait_s: float = 15.0
    lock_attempts: int = 20
    """How often a locked flow is read under `onLocked: wait`, and a write refused by a conflict is repeated."""

    verify_wait_s: float = 5.0
    """Between two reads that wait for a publish to show."""
    gate_attempts: int = 3
    """Attempts of a gate that could not be evaluated, or of an HTTP check that failed."""
    gate_transport: httpx.AsyncBaseTransport | None = None
    """A transport for HTTP checks in place of the network."""
    allowed_hosts: frozenset[str] = frozenset()
    """Hosts in the controller's own network that HTTP checks may ask; the operator's list."""

    export_flows: int = 50
    """Exports that share a job at most; a sync lets so many begin together."""

    lease_ttl_s: float = MINUTE
    """The lease is renewed three times in this span."""
    stop_check_s: float = 1.0
    """Interval at which the caller is asked whether to stop."""
    stop_grace_s: float = 20.0
    """How long a running publish is followed after a shutdown signal; then it is parked."""

    @property
    def look_interval_s(self) -> float:
        """The shortest time between two looks at all running publishes: 2 s, a tenth of the default request limit."""
        return self.poll_base_s * 0.4

    client_name: str | None = None
    """Our client's id or name in the organisation: its own locks are no obstacle."""
    announce_to: tuple[str, ...] = ()
    """Receivers in the outbox of every migration of a flow's version."""


if TYPE_CHECKING:
    from controller.delivery.change_run import ChangeRun

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DeliveryEvent:
    """One event, named `noun.verb`, with its facts; never a secret."""

    name: str
    organization: str
    sync_id: int
    flow: str | None = None
    """`metadata.name` of the change."""
    fields: Mapping[str, object] = field(default_factory=dict)


_DETAILS = frozenset({"write", "publish", "validation", "watch"})
"""Events that are logged for debugging only."""

OnEvent = Callable[[DeliveryEvent], None]


class Announcer:
    """Logs every event and passes it to the listener. An error of the listener ends the delivery."""

    def __init__(self, listener: OnEvent | None) -> None:
        self._listener = listener
        self._held: list[DeliveryEvent] | None = None

    @contextmanager
    def once_true(self) -> Iterator[None]:
        """Hold events until the block ends: what a transaction rolls back has not happened."""
        held: list[DeliveryEvent] = []
        self._held = held
        try:
            yield
        finally:
            self._held = None
        for event in held:
            self.tell(event)

    def tell(self, event: DeliveryEvent) -> None:
        if self._held is not None:
            self._held.append(event)
            return
        say = log.debug if event.name.partition(".")[0] in _DETAILS else log.info
        say(event.name, organization=event.organization, sync=event.sync_id, flow=event.flow, **dict(event.fields))
        if self._listener is not None:
            self._listener(event)


KeepDraft = Callable[[Change, Export], Awaitable[None]]
"""Commits the draft under a lock that was broken. When it raises, nothing is published."""


class AuditFacts(TypedDict, total=False):
    """Optional fields of an audit entry."""

    version: str | None
    error: str | None
    latency_ms: float
    details: Mapping[str, object]
    webhook_synced: bool | None


@dataclass(frozen=True, slots=True)
class SyncRun:
    platform: Platform
    store: Store
    clock: Clock
    settings: DeliverySettings
    announcer: Announcer
    signals: Signals
    organization: Organization
    lease: Lease
    record: SyncRecord
    watch: LiveWatch
    """One look for all publishes in flight."""
    times: PublishTimes
    """How long publishes take in this organisation."""
    concurrency: Concurrency
    consumed: ConsumedFlows
    runs: list[ChangeRun] = field(default_factory=list)
    """All changes of the sync, in deployment order."""
    keep_draft: KeepDraft | None = None
    events: PublishEvents = field(default_factory=PublishEvents)
    given_up: Mapping[FlowKey, str] = field(default_factory=dict)
    """Flows that a person wants rolled back although their change has not ended, with the reason."""
    asked_by: str | None = None
    """The person who asked for rollbacks on request, if any."""
    _by_key: dict[FlowKey, ChangeRun] = field(default_factory=dict)

    def add(self, run: ChangeRun) -> None:
        """Add a change, after all others."""
        self.runs.append(run)
        self._by_key[run.key] = run

    def run_of(self, key: FlowKey) -> ChangeRun | None:
        """The change of a flow, if the sync has one; the last one of several."""
        return self._by_key.get(key)

    def can(self, capability: Capability) -> bool:
        return capability in self.platform.capabilities

    def tell(self, name: str, flow: str | None = None, **fields: object) -> None:
        """Announce an event of the sync, or of one of its flows."""
        self.announcer.tell(DeliveryEvent(name, self.organization.name, self.record.id, flow, fields))

    def audit(self, action: str, status: str, run: ChangeRun | None = None, **facts: Unpack[AuditFacts]) -> AuditEntry:
        """Append to the audit log."""
        facts["details"] = {"sync": self.record.id, "trigger": self.record.trigger, **facts.get("details", {})}
        return self.store.audit.append(
            AuditEntry(
                organization=self.organization.name,
                action=action,
                status=status,
                actor=self.record.actor,
                author=self.record.author,
                flow=None if run is None else str(run.key),
                flow_id=None if run is None else run.flow_id,
                target_version=None if run is None else run.record.target_version,
                revision=self.record.revision,
                **facts,
            )
        )
