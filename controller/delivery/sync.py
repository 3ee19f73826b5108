"""One sync from its first change to its last rollback: run the changes, roll back what failed, close the sync."""

from __future__ import annotations

from dataclasses import replace

from controller.delivery.change_run import ChangeRun
from controller.delivery.exporting import export_live
from controller.delivery.lease_keeper import with_lease
from controller.delivery.outcome import release_proven
from controller.delivery.result import Outcome, StepResult, SyncResult
from controller.delivery.rollback.policy import calls_for_rollback, roll_back_by_policy
from controller.delivery.rollback.rollback import Why, roll_one_back
from controller.delivery.scheduler import Scheduler
from controller.delivery.sync_run import SyncRun
from controller.domain.errors.change import OutOfBandChange, RollbackFailed
from controller.domain.status import StepCause, StepState
from controller.domain.waiting import for_each
from controller.store.records import StepRecord, SyncState


async def carry_out(sync: SyncRun) -> SyncResult:
    """Run the changes, roll back those that have to be, close the sync. Raises LeaseLost and StoreFailed."""
    await with_lease(sync, lambda: _carry_out(sync), subscribe=True)
    return _close(sync)


async def bring_back(sync: SyncRun, version: str, reason: str) -> SyncResult:
    """Roll the sync's one flow back to a version that a person chose, and export it, recorded or not.

    Raises LeaseLost and StoreFailed.
    """
    (run,) = sync.runs
    why = Why(reason, StepCause.ON_REQUEST)

    async def work() -> None:
        run.advance(StepState.ROLLING_BACK, live_version=run.change.from_version, **why.facts)
        await roll_one_back(run, why)
        if run.state is StepState.ROLLED_BACK and run.export is None:
            await export_live(run)

    run.tell("rollback.asked-for", version=version)
    await with_lease(sync, work, subscribe=True)
    return _close(sync)


async def _carry_out(sync: SyncRun) -> None:
    scheduler = Scheduler(sync)
    await scheduler.run()
    failed = [run for run in sync.runs if calls_for_rollback(run)]
    begun = any(run.going_back for run in sync.runs)
    if (failed or begun) and sync.record.state.open:
        await roll_back_by_policy(sync, failed)
    await _resume_the_rest(sync, scheduler)
    await scheduler.export_the_rest()
    restored = [run for run in sync.runs if run.state is StepState.ROLLED_BACK and _restored_as_new_version(run)]
    await for_each((run for run in restored if run.export is None), export_live)


async def _resume_the_rest(sync: SyncRun, scheduler: Scheduler) -> None:
    """Resume the changes that were parked because of a failure, and that its rollback left alone.

    Their version was live already, or the manifest asks for a manual rollback.
    """
    while True:
        for run in sync.runs:
            if run.parked and run.state.not_started:
                run.parked = False
                run.advance(StepState.SKIPPED, reason="another change of this sync failed before it began")
        left = [run for run in sync.runs if run.parked and not run.paused and run.state.watched]
        if not left or sync.signals.stopping:
            return
        sync.signals.resume()
        await scheduler.resume(left)


def _restored_as_new_version(run: ChangeRun) -> bool:
    return run.record.live_version is not None and run.record.live_version != run.record.previous_version


def _close(sync: SyncRun) -> SyncResult:
    outcome = outcome_of(sync)
    now = sync.clock.now()
    steps = tuple(step_result(run) for run in sync.runs)
    started_at = sync.record.started_at
    result = SyncResult(sync.record.id, sync.organization.name, outcome, steps, started_at, now)
    state = SyncState.STOPPED if _left_over(sync) else SyncState(outcome.value)
    latency_ms = max((now - started_at).total_seconds() * 1000, 0.0)
    error = "; ".join(step.error.message for step in result.failures if step.error) or None
    with sync.store.together():
        sync.store.journal.finish(sync.lease, sync.record.id, state, result.totals)
        release_proven(sync)
        entry = sync.audit("sync", outcome.value, error=error, latency_ms=latency_ms, details=result.totals)
    sync.tell("sync.finished", outcome=outcome.value, totals=dict(result.totals))
    return replace(result, deployment_success_rate=entry.deployment_success_rate)


def outcome_of(sync: SyncRun) -> Outcome:
    """How the sync ended: the worst of how its changes ended."""
    states = {run.state for run in sync.runs}
    if StepState.ROLLBACK_FAILED in states or any(isinstance(run.error, RollbackFailed) for run in sync.runs):
        return Outcome.ROLLBACK_FAILED
    if _left_over(sync):
        return Outcome.STOPPED if sync.signals.stopping else _without_end(sync)
    if StepState.ROLLED_BACK in states:
        return Outcome.ROLLED_BACK
    if StepState.FAILED in states or any(isinstance(run.error, OutOfBandChange) for run in sync.runs):
        return Outcome.FAILED
    return Outcome.INCOMPLETE if StepState.SKIPPED in states else Outcome.SUCCEEDED


def _without_end(sync: SyncRun) -> Outcome:
    """Why changes are left over without a shutdown signal."""
    if any(run.undetermined for run in sync.runs):
        return Outcome.UNDETERMINED
    return Outcome.PAUSED if any(map(_is_paused, sync.runs)) else Outcome.STOPPED


def _left_over(sync: SyncRun) -> bool:
    """Whether the next process has to resume the sync."""
    return any(run.state.in_flight or run.parked or run.skipped_for_shutdown for run in sync.runs)


def _is_paused(run: ChangeRun) -> bool:
    return run.paused and run.state is StepState.BAKING


def _maker(run: ChangeRun) -> StepRecord | None:
    """The step that made the live version: after a rollback an earlier delivery's, where the journal knows it."""
    record = run.record
    if record.state is not StepState.ROLLED_BACK:
        return record
    if record.previous_version is None:
        return None
    return run.sync.store.journal.delivered(run.sync.organization.name, record.key, record.previous_version)


def step_result(run: ChangeRun) -> StepResult:
    """The change as a value for the caller."""
    record, maker = run.record, _maker(run)
    ended_at = run.sync.clock.monotonic() if run.ended_at is None else run.ended_at
    skipped = () if record.state is not StepState.SKIPPED or record.reason is None else (record.reason,)
    return StepResult(
        change=run.change,
        state=record.state,
        step_id=record.id,
        flow_id=record.flow_id,
        version=record.live_version,
        previous_version=record.previous_version,
        export=run.export,
        export_digest=run.export_digest,
        source_digest=None if maker is None else maker.source_digest,
        dependency_digest="" if maker is None else maker.dependency_digest,
        consumed=record.consumed,
        drafts=tuple(run.drafts),
        error=run.error,
        messages=(*run.messages, *skipped),
        duration_s=max(ended_at - run.began_at, 0.0),
        parked=run.parked,
        paused=record.reason if _is_paused(run) else None,
        recorded=record.recorded_at is not None,
        revision=run.sync.record.revision,
        dirty=run.sync.record.dirty,
    )
