"""Which module versions a caller is bound to, and binding it again after a module's rollback.

Source: a caller is bound to the module versions that are live when the caller is published. In reverse order a caller
is rolled back first, while the failed module is still live, and would stay bound to it.
"""

from __future__ import annotations

from collections.abc import Mapping

from controller.delivery.change_run import REBIND, ROLLBACK, ChangeRun
from controller.delivery.follow import follow
from controller.delivery.live_state import find_publish_in_flight, is_version, wait_until, was_published_after
from controller.delivery.locks import through_conflicts
from controller.delivery.publish_writes import publish_version, require_success
from controller.delivery.restore import can_upload_back, finish_earlier_attempt, made_by_another, upload_back
from controller.domain.errors import AnswerLost, LeaseLost, PenstockError, PublishFailed, RequestRejected, StoreFailed
from controller.domain.identity import FlowKey
from controller.domain.platform import Capability, Priority, Ticket
from controller.domain.references import BINDING_TYPES
from controller.domain.status import StepState
from controller.store.records import WriteRecord


async def rebind(run: ChangeRun) -> None:
    """Publish the restored version once more where a module below it was rolled back after it; park on shutdown.

    Raises RollbackFailed, PublishFailed, PublishTimedOut and the organisation's refusal.
    """
    modules = _modules_rolled_back(run)
    version = run.record.live_version
    if not modules or version is None or not _was_published_again(run):
        return
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
    ticket = await _asked_before(run, version)
    if ticket is None:
        ticket = await through_conflicts(run, lambda: publish_version(run, version))
    progress = await follow(run, ticket)
    require_success(run, progress)
    intent = _intents(run)[-1].details
    anew, _ = await wait_until(run, lambda live: was_published_after(live, version, intent))
    if not anew:
        raise PublishFailed(f"the organisation reported success, but {version} was not published again")


def _intents(run: ChangeRun) -> list[WriteRecord]:
    return [write for write in run.record.writes if write.action == f"{REBIND}publish"]


def _modules_rolled_back(run: ChangeRun) -> dict[FlowKey, str]:
    return {
        other.key: other.record.live_version
        for other in run.sync.runs
        if other.state is StepState.ROLLED_BACK
        and other.record.live_version is not None
        and other.key in run.record.consumes
        and other.key.type in BINDING_TYPES
    }


async def _asked_before(run: ChangeRun, version: str) -> Ticket | None:
    """The publish that an earlier process began."""
    made = _intents(run)
    if not made:
        return None
    intent = made[-1].details
    return await find_publish_in_flight(run, version, lambda live: was_published_after(live, version, intent))


# Bindings.


async def current_bindings(run: ChangeRun) -> Mapping[FlowKey, str]:
    """The versions that a flow is bound to which was published just now: those of this sync, and else the live ones."""
    mine = {other.key: other.record.live_version for other in run.sync.runs if other is not run}
    consumed: dict[FlowKey, str] = {}
    for key in run.record.consumes:
        version = mine.get(key) or await _published_version(run, key)
        if version is not None:
            consumed[key] = version
    return consumed


async def restored_bindings(run: ChangeRun, version: str | None) -> Mapping[FlowKey, str]:
    """The versions that a flow is bound to after its rollback to a version."""
    if version is None:
        return {}
    if _was_published_again(run):
        return await current_bindings(run)
    earlier = run.sync.store.journal.delivered(run.sync.organization.name, run.key, version)
    return {} if earlier is None else earlier.consumed


def _was_published_again(run: ChangeRun) -> bool:
    """Whether the rollback published, which binds again. An atomic switch keeps the version's old bindings."""
    published, switched = f"{ROLLBACK}publish", f"{ROLLBACK}switch"
    ways = [write.action for write in run.record.writes if write.action in (published, switched)]
    return ways[-1:] == [published] or not run.sync.can(Capability.ATOMIC_SWITCH)


async def _published_version(run: ChangeRun, key: FlowKey) -> str | None:
    """A version that cannot be read is left out: that is no reason to roll a healthy flow back."""
    priority = Priority.ROLLBACK if run.going_back else Priority.OBSERVE
    try:
        found = await run.sync.platform.at(priority).flows.find(key)
    except (LeaseLost, StoreFailed):
        raise
    except PenstockError as error:
        run.note(f"the version of {key} that it is bound to could not be read: {error.message}")
        return None
    return None if found is None else found.published_version
