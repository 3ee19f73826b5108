"""What a sync answers for besides its own changes: it goes on with what an interrupted one had left undone.

A crash, a stop or a store that was away cuts a sync in two; what the first part made live belongs to what is taken back
when the second one fails.
"""

from __future__ import annotations

from controller.delivery.context import Context
from controller.delivery.reading import current
from controller.delivery.rollback import roll_back
from controller.delivery.unread import READ_FAULTS
from controller.delivery.work import DESTRUCTIVE, Why, Work
from controller.domain.desired import DesiredFlow
from controller.domain.errors import StoreFailed
from controller.domain.status import Cause, StepState
from controller.planning.model import Change, ChangeKind
from controller.store import NewStep, StepRecord, SyncState

_MOST_PARTS = 20


async def take_back_earlier_parts(context: Context, why: Why) -> None:
    """Take back what the interrupted syncs had made live that this one goes on with, newest first.

    What somebody moved since is left alone, and so is a flow that was new: nothing was live before it.
    """
    begun = {(work.key, work.record.target_version) for work in context.works}
    works = []
    for step in _delivered_before(context):
        if (step.key, step.previous_version) in begun:
            continue
        desired = next((flow for flow in context.organization.flows if flow.key == step.key), None)
        if desired is not None and not desired.automatic_rollback:
            continue
        work = Work(_way_back(step, desired, why.reason), step, began_at=context.clock.monotonic())
        if await _is_moved(context, work):
            continue
        work.record = context.store.journal.add(context.lease, context.sync.id, _new_step(step))
        context.works.append(work)
        context.advance(work, StepState.ROLLING_BACK, live_version=step.live_version, **why.facts)
        works.append(work)
    await roll_back(context, works, why)


def _delivered_before(context: Context) -> list[StepRecord]:
    """Newest first; of the syncs right before this one, as long as each was interrupted before what is done now."""
    asked = {(work.key, work.record.wanted) for work in context.works}
    found: list[StepRecord] = []
    history = context.store.journal.history(context.organization.name, limit=_MOST_PARTS, before=context.sync.id)
    for sync in history:
        undone = {(step.key, step.wanted) for step in sync.steps if step.cause is Cause.INTERRUPTED}
        if sync.state is not SyncState.INCOMPLETE or not undone & asked:
            break
        asked |= {(step.key, step.wanted) for step in sync.steps}
        found += [step for step in reversed(sync.steps) if _made_live(step)]
    return found


def _made_live(step: StepRecord) -> bool:
    kind = ChangeKind(step.kind)
    moved = step.previous_version is not None and step.live_version not in (None, step.previous_version)
    return step.state.delivered and moved and kind not in DESTRUCTIVE and kind is not ChangeKind.ADOPT


async def _is_moved(context: Context, work: Work) -> bool:
    """Whether something else is live by now; where that cannot be read, the rollback finds out."""
    try:
        live = await current(context, work)
    except StoreFailed:
        raise
    except READ_FAULTS:
        return False
    return live is None or live.published_version != work.record.live_version


def _way_back(step: StepRecord, desired: DesiredFlow | None, reason: str) -> Change:
    return Change(
        flow=step.flow,
        key=step.key,
        kind=ChangeKind.SWITCH,
        flow_id=step.flow_id,
        from_version=step.live_version,
        to_version=step.previous_version,
        reason=reason,
        wave=1,
        dependency_digest=step.dependency_digest,
        consumes=step.consumes,
        desired=desired,
    )


def _new_step(step: StepRecord) -> NewStep:
    """Its target is what was live before, so that the rollback is recorded: the delivery was."""
    return NewStep(
        flow=step.flow,
        key=step.key,
        kind=ChangeKind.SWITCH.value,
        wanted=step.wanted,
        source_digest=step.source_digest,
        dependency_digest=step.dependency_digest,
        consumes=step.consumes,
        flow_id=step.flow_id,
        previous_version=step.previous_version,
        target_version=step.previous_version,
    )
