"""Versions that others published while a delivery worked on a flow, found by versions and dates, as far as known.

A version that was published before ours was replaced by it: that is reported, and a rollback leads to it. One that was
published after ours is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from controller.delivery.change_run import ChangeRun
from controller.delivery.journal_entries import EFFECTIVE, NO_EFFECT
from controller.delivery.sync_run import SyncRun
from controller.domain.errors.branches import Transient, Waiting
from controller.domain.errors.change import OutOfBandChange, PublishFailed
from controller.domain.errors.organization import NotFound
from controller.domain.identity import version_rank
from controller.domain.live import LiveFlow
from controller.domain.platform import ProgressState
from controller.domain.versions import VersionInfo
from controller.store.records import WriteOutcome, WriteRecord

_NEWEST, _ACTIVE, _CHECKED_IN = "published_until", "active", "checked_in"
_WITHOUT_SUCCESS = frozenset({ProgressState.FAILED, ProgressState.CANCELLED})


def noted_of_versions(versions: Sequence[VersionInfo]) -> Mapping[str, object]:
    """Details of an intent that distinguish later publishes: the newest publish date, or else the active versions."""
    moments = [info.published_at for info in versions if info.published_at is not None]
    if moments:
        return {_NEWEST: max(moments).isoformat()}
    return {_ACTIVE: [info.version for info in versions if info.active]}


def noted_of_flow(live: LiveFlow | None) -> Mapping[str, object]:
    """Details of an upload's intent: the newest version, which the upload's own version follows."""
    newest = None if live is None else live.checked_in_version or live.published_version
    return {} if newest is None else {_CHECKED_IN: newest}


async def tell_replaced(run: ChangeRun, live: LiveFlow) -> None:
    """Report a version that was published while ours was on its way, and let a rollback lead to it.

    Raises OutOfBandChange where an upload of ours was published, and another client's version after it.
    """
    write, version = run.last_write(*EFFECTIVE), live.published_version
    if write is None or version is None or not _worth_a_look(write, version):
        return
    versions = await run.platform.versions.of(live.id)
    others = [info for info in versions if info.version != version and info.active and _is_new(info, write)]
    if not others:
        return
    if write.action == "upload" and not _is_mine(run.sync, versions, version):
        mine = next((info.version for info in others if _is_mine(run.sync, versions, info.version)), None)
        if mine is not None:
            raise overtaken(run, live, mine)
    other = max(others, key=_order)
    by = f" by {other.created_by}" if write.action == "upload" and other.created_by else ""
    found = (
        f"drift: {other.version} was published{by} while {version} was on its way, and {version} replaced it; "
        f"a rollback leads to {other.version}"
    )
    _tell_drift(run, found, expected=run.record.previous_version, actual=other.version)
    run.advance(run.state, previous_version=other.version)


def is_from_upload(run: ChangeRun, live: LiveFlow) -> bool:
    """Whether the live version can only be the upload's: our client made it, and no version came between."""
    write, mine = run.last_write("upload"), run.sync.settings.client_name
    if write is None or live.published_version is None or mine is None or live.author_id != mine:
        return False
    before = write.details.get(_CHECKED_IN)
    newest = version_rank(before)[0] if isinstance(before, str) else 0
    return version_rank(live.published_version)[0] == newest + 1


async def require_not_overtaken(run: ChangeRun, live: LiveFlow | None, version: str) -> None:
    """Raises OutOfBandChange where our write made the version live, and another client published the live one since."""
    if live is None or live.published_version in (None, version, run.record.previous_version):
        return
    if await _was_published(run, version):
        raise overtaken(run, live, version)


async def require_still_live(run: ChangeRun, version: str) -> None:
    """Raise OutOfBandChange if another version is live than the watched one.

    Raises nothing if the flow cannot be read, because drift detection will find the change.
    """
    if run.desired is None or not (run.desired.gates or run.desired.rollout.bake_s):
        return
    try:
        live = await run.live()
    except (Transient, Waiting):
        return
    if live is not None and live.published_version not in (None, version):
        raise overtaken(run, live, version)


