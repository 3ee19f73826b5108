"""What all changes of one sync share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypedDict, Unpack

from controller.delivery.hearing import Hearing
from controller.delivery.progress import Announcer, DeliveryEvent
from controller.delivery.settings import DeliverySettings
from controller.delivery.signals import Signals
from controller.delivery.work import Work
from controller.domain.clock import Clock
from controller.domain.desired import Organization
from controller.domain.identity import FlowKey
from controller.domain.platform import Capability, Export
from controller.domain.ports import Platform
from controller.domain.redaction import SECRETS
from controller.domain.status import StepState
from controller.planning.model import Change
from controller.store import AuditEntry, Lease, Store, SyncRecord
from controller.store.journal import StepFacts

KeepDraft = Callable[[Change, Export], Awaitable[None]]
"""Commits a draft whose lock is about to be overridden; when it raises, nothing is published."""


class AuditFacts(TypedDict, total=False):
    """What an audit entry tells besides who, what and how it ended."""

    version: str | None
    error: str | None
    latency_ms: float
    details: Mapping[str, object]
    webhook_synced: bool | None


@dataclass(frozen=True, slots=True)
class Context:
    platform: Platform
    store: Store
    clock: Clock
    settings: DeliverySettings
    announcer: Announcer
    signals: Signals
    organization: Organization
    lease: Lease
    sync: SyncRecord
    works: list[Work] = field(default_factory=list)
    """All changes of the sync, in deployment order."""
    keep_draft: KeepDraft | None = None
    hearing: Hearing = field(default_factory=Hearing)
    given_up: Mapping[FlowKey, str] = field(default_factory=dict)
    """What a person wants to have taken back instead of brought to its end, with the reason."""
    asked_by: str | None = None
    """The person who asked for what is taken back on request; None where nobody did."""

    def asker(self, work: Work) -> str | None:
        """The person who asked for the change to be taken back; None where it goes back by itself."""
        asked = work.on_request and (not self.given_up or work.key in self.given_up)
        return self.asked_by if asked else None

    def can(self, capability: Capability) -> bool:
        return capability in self.platform.capabilities

    def tell(self, name: str, work: Work | None = None, **fields: object) -> None:
        flow = None if work is None else work.change.flow
        self.announcer.tell(DeliveryEvent(name, self.organization.name, self.sync.id, flow, fields))

    def advance(
        self, work: Work, state: StepState, also: Callable[[], None] | None = None, **facts: Unpack[StepFacts]
    ) -> None:
        """Move the change on in the journal, which proves the lease. Raises LeaseLost and StoreFailed.

        What `also` writes to the store is in the same transaction: a crash keeps both or neither.
        """
        reason = facts.get("reason")
        if reason is not None:
            facts["reason"] = SECRETS.text(reason)
        with self.announcer.once_true(), self.store.together():
            work.record = self.store.journal.advance(self.lease, work.record.id, state, **facts)
            if also is not None:
                also()
        self.moved(work)

    def moved(self, work: Work) -> None:
        """Tell that the change is in another state, or that more is known of it."""
        self.tell(f"change.{work.state.value}", work, version=work.record.live_version, reason=work.record.reason)

    def refresh(self, work: Work) -> None:
        work.record = self.store.journal.step(work.record.id)

    def park(self, work: Work) -> None:
        """Leave the change as it stands: the rollback takes it back, or the next process goes on with it."""
        work.parked = True
        self.tell("change.parked", work, state=work.state.value)

    def pause(self, work: Work, why: str) -> None:
        """Leave a live version as it is, because a gate could not decide about it; a person is told once."""
        if not work.paused_before:
            self.advance(work, StepState.BAKING, paused=True, reason=why)
        work.paused = True
        self.tell("change.paused", work, version=work.record.live_version, message=work.record.reason)

    def note(self, work: Work, message: str) -> None:
        """Something that people should read beside the change's outcome."""
        work.messages.append(SECRETS.text(message))

    def audit(self, work: Work | None, action: str, status: str, **facts: Unpack[AuditFacts]) -> AuditEntry:
        """Append to the audit log."""
        facts["details"] = {"sync": self.sync.id, "trigger": self.sync.trigger, **facts.get("details", {})}
        return self.store.audit.append(
            AuditEntry(
                organization=self.organization.name,
                action=action,
                status=status,
                actor=self.sync.actor,
                author=self.sync.author,
                flow=None if work is None else str(work.key),
                flow_id=None if work is None else work.flow_id,
                target_version=None if work is None else work.record.target_version,
                revision=self.sync.revision,
                **facts,
            )
        )

    def taken_ms(self, work: Work) -> float:
        """How long a change has taken, also where an earlier process began it: since its first write then."""
        here_s = self.clock.monotonic() - work.began_at
        if not work.record.writes:
            return here_s * 1000
        first = min(write.intent_at for write in work.record.writes)
        return max(here_s, (self.clock.now() - first).total_seconds()) * 1000
