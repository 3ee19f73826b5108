"""One change while it is carried out: the plan's request, the journal's record, and the findings so far.

The priority of its calls and the names of its journal actions follow from its state: a rollback goes first, and its
actions begin with `rollback.`, or with `rebind.` once the flow is back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Unpack

from controller.delivery.consumed_flows import version_now
from controller.delivery.journal_entries import (
    DESTRUCTIVE,
    EFFECTIVE,
    EXISTING_VERSION,
    REBIND,
    ROLLBACK,
    may_have_changed,
)
from controller.delivery.publish_times import Expectation
from controller.delivery.sync_run import AuditFacts, SyncRun
from controller.domain.desired import DesiredFlow, ErrorRateGate, Gate, SourceFile
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.delivery import LeaseLost
from controller.domain.errors.process import StoreFailed
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.platform import Export, Priority, TicketKind
from controller.domain.ports import Platform
from controller.domain.publish_time import PublishWay
from controller.domain.redaction import SECRETS
from controller.domain.status import StepState
from controller.planning.model import Change, ChangeKind
from controller.store.audit import AuditEntry
from controller.store.journal import StepFacts
from controller.store.records import StepRecord, WriteOutcome, WriteRecord


@dataclass(slots=True, eq=False)
class ChangeRun:
    """Mutable on purpose, and owned by the one task that works on the change."""

    sync: SyncRun
    change: Change
    record: StepRecord
    began_at: float
    """Monotonic."""
    export: Export | None = None
    export_digest: str | None = None
    planned_flow: LiveFlow | None = None
    """The flow when it was last found as the plan expects it."""
    noted: Mapping[str, object] = field(default_factory=dict)
    """Details for the intent of its write, which distinguish later publishes by others."""
    drafts: list[Export] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    error: PenstockError | None = None
    cause: PenstockError | None = None
    """The failure that causes its rollback, also from an earlier process, as far as the journal shows it."""
    parked: bool = False
    """Left in its state, for the rollback or for the next process."""
    paused: bool = False
    """A gate could not decide about it in this pass: only more executions or a person can."""
    skipped_for_shutdown: bool = False
    """It was not begun because of a shutdown signal."""
    ended_at: float | None = None
    size: int | None = None
    """Characters of its file; known once it is sent."""
    going_back_since: float | None = None
    """Monotonic: when its rollback began."""

    @property
    def state(self) -> StepState:
        return self.record.state

    @property
    def key(self) -> FlowKey:
        return self.change.key

    @property
    def desired(self) -> DesiredFlow | None:
        return self.change.desired

    @property
    def flow_id(self) -> str | None:
        return self.record.flow_id

    @property
    def label(self) -> str:
        """The flow in messages, by its manifest and by its key."""
        return f"{self.change.flow} ({self.key})"

    @property
    def source(self) -> SourceFile | None:
        desired = self.desired
        return desired.source if desired is not None and isinstance(desired.source, SourceFile) else None

    @property
    def way(self) -> PublishWay:
        """How its version is made live."""
        existing = self.record.source_digest is None or self.change.kind in EXISTING_VERSION
        return PublishWay.PUBLISH if existing else PublishWay.UPLOAD

    @property
    def expectation(self) -> Expectation | None:
        """When its publish is expected to be done, counted from when it was sent; None where nothing is known."""
        return self.sync.times.of(self.key, self.way, self.size)

    @property
    def gates(self) -> tuple[Gate, ...]:
        """The gates in the manifest's order; none where the manifest asks for something else by now."""
        return self.desired.gates if self.desired is not None else ()

    @property
    def watches_executions(self) -> bool:
        """Whether a gate judges its executions."""
        return any(isinstance(gate, ErrorRateGate) for gate in self.gates)

    # What follows from the state.

    @property
    def going_back(self) -> bool:
        """Whether its rollback has begun."""
        return self.state.going_back

    @property
    def priority(self) -> Priority:
        """A failed change is only read to find out whether it has to be rolled back."""
        first = self.going_back or self.state is StepState.FAILED
        return Priority.ROLLBACK if first else Priority.PUBLISH

    @property
    def platform(self) -> Platform:
        """The organisation, at this change's priority."""
        return self.sync.platform.at(self.priority)

    def live(self) -> Awaitable[LiveFlow | None]:
        """Read the flow as it is now; None when it does not exist."""
        flows = self.platform.flows
        return flows.find(self.key) if self.flow_id is None else flows.get(self.flow_id)

    async def bindings(self) -> Mapping[FlowKey, str]:
        """The versions that the flow is bound to where it was published just now: this sync's, and else the live ones.

        A version that cannot be read is left out: that is no reason to roll a healthy flow back.
        """
        sync, sent_at = self.sync, self.sync.clock.monotonic() - self.since_sent_s
        flows = sync.platform.at(Priority.ROLLBACK if self.going_back else Priority.OBSERVE).flows
        consumed: dict[FlowKey, str] = {}
        for key in self.record.consumes:
            mine = sync.run_of(key)
            version = None if mine is None or mine is self else mine.record.live_version
            if not version:
                try:
                    if self.going_back:  # it waits for nobody
                        version = await version_now(key, flows)
                    else:
                        version = await sync.consumed.version_of(key, flows, since=sent_at)
                except (LeaseLost, StoreFailed):
                    raise
                except PenstockError as error:
                    self.note(f"the version of {key} that it is bound to could not be read: {error.message}")
                    continue
            if version is not None:
                consumed[key] = version
        return consumed

    def action(self, name: str) -> str:
        """The journal action of a write in this state."""
        if not self.going_back:
            return name
        return f"{REBIND if self.state is StepState.ROLLED_BACK else ROLLBACK}{name}"

    # What the journal tells.

    @property
    def gated(self) -> bool:
        """Whether its version had gates when it was sent; git may have dropped them since."""
        return any(write.action in EFFECTIVE and write.details.get("gates") for write in self.record.writes)

    @property
    def on_request(self) -> bool:
        """Whether it is rolled back because it is no longer desired; nothing failed then."""
        return self.going_back and self.record.cause is not None and self.record.cause.asked_for

    @property
    def asker(self) -> str | None:
        """The person who asked for its rollback, if any."""
        sync = self.sync
        return sync.asked_by if self.on_request and (not sync.given_up or self.key in sync.given_up) else None

    @property
    def undetermined(self) -> bool:
        """Whether it was left because its publish result could not be determined."""
        return self.parked and self.error is not None and self.state is StepState.PUBLISHING

    @property
    def touched(self) -> bool:
        """Whether it may have changed the live version."""
        return any(map(may_have_changed, self.record.writes))

    @property
    def rollout_began_at(self) -> datetime | None:
        """When its version was sent to be published in stages: it may have traffic since then without being live."""
        for write in reversed(self.record.writes):
            if write.action == "publish" and write.details.get("stages") and write.outcome is not WriteOutcome.FAILED:
                return write.intent_at
        return None

    @property
    def effective(self) -> bool:
        """Whether the organisation accepted a call of ours that can change the live version."""
        return any(write.action in EFFECTIVE and write.outcome is WriteOutcome.DONE for write in self.record.writes)

    @property
    def may_publish(self) -> bool:
        """Whether something may still be published or rolled back for it."""
        unpublishing = self.change.kind in DESTRUCTIVE or self.change.kind is ChangeKind.ADOPT
        return not (unpublishing or self.state.final or self.change.blocked)

    @property
    def first_write(self) -> int:
        """Orders changes by when they first touched the organisation."""
        return min((write.id for write in self.record.writes if may_have_changed(write)), default=0)

    def last_write(self, *actions: str) -> WriteRecord | None:
        """The newest call of one of these kinds that was announced for the change."""
        return next((write for write in reversed(self.record.writes) if write.action in actions), None)

    @property
    def since_sent_s(self) -> float:
        """How long ago the last write was answered that can change the live version; 0 before it."""
        write = self.last_write(*EFFECTIVE)
        if write is None:
            return 0.0
        return max((self.sync.clock.now() - (write.result_at or write.intent_at)).total_seconds(), 0.0)

    def learn_time(self, live: LiveFlow | None) -> None:
        """Remember how long the publish of the version took, if this process has followed all of it."""
        taken_s, sync, write = self.since_sent_s, self.sync, self.last_write(*EFFECTIVE)
        at_once = write is None or (write.result or {}).get("kind") == TicketKind.DONE.value
        if live is None or at_once or taken_s > sync.clock.monotonic() - self.began_at:
            return
        if live.published_at is not None:
            # Its end by the organisation's clock: it may have been seen late.
            seen_s = (sync.clock.now() + sync.platform.clock_ahead - live.published_at).total_seconds()
            taken_s -= min(max(seen_s, 0.0), taken_s)
        learned = sync.times.learn(self.key, self.way, self.size or 0, taken_s)
        sync.store.publish_times.remember(sync.organization.name, self.key, self.way, learned)

    @property
    def taken_ms(self) -> float:
        """How long the change has taken; where an earlier process began it, since its first write."""
        here_s = self.sync.clock.monotonic() - self.began_at
        if not self.record.writes:
            return here_s * 1000
        first = min(write.intent_at for write in self.record.writes)
        return max(here_s, (self.sync.clock.now() - first).total_seconds()) * 1000

    # Noting and telling.

    def advance(self, state: StepState, also: Callable[[], None] | None = None, **facts: Unpack[StepFacts]) -> None:
        """Move the change on in the journal, which proves the lease. Raises LeaseLost and StoreFailed.

        What `also` writes to the store is in the same transaction: a crash keeps both or neither.
        """
        sync, reason = self.sync, facts.get("reason")
        if reason is not None:
            facts["reason"] = SECRETS.text(reason)
        with sync.announcer.once_true(), sync.store.together():
            self.record = sync.store.journal.advance(sync.lease, self.record, state, **facts)
            if also is not None:
                also()
        self.moved()

    def moved(self) -> None:
        """Announce the change's state, after the state or the record changed."""
        self.tell(f"change.{self.state.value}", version=self.record.live_version, reason=self.record.reason)

    def park(self) -> None:
        """Leave the change in its state: the rollback or the next process takes it up."""
        self.parked = True
        self.tell("change.parked", state=self.state.value)

    def pause(self, why: str) -> None:
        """Leave a live version as it is, because a gate could not decide about it. Notifies a person once."""
        if not self.record.paused:
            self.advance(StepState.BAKING, paused=True, reason=why)
        self.paused = True
        self.tell("change.paused", version=self.record.live_version, message=self.record.reason)

    def note(self, message: str) -> None:
        """Add something that people should read beside the change's outcome."""
        self.messages.append(SECRETS.text(message))

    def tell(self, name: str, **fields: object) -> None:
        self.sync.tell(name, self.change.flow, **fields)

    def audit(self, action: str, status: str, **facts: Unpack[AuditFacts]) -> AuditEntry:
        return self.sync.audit(action, status, self, **facts)
