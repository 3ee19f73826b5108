"""Binding a caller again: its restored version is published once more after the rollback of a module.

Source: a caller is bound to the module versions that are live when the caller is published. In reverse order a caller
is rolled back first, while the failed module is still live, and would stay bound to it.
"""

from __future__ import annotations

from collections.abc import Mapping

from controller.delivery.change_run import ChangeRun
from controller.delivery.follow import follow
from controller.delivery.journal_entries import REBIND, ROLLBACK
from controller.delivery.live_state import Expected, is_version, wait_until
from controller.delivery.locks import through_conflicts
from controller.delivery.publish_proof import find_publish_in_flight, was_published_after
from controller.delivery.publish_writes import publish_version, require_success
from controller.delivery.rollback.way_back import can_upload_back, finish_earlier_attempt, made_by_another, upload_back
from controller.domain.errors.change import PublishFailed
from controller.domain.errors.organization import AnswerLost, RequestRejected
from controller.domain.identity import FlowKey
from controller.domain.platform import Capability
from controller.domain.status import StepState

_AGAIN = f"{REBIND}publish"
"""The journal action that binds a caller again."""


async def rebind(run: ChangeRun) -> None:
    """Publish the restored version once more where a module below it was rolled back after it; park on shutdown.

    Raises RollbackFailed, PublishFailed, PublishTimedOut and the organisation's refusal.
    """
    modules = _modules_rolled_back(run)
    version = run.record.live_version
    if not modules or version is None or not _binds_again(run):
        return
    # The flow is back already; the next process can bind it again.
    if run.sync.signals.stopping:
        run.park()
        return
    version = await _bound_again(run, version)
    moved = any(run.record.consumed.get(key) != bound for key, bound in modules.items())
    if moved or version != run.record.live_version:
        consumed = {**run.record.consumed, **modules}
        run.advance(StepState.ROLLED_BACK, live_version=version, consumed=consumed, ticket=None)


async def _bound_again(run: ChangeRun, version: str) -> str:
    """Return the version that is live afterwards: the same one, or else a new one with its content."""
    await finish_earlier_attempt(run)
    live = await run.live()
    if live is not None and not is_version(live, version):
        return await made_by_another(run, live, version)
    try:
        await _publish_again(run, version)
    except (PublishFailed, RequestRejected, AnswerLost) as error:
        if not can_upload_back(run):
            raise
        run.note(f"{version} could not be bound again ({error.message}); its export is uploaded")
        return await upload_back(run, version)
    return version


async def _publish_again(run: ChangeRun, version: str) -> None:
    """Publish the live version again. Only the moment of its publish proves that: it was live before."""
    ticket = None
    if run.last_write(_AGAIN) is not None:  # an earlier process may have begun it
        ticket = await find_publish_in_flight(run, version, _was_published_anew(run, version))
    if ticket is None:
        ticket = await through_conflicts(run, lambda: publish_version(run, version))
    require_success(run, await follow(run, ticket))
    anew, _ = await wait_until(run, _was_published_anew(run, version))
    if not anew:
        raise PublishFailed(f"the organisation reported success, but {version} was not published again")


def _was_published_anew(run: ChangeRun, version: str) -> Expected:
    """Whether the version was published since the newest intent to do so."""
    made = run.last_write(_AGAIN)
    return lambda live: made is not None and was_published_after(live, version, made.details)


def _modules_rolled_back(run: ChangeRun) -> dict[FlowKey, str]:
    return {
        other.key: other.record.live_version
        for other in run.sync.runs
        if other.state is StepState.ROLLED_BACK
        and other.record.live_version is not None
        and other.key in run.record.consumes
        and other.key.type in run.sync.organization.binding_types
    }


async def restored_bindings(run: ChangeRun, version: str | None) -> Mapping[FlowKey, str]:
    """The versions that a flow is bound to after its rollback to a version."""
    if version is None:
        return {}
    if _binds_again(run):
        return await run.bindings()
    earlier = run.sync.store.journal.delivered(run.sync.organization.name, run.key, version)
    return {} if earlier is None else earlier.consumed


def _binds_again(run: ChangeRun) -> bool:
    """Whether the rollback published, which binds again. An atomic switch keeps the version's old bindings."""
    way = run.last_write(f"{ROLLBACK}publish", f"{ROLLBACK}switch")
    published = way is not None and way.action == f"{ROLLBACK}publish"
    return published or not run.sync.can(Capability.ATOMIC_SWITCH)
