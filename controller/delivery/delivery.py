"""The door to delivery: carry a plan out, recover what was left behind, note what was committed, stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from controller.delivery.context import Context, KeepDraft
from controller.delivery.progress import Announcer, OnEvent
from controller.delivery.recovery import recover_sync, works_of
from controller.delivery.result import RecoveryResult, StepResult, SyncContext, SyncResult
from controller.delivery.settings import DeliverySettings
from controller.delivery.signals import Signals
from controller.delivery.sync import bring_back, carry_out
from controller.delivery.work import NEW_FLOW, Work, source_digest_of, wanted_of
from controller.domain.clock import Clock
from controller.domain.desired import Organization
from controller.domain.identity import FlowKey
from controller.domain.ports import Platform
from controller.domain.status import StepState
from controller.planning.model import Change, Plan
from controller.store import Lease, NewStep, NewSync, Store, SyncRecord


class Delivery:
    """Delivers to one organisation. The caller holds its lease; delivery renews it while it works."""

    def __init__(
        self,
        platform: Platform,
        store: Store,
        clock: Clock,
        settings: DeliverySettings | None = None,
        *,
        on_event: OnEvent | None = None,
        stopping: Callable[[], bool] | None = None,
    ) -> None:
        """`stopping` is asked every second and before anything new, for callers that would rather not call `stop`."""
        self._platform = platform
        self._store = store
        self._clock = clock
        self._settings = settings or DeliverySettings()
        self._announcer = Announcer(on_event)
        self._stopping = stopping or (lambda: False)
        self._signals = self._new_signals()
        self._stopped = False

    async def deliver(
        self,
        organization: Organization,
        plan: Plan,
        lease: Lease,
        sync: SyncContext,
        *,
        keep_draft: KeepDraft | None = None,
    ) -> SyncResult:
        """Carry out every change of the plan that is not blocked.

        `keep_draft` commits what was saved under a lock before that lock's flow is published over.

        What fails is in the result, not raised. Raises LeaseLost and StoreFailed: then nothing more is written, and
        whoever holds the lease next recovers from the journal.
        """
        changes = plan.actions
        opening = _new_sync(organization, sync, plan.digest)
        record = self._store.journal.begin(lease, opening, [_new_step(change) for change in changes])
        now = self._clock.monotonic()
        works = [Work(change, step, began_at=now) for change, step in zip(changes, record.steps, strict=True)]
        context = self._context(organization, lease, record, works, keep_draft)
        context.tell("sync.started", changes=len(changes), plan=plan.digest, revision=sync.revision)
        return await carry_out(context)

    async def roll_back_to(
        self, organization: Organization, change: Change, version: str, lease: Lease, sync: SyncContext
    ) -> SyncResult:
        """Bring one flow back from `change.from_version` to a version that it had, with the care of a rollback.

        The caller commits the step when it is `rolled-back`. Raises LeaseLost and StoreFailed.
        """
        step = replace(_new_step(change), previous_version=version, target_version=version)
        record = self._store.journal.begin(lease, _new_sync(organization, sync, plan_digest=""), [step])
        work = Work(change, record.steps[0], began_at=self._clock.monotonic())
        context = self._context(organization, lease, record, [work], None)
        return await bring_back(context, version, change.reason)

    async def recover(
        self,
        organization: Organization,
        lease: Lease,
        *,
        keep_draft: KeepDraft | None = None,
        given_up: Mapping[FlowKey, str] | None = None,
        asked_by: str | None = None,
    ) -> RecoveryResult:
        """Bring what earlier processes left open to its end; call it before a plan is made.

        What is live of a flow that was `given_up`, for a person's reason, is taken back instead of watched on; the
        organisation is told who `asked_by`.
        The caller commits `to_record` and calls `recorded`. Raises LeaseLost, StoreFailed, and what reading the
        organisation raises; calling it again goes on from there.
        """
        results = []
        for record in self._store.journal.unfinished(organization.name):
            works = works_of(record, organization, self._clock.monotonic())
            context = self._context(organization, lease, record, works, keep_draft)
            context = replace(context, given_up=given_up or {}, asked_by=asked_by or context.asked_by)
            context.tell("recovery.started", steps=len(works))
            results.append(await recover_sync(context))
        return RecoveryResult(tuple(results))

    def recorded(self, lease: Lease, results: Iterable[StepResult]) -> None:
        """Note that what these changes delivered is committed; they are not handed out again."""
        for result in results:
            state = StepState.RECORDED if result.state is StepState.EXPORTED else result.state
            self._store.journal.advance(lease, result.step_id, state, recorded_at=self._clock.now())

    def stop(self) -> None:
        """Begin nothing new; follow running publishes for a short while, park the rest. Safe to call at any time."""
        self._stopped = True
        self._signals.stop()

    def _context(
        self,
        organization: Organization,
        lease: Lease,
        sync: SyncRecord,
        works: list[Work],
        keep_draft: KeepDraft | None,
    ) -> Context:
        self._signals = self._new_signals()
        if self._stopped:
            self._signals.stop()
        return Context(
            platform=self._platform,
            store=self._store,
            clock=self._clock,
            settings=self._settings,
            announcer=self._announcer,
            signals=self._signals,
            organization=organization,
            lease=lease,
            sync=sync,
            works=works,
            keep_draft=keep_draft,
            asked_by=_asked_by(sync),
        )

    def _new_signals(self) -> Signals:
        return Signals(self._clock, self._settings.stop_grace_s, self._stopping)


def _new_sync(organization: Organization, sync: SyncContext, plan_digest: str) -> NewSync:
    return NewSync(
        organization=organization.name,
        revision=sync.revision,
        plan_digest=plan_digest,
        actor=sync.actor,
        trigger=sync.trigger,
        on_failure=organization.sync.on_failure.value,
        dirty=sync.dirty,
        author=sync.author,
    )


def _asked_by(sync: SyncRecord) -> str | None:
    """Who asked for a version to come back, where the sync is that and nothing else; it has no plan."""
    return None if sync.plan_digest else sync.actor


def _new_step(change: Change) -> NewStep:
    new_flow = change.kind in NEW_FLOW
    return NewStep(
        flow=change.flow,
        key=change.key,
        kind=change.kind.value,
        wanted=wanted_of(change),
        source_digest=source_digest_of(change),
        dependency_digest=change.dependency_digest,
        consumes=change.consumes,
        flow_id=None if new_flow else change.flow_id,
        previous_version=None if new_flow else change.from_version,
        target_version=change.to_version,
    )
