"""Delivery's interface: carry a plan out, resume unfinished syncs, note commits, stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from controller.delivery.change_run import ChangeRun
from controller.delivery.consumed_flows import ConsumedFlows
from controller.delivery.journal_entries import NEW_FLOW, new_step
from controller.delivery.live_watch import LiveWatch
from controller.delivery.publish_times import PublishTimes
from controller.delivery.recovery import recover_sync, recovered_runs
from controller.delivery.result import RecoveryResult, StepResult, SyncContext, SyncResult
from controller.delivery.signals import Signals
from controller.delivery.slots import Concurrency
from controller.delivery.sync import bring_back, carry_out
from controller.delivery.sync_run import Announcer, DeliverySettings, KeepDraft, OnEvent, SyncRun
from controller.domain.clock import Clock
from controller.domain.desired import Organization
from controller.domain.identity import FlowKey
from controller.domain.ports import Platform
from controller.domain.status import StepState
from controller.planning.model import Change, Plan
from controller.store.leases import Lease
from controller.store.records import NewSync, SyncRecord
from controller.store.store import Store


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
        """`stopping` is asked every second, and before anything new begins; it is another way to call `stop`."""
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

        `keep_draft` commits the draft under a lock that was broken, before its flow is published.

        Failures are in the result. Raises only LeaseLost and StoreFailed: nothing more is written then, and the next
        holder of the lease resumes the sync from the journal.
        """
        changes = plan.actions
        opening = _new_sync(organization, sync, plan.digest)
        record = self._store.journal.begin(lease, opening, [new_step(change) for change in changes])
        now, run = self._clock.monotonic(), self._sync_run(organization, lease, record, keep_draft)
        for change, step in zip(changes, record.steps, strict=True):
            run.add(ChangeRun(run, change, step, began_at=now))
        run.watch.lookups.expect(sum(change.kind in NEW_FLOW for change in changes))
        run.tell("sync.started", changes=len(changes), plan=plan.digest, revision=sync.revision)
        return await carry_out(run)

    async def roll_back_to(
        self, organization: Organization, change: Change, version: str, lease: Lease, sync: SyncContext
    ) -> SyncResult:
        """Roll one flow back from `change.from_version` to a version that it had before.

        The caller commits the step when it is `rolled-back`. Raises LeaseLost and StoreFailed.
        """
        step = replace(new_step(change), previous_version=version, target_version=version)
        record = self._store.journal.begin(lease, _new_sync(organization, sync, plan_digest=""), [step])
        run = self._sync_run(organization, lease, record)
        run.add(ChangeRun(run, change, record.steps[0], began_at=self._clock.monotonic()))
        return await bring_back(run, version, change.reason)

    async def recover(
        self,
        organization: Organization,
        lease: Lease,
        *,
        keep_draft: KeepDraft | None = None,
        given_up: Mapping[FlowKey, str] | None = None,
        asked_by: str | None = None,
    ) -> RecoveryResult:
        """Resume the syncs that earlier processes left open; call it before making a plan.

        A flow in `given_up` is rolled back instead of resumed, for the reason that is given; the organisation is told
        who `asked_by`. The caller commits `to_record` and calls `recorded`. Raises LeaseLost, StoreFailed and the
        errors of reading the organisation; calling it again resumes from there.
        """
        results = []
        for record in self._store.journal.unfinished(organization.name):
            run = self._sync_run(organization, lease, record, keep_draft)
            run = replace(run, given_up=given_up or {}, asked_by=asked_by or run.asked_by)
            for recovered in recovered_runs(run):
                run.add(recovered)
            run.tell("recovery.started", steps=len(run.runs))
            results.append(await recover_sync(run))
        return RecoveryResult(tuple(results))

    def recorded(self, lease: Lease, results: Iterable[StepResult]) -> None:
        """Note that the caller has committed these changes; they are not handed out again."""
        states = {
            result.step_id: StepState.RECORDED if result.state is StepState.EXPORTED else result.state
            for result in results
        }
        self._store.journal.recorded(lease, states)

    def stop(self) -> None:
        """Begin nothing new, follow running publishes for a short time, park the rest. Safe to call at any time."""
        self._stopped = True
        self._signals.stop()

    def _sync_run(
        self, organization: Organization, lease: Lease, record: SyncRecord, keep_draft: KeepDraft | None = None
    ) -> SyncRun:
        self._signals = self._new_signals()
        if self._stopped:
            self._signals.stop()
        return SyncRun(
            platform=self._platform,
            store=self._store,
            clock=self._clock,
            settings=self._settings,
            announcer=self._announcer,
            signals=self._signals,
            organization=organization,
            lease=lease,
            record=record,
            watch=LiveWatch(self._platform, self._clock, self._settings.look_interval_s),
            times=PublishTimes(self._store.publish_times.of(organization.name)),
            concurrency=Concurrency(organization.sync, self._clock, lambda: self._platform.load),
            consumed=ConsumedFlows(self._clock),
            keep_draft=keep_draft,
            # A rollback on request is a sync without a plan.
            asked_by=None if record.plan_digest else record.actor,
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