def overtaken(run: ChangeRun, live: LiveFlow, version: str) -> OutOfBandChange:
    """The error for a version that another client published after ours."""
    return OutOfBandChange(
        f"{run.label}: {live.published_version} was published after this delivery had made "
        f"{version} live; {live.published_version} was left alone",
        version=version,
        found=live.published_version,
        hint=f"let git ask for {live.published_version}, or publish {version} again",
    )


def tell_overtaken(run: ChangeRun, change: OutOfBandChange) -> None:
    """Report it as drift: in the change's outcome, in the audit log and as an event."""
    run.error = change
    _tell_drift(run, f"drift: {change.message}", expected=change.version, actual=change.found)


def tell_left(run: ChangeRun, version: str) -> None:
    """Report as drift another client's version that the rollback leaves live."""
    found = f"drift: {version} was published after this change had failed, or while it was under way; it was left alone"
    _tell_drift(run, found, expected=run.record.previous_version, actual=version)


async def is_ours(run: ChangeRun, live: LiveFlow) -> bool:
    """Whether the live version comes from this change or from before it.

    It counts as ours unless proven otherwise. An organisation may report success and make a version live that was not
    requested.
    """
    version, record = live.published_version, run.record
    if version == record.previous_version:
        return True
    if record.live_version is not None:
        return version == record.live_version
    if version == record.target_version:
        return True
    if not any(map(_was_taken, record.writes)):
        return False
    if await _ended_without_success(run):
        return False
    target = record.target_version
    return target is None or not await _was_published(run, target)


def _was_taken(write: WriteRecord) -> bool:
    """Whether the organisation accepted the call. A switch's answer may name a version that was not requested."""
    result = write.result or {}
    refused = write.outcome is WriteOutcome.FAILED or NO_EFFECT.items() <= result.items()
    mistaken = write.action == "switch" and result.get("error") == PublishFailed.code
    return write.action in EFFECTIVE and (mistaken or not refused)


async def _ended_without_success(run: ChangeRun) -> bool:
    ticket = run.record.ticket
    if ticket is None:
        return False
    try:
        progress = await run.platform.publishing.progress(ticket)
    except NotFound:
        return False
    return progress.state in _WITHOUT_SUCCESS


async def _was_published(run: ChangeRun, version: str) -> bool:
    """Whether our write took effect: a switch's answer proves it, a publish shows in the version's status or date."""
    write = run.last_write(*EFFECTIVE)
    if write is None or write.action == "switch":
        return write is not None and write.outcome is WriteOutcome.DONE
    versions = await run.platform.versions.of(run.flow_id or "")
    info = next((info for info in versions if info.version == version), None)
    return info is not None and info.active and _is_new(info, write)


def _worth_a_look(write: WriteRecord, version: str) -> bool:
    """An upload makes the next version: a number in between is another client's. Other writes make no number."""
    before = write.details.get(_CHECKED_IN)
    if isinstance(before, str):
        return version_rank(version)[0] > version_rank(before)[0] + 1
    return _NEWEST in write.details or _ACTIVE in write.details


def _is_new(info: VersionInfo, write: WriteRecord) -> bool:
    """Whether the version was published after the write was made ready."""
    before, newest, active = (write.details.get(key) for key in (_CHECKED_IN, _NEWEST, _ACTIVE))
    if isinstance(before, str):
        return version_rank(info.version) > version_rank(before)
    if isinstance(newest, str):
        return info.published_at is not None and info.published_at.isoformat() > newest
    return isinstance(active, list) and info.version not in active


def _is_mine(sync: SyncRun, versions: Sequence[VersionInfo], version: str) -> bool:
    """Whether our own client made the version; where its maker is unknown, it counts as ours."""
    info = next((info for info in versions if info.version == version), None)
    makers = () if info is None else (info.created_by_id, info.created_by)
    mine = sync.settings.client_name
    return mine is None or makers in ((), (None, None)) or mine in makers


def _order(info: VersionInfo) -> tuple[str, tuple[int, ...]]:
    return info.published_at.isoformat() if info.published_at else "", version_rank(info.version)


def _tell_drift(run: ChangeRun, found: str, *, expected: str | None, actual: str | None) -> None:
    run.note(found)
    details = {"expected": expected, "actual": actual, "found": found}
    run.audit("drift", "found", version=actual, details=details)
    run.tell("change.drifted", version=actual, message=found)
