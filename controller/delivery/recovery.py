"""After a crash or a stop: what the journal left open is resolved from journal and live state, before anything new.

Nothing is published twice: what may have taken effect is looked for, what certainly had none is dropped and planned
again.
"""

from __future__ import annotations

from controller.delivery.context import Context
from controller.delivery.drafts import UNLOCK, keep_what_was_saved
from controller.delivery.exporting import export_live
from controller.delivery.machine import choose_step
from controller.delivery.poll import outlasted
from controller.delivery.quarantine import VERDICTS, harmless
from controller.delivery.reading import current
from controller.delivery.result import SyncResult
from controller.delivery.rollback import take_back
from controller.delivery.rollout import rollout_under_way
from controller.delivery.sync import carry_out, with_lease
from controller.delivery.work import PREVIOUS_DIGEST, Why, Work
from controller.domain.desired import DesiredFlow, OnFailure, Organization
from controller.domain.errors import PenstockError, ServerFault
from controller.domain.status import Cause, StepState
from controller.planning.model import Change, ChangeKind
from controller.store import StepRecord, SyncRecord


def works_of(sync: SyncRecord, organization: Organization, now: float) -> list[Work]:
    """The changes of a journaled sync; gates and bake time come from the manifest, where it still asks the same."""
    return [Work(_change(step, organization), step, began_at=now) for step in sync.steps]


async def recover_sync(context: Context) -> SyncResult:
    """Bring one sync to its end. Raises what reading the organisation raises; then it stays open."""
    await with_lease(context, lambda: _resolve(context))
    result = await carry_out(context)
    if result.unread is not None:
        raise result.unread
    return result


async def _resolve(context: Context) -> None:
    if context.sync.state.open and _failed_before(context):
        context.signals.abort()
    for work in context.works:
        if work.state.not_started:
            await _keep_draft(context, work)
            _skip(context, work, "the controller stopped before it began")
        elif work.state is StepState.PUBLISHING and not await choose_step(context, work).took_effect(work):
            _skip(context, work, "the controller stopped before anything took effect")
        elif (why := await _given_up(context, work)) is not None:
            await take_back(context, work, why)
        elif work.state is StepState.EXPORTED and work.change.kind is not ChangeKind.DELETE:
            await export_live(context, work)
        elif work.state is StepState.HEALTHY and work.record.recorded_at is not None:
            await _make_up_for_export(context, work)
    context.tell("recovery.resolved", steps={work.change.flow: work.state.value for work in context.works})


def _skip(context: Context, work: Work, reason: str) -> None:
    context.advance(work, StepState.SKIPPED, reason=reason, cause=Cause.INTERRUPTED)


async def _given_up(context: Context, work: Work) -> Why | None:
    """Why a version that is not judged yet goes back: a person asks for it, or git asks for something else."""
    if not work.state.unjudged:
        return None
    superseded = await _superseded(context, work) if work.desired is None else None
    if superseded is not None:
        return Why(superseded, Cause.SUPERSEDED)
    asked = context.given_up.get(work.key)
    return None if asked is None else Why(asked, Cause.ON_REQUEST)


async def _superseded(context: Context, work: Work) -> str | None:
    """Why what git does not ask for any more is abandoned; None where it is brought to its end all the same.

    Its gates went with the manifest. What they have not judged must neither reach all callers without them, nor be
    what the next delivery goes back to. A first version stays where the organisation cannot unpublish it.
    """
    record = work.record
    if record.previous_version is None and context.platform.removal is None:
        return None
    if work.paused_before:
        return f"git asks for something else than what was paused ({record.reason})"
    version = record.live_version or record.target_version
    if work.state is StepState.PUBLISHING and outlasted(context, work):
        return f"git asks for something else than {version or 'what was sent'}, whose publish did not end in time"
    if record.previous_version is not None and await rollout_under_way(context, work):
        return f"git asks for something else than {version}, which had not gone to all traffic"
    if work.gated and not _judged_before(context, work, version):
        return f"git asks for something else than {version or 'what was published'}, which no gate had judged"
    return None


def _judged_before(context: Context, work: Work, version: str | None) -> bool:
    """Whether it went well once already: whoever goes back to it wants what is to be replaced by it gone."""
    return (
        version is not None
        and context.store.journal.delivered(context.organization.name, work.key, version) is not None
    )


async def _keep_draft(context: Context, work: Work) -> None:
    """A lock may have been broken already, and git may ask for nothing of this flow any more."""
    if any(made.action == UNLOCK for made in work.record.writes):
        await keep_what_was_saved(context, work, await current(context, work))


async def _make_up_for_export(context: Context, work: Work) -> None:
    """The version is committed without its export: try once more, as long as it is the one that is live."""
    live = await current(context, work)
    if live is None or live.published_version != work.record.live_version:
        context.advance(
            work, StepState.RECORDED, reason="another version is live, so its export is not needed any more"
        )
        return
    await export_live(context, work, attempts=1)
    if work.export is not None:
        context.advance(work, StepState.EXPORTED)


def _failed_before(context: Context) -> bool:
    """Whether all of the sync is to be taken back because of something that failed before the process ended."""
    for work in context.works:
        if work.state is StepState.FAILED:
            work.error = _error_of(work.record)
        elif work.state.going_back and not work.on_request:
            work.cause = _error_of(work.record)
    failed = any(work.cause or (work.error and not harmless(work)) for work in context.works)
    return failed and OnFailure(context.sync.on_failure) is OnFailure.ROLLBACK_ALL


def _error_of(step: StepRecord) -> PenstockError:
    """What the change failed with, as far as the journal tells: an error from which the same follows."""
    kind = next((kind for kind in VERDICTS if kind.code == step.error_code), ServerFault)
    return kind(step.reason or f"{step.flow} failed before the controller ended")


def _change(step: StepRecord, organization: Organization) -> Change:
    return Change(
        flow=step.flow,
        key=step.key,
        kind=ChangeKind(step.kind),
        flow_id=step.flow_id,
        from_version=step.previous_version,
        to_version=step.target_version,
        reason="an earlier run of the controller began it",
        wave=1,
        dependency_digest=step.dependency_digest,
        previous_digest=_previous_digest(step),
        consumes=step.consumes,
        desired=_desired(step, organization),
    )


def _previous_digest(step: StepRecord) -> str:
    noted = (write.details.get(PREVIOUS_DIGEST) for write in step.writes)
    return next((digest for digest in noted if isinstance(digest, str)), "")


def _desired(step: StepRecord, organization: Organization) -> DesiredFlow | None:
    """The manifest, when it still asks for what the step delivered."""
    return next((flow for flow in organization.flows if flow.key == step.key and flow.wanted == step.wanted), None)
