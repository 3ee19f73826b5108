"""Which changes are rolled back after a failure: by `onFailure`, and those of the interrupted syncs before this one.

A crash, a stop or a lost store cuts a sync in two: the second part resumes the first one. When the second part fails,
the versions that the first part made live are rolled back as well.
"""

from __future__ import annotations

from dataclasses import replace

from controller.delivery.change_run import ChangeRun
from controller.delivery.journal_entries import DESTRUCTIVE, change_of, new_step
from controller.delivery.live_state import READ_FAULTS
from controller.delivery.outcome import harmless
from controller.delivery.rollback.rollback import Why, roll_back
from controller.delivery.scheduler import with_groups
from controller.delivery.sync_run import SyncRun
from controller.domain.desired import OnFailure
from controller.domain.errors.process import StoreFailed
from controller.domain.status import StepCause, StepState
from controller.planning.model import ChangeKind
from controller.store.records import StepRecord, SyncState

_MOST_PARTS = 20


def calls_for_rollback(run: ChangeRun) -> bool:
    if run.change.kind in DESTRUCTIVE:
        return False
    return run.state is StepState.ROLLING_BACK or (run.state is StepState.FAILED and not harmless(run))


async def roll_back_by_policy(sync: SyncRun, failed: list[ChangeRun]) -> None:
    """Roll back the failed changes by `onFailure`, and every change with a rollback that has begun already."""
    policy = OnFailure(sync.record.on_failure)
    failed = [run for run in failed if not run.on_request]
    begun = any(run.going_back and not run.on_request for run in sync.runs)
    concerned: list[ChangeRun] = []
    if policy is OnFailure.ROLLBACK_ALL and (failed or begun):
        concerned = sync.runs
    elif policy is OnFailure.ROLLBACK_FLOW:
        concerned = with_groups(failed, sync.runs)
    runs = [run for run in sync.runs if run in concerned or run.state is StepState.ROLLING_BACK]
    why = _why(sync, failed)
    await roll_back(sync, [run for run in runs if run.change.kind not in DESTRUCTIVE], why)
    if policy is OnFailure.ROLLBACK_ALL and (failed or begun):
        await _roll_back_earlier_parts(sync, why)


def _why(sync: SyncRun, failed: list[ChangeRun]) -> Why:
    """The reason for the rollback; where an earlier process began it, the one that it noted."""
    begun = (run.record for run in sync.runs if run.going_back and not run.on_request)
    earlier = next((record for record in begun if record.reason), None)
    if earlier is not None:
        return Why(earlier.reason or "", error_code=earlier.error_code)
    if not failed:
        return Why("an earlier run of the controller began to roll back")
    names, first = ", ".join(run.change.flow for run in failed), failed[0].record
    return Why(f"{names} failed: {first.reason or 'no reason given'}", error_code=first.error_code)


async def _roll_back_earlier_parts(sync: SyncRun, why: Why) -> None:
    """Roll back what the interrupted syncs that this one resumes had made live, newest first.

    A flow with an out-of-band change since is left alone, and so is a new flow: nothing was live before it.
    """
    begun = {(run.key, run.record.target_version) for run in sync.runs}
    runs = []
    for step in _delivered_before(sync):
        if (step.key, step.previous_version) in begun:
            continue
        desired = next((flow for flow in sync.organization.flows if flow.key == step.key), None)
        if desired is not None and not desired.automatic_rollback:
            continue
        change = replace(
            change_of(step, desired, why.reason),
            kind=ChangeKind.SWITCH,
            from_version=step.live_version,
            to_version=step.previous_version,
        )
        run = ChangeRun(sync, change, step, sync.clock.monotonic())
        if await _is_moved(run):
            continue
        # The target is the version before, so that the rollback is recorded as the delivery was.
        before = replace(new_step(change), previous_version=step.previous_version)
        added = replace(before, wanted=step.wanted, source_digest=step.source_digest)
        run.record = sync.store.journal.add(sync.lease, sync.record.id, added)
        sync.add(run)
        run.advance(StepState.ROLLING_BACK, live_version=step.live_version, **why.facts)
        runs.append(run)
    await roll_back(sync, runs, why)


def _delivered_before(sync: SyncRun) -> list[StepRecord]:
    """Newest first, of the syncs right before this one, as long as this one resumes each of them."""
    asked = {(run.key, run.record.wanted) for run in sync.runs}
    found: list[StepRecord] = []
    history = sync.store.journal.history(sync.organization.name, limit=_MOST_PARTS, before=sync.record.id)
    for earlier in history:
        undone = {(step.key, step.wanted) for step in earlier.steps if step.cause is StepCause.INTERRUPTED}
        if earlier.state is not SyncState.INCOMPLETE or not undone & asked:
            break
        asked |= {(step.key, step.wanted) for step in earlier.steps}
        found += [step for step in reversed(earlier.steps) if _made_live(step)]
    return found


def _made_live(step: StepRecord) -> bool:
    kind = ChangeKind(step.kind)
    moved = step.previous_version is not None and step.live_version not in (None, step.previous_version)
    return step.state.delivered and moved and kind not in DESTRUCTIVE and kind is not ChangeKind.ADOPT


async def _is_moved(run: ChangeRun) -> bool:
    """Whether another version is live by now; where that cannot be read, the rollback finds out."""
    try:
        live = await run.live()
    except StoreFailed:
        raise
    except READ_FAULTS:
        return False
    return live is None or live.published_version != run.record.live_version
