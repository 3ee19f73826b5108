"""One sync from its first change to its last rollback, with the lease kept all the while."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from controller.delivery.context import Context
from controller.delivery.executor import Executor
from controller.delivery.exporting import export_live
from controller.delivery.group import with_groups
from controller.delivery.quarantine import harmless, release_proven
from controller.delivery.result import Outcome, StepResult, SyncResult
from controller.delivery.rollback import roll_back, take_back
from controller.delivery.scope import take_back_earlier_parts
from controller.delivery.work import DESTRUCTIVE, Why, Work
from controller.domain.desired import ErrorRateGate, OnFailure
from controller.domain.errors import LeaseLost, OutOfBandChange, RollbackFailed, StoreFailed
from controller.domain.status import Cause, StepState
from controller.store import StepRecord, SyncState


async def carry_out(context: Context) -> SyncResult:
    """Run the changes, roll back what has to be, close the sync. Raises LeaseLost and StoreFailed."""
    await with_lease(context, lambda: _carry_out(context), hear=True)
    return _close(context)


async def bring_back(context: Context, version: str, reason: str) -> SyncResult:
    """Take the sync's one flow back to a version that a person chose, and export it, recorded or not.

    Raises LeaseLost and StoreFailed.
    """
    (work,) = context.works
    why = Why(reason, Cause.ON_REQUEST)

    async def run() -> None:
        context.advance(work, StepState.ROLLING_BACK, live_version=work.change.from_version, **why.facts)
        await take_back(context, work, why)
        if work.state is StepState.ROLLED_BACK and work.export is None:
            await export_live(context, work)

    context.tell("rollback.asked-for", work, version=version)
    await with_lease(context, run, hear=True)
    return _close(context)


async def _carry_out(context: Context) -> None:
    executor = Executor(context)
    await executor.run()
    failed = [work for work in context.works if _calls_for_rollback(work)]
    begun = any(work.state.going_back for work in context.works)
    if (failed or begun) and context.sync.state.open:
        await _after_failure(context, failed)
    await _finish_the_rest(context, executor)
    await executor.export_the_rest()
    for work in context.works:
        if work.state is StepState.ROLLED_BACK and work.export is None and _restored_anew(work):
            await export_live(context, work)


async def _finish_the_rest(context: Context, executor: Executor) -> None:
    """Changes that were parked because another one failed, and that its rollback did not take back.

    They found their version live already, or the manifest asks for rollback by hand.
    """
    while True:
        for work in context.works:
            if work.parked and work.state.not_started:
                work.parked = False
                context.advance(work, StepState.SKIPPED, reason="another change of this sync failed before it began")
        left = [work for work in context.works if _waits_for_rollback(work)]
        if not left or context.signals.stopping:
            return
        context.signals.resume()
        await executor.go_on(left)


def _waits_for_rollback(work: Work) -> bool:
    return work.parked and not work.paused and work.state.watched


def _calls_for_rollback(work: Work) -> bool:
    if work.change.kind in DESTRUCTIVE:
        return False
    return work.state is StepState.ROLLING_BACK or (work.state is StepState.FAILED and not harmless(work))


def _restored_anew(work: Work) -> bool:
    return work.record.live_version is not None and work.record.live_version != work.record.previous_version


async def _after_failure(context: Context, failed: list[Work]) -> None:
    """Take back what the policy says of failures; and whatever is on its way back already, for whichever reason."""
    policy = OnFailure(context.sync.on_failure)
    failed = [work for work in failed if not work.on_request]
    begun = any(work.state.going_back and not work.on_request for work in context.works)
    concerned: list[Work] = []
    if policy is OnFailure.ROLLBACK_ALL and (failed or begun):
        concerned = context.works
    elif policy is OnFailure.ROLLBACK_FLOW:
        concerned = with_groups(failed, context.works)
    works = [work for work in context.works if work in concerned or work.state is StepState.ROLLING_BACK]
    why = _why(context, failed)
    await roll_back(context, [work for work in works if work.change.kind not in DESTRUCTIVE], why)
    if policy is OnFailure.ROLLBACK_ALL and (failed or begun):
        await take_back_earlier_parts(context, why)


def _why(context: Context, failed: list[Work]) -> Why:
    """What set the rollback off; where an earlier process began it, what it noted."""
    begun = (work.record for work in context.works if work.state.going_back and not work.on_request)
    earlier = next((record for record in begun if record.reason), None)
    if earlier is not None:
        return Why(earlier.reason or "", error_code=earlier.error_code)
    if not failed:
        return Why("an earlier run of the controller began to roll back")
    names, first = ", ".join(work.change.flow for work in failed), failed[0].record
    return Why(f"{names} failed: {first.reason or 'no reason given'}", error_code=first.error_code)


async def with_lease(context: Context, work: Callable[[], Awaitable[None]], *, hear: bool = False) -> None:
    """Do something while the lease is renewed in the background; losing it ends the work at once.

    With `hear` the organisation is listened to meanwhile, where it can be. Raises what the work raises, never a group.
    """
    try:
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(_keep(context), name="lease"),
                group.create_task(_listen(context), name="stop"),
            ]
            if hear:
                beside.append(group.create_task(_hear(context), name="channel"))
                beside.append(group.create_task(_hear_executions(context), name="executions"))
            try:
                await work()
            finally:
                for task in beside:
                    task.cancel()
    except BaseExceptionGroup as failures:
        raise _most_telling(failures) from None


async def _keep(context: Context) -> None:
    """Renew the lease. A store that does not answer is asked again, until the lease must have run out."""
    ttl_s, clock = context.settings.lease_ttl_s, context.clock
    renewed_at = clock.monotonic()
    while True:
        try:
            context.store.leases.renew(context.lease, ttl_s=ttl_s)
        except StoreFailed as error:
            if clock.monotonic() - renewed_at >= ttl_s:
                raise
            context.tell("lease.renewal-failed", message=error.message)
            await clock.sleep(ttl_s / 12)
        else:
            renewed_at = clock.monotonic()
            await clock.sleep(ttl_s / 3)


async def _listen(context: Context) -> None:
    while not context.signals.stopping:
        await context.clock.sleep(context.settings.stop_check_s)


async def _hear(context: Context) -> None:
    """Only where something is published whose flow is known by now."""
    notifications = context.platform.notifications
    if not context.settings.listens or notifications is None:
        return
    flow_ids = {work.flow_id for work in context.works if work.flow_id is not None and work.may_publish}
    if flow_ids:
        await context.hearing.listen(notifications, flow_ids)


async def _hear_executions(context: Context) -> None:
    """On a channel of its own: whatever becomes of it, publishes are still announced."""
    notifications = context.platform.notifications
    if not context.settings.listens or notifications is None:
        return
    flow_ids = {
        work.flow_id
        for work in context.works
        if work.flow_id is not None and any(isinstance(gate, ErrorRateGate) for gate in work.gates)
    }
    if flow_ids:
        await context.hearing.listen_to_executions(notifications, flow_ids)


def _most_telling(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    leaves = list(_leaves(failures))
    for kind in (LeaseLost, StoreFailed):
        for leaf in leaves:
            if isinstance(leaf, kind):
                return leaf
    return leaves[0]


def _leaves(failure: BaseException) -> list[BaseException]:
    if not isinstance(failure, BaseExceptionGroup):
        return [failure]
    return [leaf for part in failure.exceptions for leaf in _leaves(part)]


def _close(context: Context) -> SyncResult:
    outcome = outcome_of(context)
    now = context.clock.now()
    steps = tuple(step_result(context, work) for work in context.works)
    started_at = context.sync.started_at
    result = SyncResult(context.sync.id, context.organization.name, outcome, steps, started_at, now)
    release_proven(context)
    state = SyncState.STOPPED if _left_over(context) else SyncState(outcome.value)
    context.store.journal.finish(context.lease, context.sync.id, state, result.totals)
    latency_ms = max((now - started_at).total_seconds() * 1000, 0.0)
    error = "; ".join(step.error.message for step in result.failures if step.error) or None
    entry = context.audit(None, "sync", outcome.value, error=error, latency_ms=latency_ms, details=result.totals)
    context.tell("sync.finished", outcome=outcome.value, totals=dict(result.totals))
    return replace(result, deployment_success_rate=entry.deployment_success_rate)


def outcome_of(context: Context) -> Outcome:
    """How the sync ended, from how its changes did; the worst word wins."""
    states = {work.state for work in context.works}
    if StepState.ROLLBACK_FAILED in states or any(isinstance(work.error, RollbackFailed) for work in context.works):
        return Outcome.ROLLBACK_FAILED
    if _left_over(context):
        return Outcome.STOPPED if context.signals.stopping else _without_end(context)
    if StepState.ROLLED_BACK in states:
        return Outcome.ROLLED_BACK
    if StepState.FAILED in states or any(isinstance(work.error, OutOfBandChange) for work in context.works):
        return Outcome.FAILED
    return Outcome.INCOMPLETE if StepState.SKIPPED in states else Outcome.SUCCEEDED


def _without_end(context: Context) -> Outcome:
    """Why changes are left over, though nobody said stop."""
    if any(work.unread for work in context.works):
        return Outcome.UNDETERMINED
    return Outcome.PAUSED if any(map(_is_paused, context.works)) else Outcome.STOPPED


def _left_over(context: Context) -> bool:
    """Whether the next process has to go on with the sync."""
    return any(work.state.in_flight or work.parked or work.held_back for work in context.works)


def _is_paused(work: Work) -> bool:
    return work.paused and work.state is StepState.BAKING


def _maker(context: Context, work: Work) -> StepRecord | None:
    """The step that made what is live: after a rollback an earlier delivery's, where the journal knows it."""
    record = work.record
    if record.state is not StepState.ROLLED_BACK:
        return record
    if record.previous_version is None:
        return None
    return context.store.journal.delivered(context.organization.name, record.key, record.previous_version)


def step_result(context: Context, work: Work) -> StepResult:
    """The change as the caller gets it."""
    record, maker = work.record, _maker(context, work)
    ended_at = context.clock.monotonic() if work.ended_at is None else work.ended_at
    skipped = () if record.state is not StepState.SKIPPED or record.reason is None else (record.reason,)
    return StepResult(
        change=work.change,
        state=record.state,
        step_id=record.id,
        flow_id=record.flow_id,
        version=record.live_version,
        previous_version=record.previous_version,
        export=work.export,
        export_digest=work.export_digest,
        source_digest=None if maker is None else maker.source_digest,
        dependency_digest="" if maker is None else maker.dependency_digest,
        consumed=record.consumed,
        drafts=tuple(work.drafts),
        error=work.error,
        messages=(*work.messages, *skipped),
        duration_s=max(ended_at - work.began_at, 0.0),
        parked=work.parked,
        paused=record.reason if _is_paused(work) else None,
        recorded=record.recorded_at is not None,
        revision=context.sync.revision,
        dirty=context.sync.dirty,
    )
