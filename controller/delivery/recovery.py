"""After a crash or a stop: resolve what the journal left open, from journal and live state, before anything new.

Nothing is published twice: a write that may have taken effect is looked for, and one that certainly had no effect is
dropped and planned again.
"""

from __future__ import annotations

from dataclasses import replace

from controller.delivery.change_run import ChangeRun
from controller.delivery.change_runner import choose_step
from controller.delivery.exporting import export_live
from controller.delivery.journal_entries import PREVIOUS_DIGEST, change_of
from controller.delivery.lease_keeper import with_lease
from controller.delivery.live_state import outlasted
from controller.delivery.locks import UNLOCK, keep_draft
from controller.delivery.outcome import VERDICTS, harmless
from controller.delivery.publish_proof import rollout_in_flight
from controller.delivery.result import SyncResult
from controller.delivery.rollback.rollback import Why, roll_one_back
from controller.delivery.sync import carry_out
from controller.delivery.sync_run import SyncRun
from controller.domain.desired import OnFailure, Organization
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.organization import ServerFault
from controller.domain.status import StepCause, StepState
from controller.domain.waiting import for_each
from controller.planning.model import Change, ChangeKind
from controller.store.records import StepRecord


def recovered_runs(sync: SyncRun) -> list[ChangeRun]:
    """The changes of a journaled sync; gates and bake time come from the manifest, where it still asks the same."""
    now = sync.clock.monotonic()
    return [ChangeRun(sync, _change(step, sync.organization), step, began_at=now) for step in sync.record.steps]


async def recover_sync(sync: SyncRun) -> SyncResult:
    """Finish one sync. Raises the errors of reading the organisation; the sync stays open then."""
    await with_lease(sync, lambda: _resolve(sync))
    result = await carry_out(sync)
    if result.undetermined is not None:
        raise result.undetermined
    return result


async def _resolve(sync: SyncRun) -> None:
    if sync.record.state.open and _failed_before(sync):
        sync.signals.abort()
    for run in sync.runs:
        if run.state.not_started:
            await _commit_draft(run)
            _skip(run, "the controller stopped before it began")
        elif run.state is StepState.PUBLISHING and not await choose_step(run).took_effect():
            _skip(run, "the controller stopped before anything took effect")
        elif (why := await _given_up(run)) is not None:
            await roll_one_back(run, why)
    # All together, so that they share export jobs.
    await for_each(sync.runs, _export_again)
    sync.tell("recovery.resolved", steps={run.change.flow: run.state.value for run in sync.runs})


async def _export_again(run: ChangeRun) -> None:
    """Export what an earlier process exported in memory only, or recorded without its export."""
    if run.state is StepState.EXPORTED and run.change.kind is not ChangeKind.DELETE:
        await export_live(run)
    elif run.state is StepState.HEALTHY and run.record.recorded_at is not None:
        await _make_up_for_export(run)


def _skip(run: ChangeRun, reason: str) -> None:
    run.advance(StepState.SKIPPED, reason=reason, cause=StepCause.INTERRUPTED)


async def _given_up(run: ChangeRun) -> Why | None:
    """Why an unjudged version is rolled back: a person asks for it, or git asks for something else."""
    if not run.state.unjudged:
        return None
    superseded = await _superseded(run) if run.desired is None else None
    if superseded is not None:
        return Why(superseded, StepCause.SUPERSEDED)
    asked = run.sync.given_up.get(run.key)
    return None if asked is None else Why(asked, StepCause.ON_REQUEST)


async def _superseded(run: ChangeRun) -> str | None:
    """Why a version that git no longer has is rolled back; None if its change is finished all the same.

    Its gates went with the manifest. A version that they have not judged must not reach all callers, and a later
    rollback must not lead to it. A first version stays where the organisation cannot unpublish it.
    """
    record = run.record
    if record.previous_version is None and run.sync.platform.removal is None:
        return None
    if run.record.paused:
        return f"git asks for something else than the paused version ({record.reason})"
    version = record.live_version or record.target_version
    if run.state is StepState.PUBLISHING and outlasted(run):
        return f"git asks for something else than {version or 'what was sent'}, which was not published in time"
    if record.previous_version is not None and await rollout_in_flight(run):
        return f"git asks for something else than {version}, which had not gone to all traffic"
    if run.gated and not _judged_before(run, version):
        return f"git asks for something else than {version or 'what was published'}, which no gate had judged"
    return None


def _judged_before(run: ChangeRun, version: str | None) -> bool:
    """Whether the version was delivered before: going back to it is meant to replace the live one."""
    return (
        version is not None
        and run.sync.store.journal.delivered(run.sync.organization.name, run.key, version) is not None
    )


async def _commit_draft(run: ChangeRun) -> None:
    """Commit the draft under a broken lock: the flow may have left git, so that no later change would do it."""
    if any(made.action == UNLOCK for made in run.record.writes):
        await keep_draft(run, await run.live())


async def _make_up_for_export(run: ChangeRun) -> None:
    """Export a version that was committed without its export, as long as it is live."""
    live = await run.live()
    if live is None or live.published_version != run.record.live_version:
        run.advance(StepState.RECORDED, reason="another version is live, so its export is not needed any more")
        return
    await export_live(run, attempts=1)
    if run.export is not None:
        run.advance(StepState.EXPORTED)


def _failed_before(sync: SyncRun) -> bool:
    """Whether the whole sync is rolled back because of a failure before the process ended."""
    for run in sync.runs:
        if run.state is StepState.FAILED:
            run.error = _error_of(run.record)
        elif run.going_back and not run.on_request:
            run.cause = _error_of(run.record)
    failed = any(run.cause or (run.error and not harmless(run)) for run in sync.runs)
    return failed and OnFailure(sync.record.on_failure) is OnFailure.ROLLBACK_ALL


def _error_of(step: StepRecord) -> PenstockError:
    """The error of the failed change, as far as the journal shows it."""
    # A code that is not known here counts as a temporary fault, because those quarantine nothing.
    kind = next((kind for kind in VERDICTS if kind.code == step.error_code), ServerFault)
    return kind(step.reason or f"{step.flow} failed before the controller ended")


def _change(step: StepRecord, organization: Organization) -> Change:
    """The change that the step began, with the manifest when it still asks for what the step delivered."""
    desired = next((flow for flow in organization.flows if flow.key == step.key and flow.wanted == step.wanted), None)
    noted = (write.details.get(PREVIOUS_DIGEST) for write in step.writes)
    previous_digest = next((digest for digest in noted if isinstance(digest, str)), "")
    change = change_of(step, desired, "an earlier run of the controller began it")
    return replace(change, previous_digest=previous_digest)
