"""What somebody else published while a delivery was at work on a flow: versions and their dates tell, as far as known.

A version that came before ours was replaced by it: that is told, and the way back leads there. One that came after
ours is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from controller.delivery.context import Context
from controller.delivery.reading import current
from controller.delivery.work import EFFECTIVE, NO_EFFECT, Work
from controller.domain.errors import NotFound, OutOfBandChange, PublishFailed, Transient, Waiting
from controller.domain.identity import version_rank
from controller.domain.live import LiveFlow
from controller.domain.platform import Priority, ProgressState
from controller.domain.versions import VersionInfo
from controller.store import WriteOutcome, WriteRecord

_NEWEST, _ACTIVE, _CHECKED_IN = "published_until", "active", "checked_in"
_WITHOUT_SUCCESS = frozenset({ProgressState.FAILED, ProgressState.CANCELLED})


def noted_of_versions(versions: Sequence[VersionInfo]) -> Mapping[str, object]:
    """For the intent of a write, what tells later publishes apart: the newest moment, or else what is active."""
    moments = [info.published_at for info in versions if info.published_at is not None]
    if moments:
        return {_NEWEST: max(moments).isoformat()}
    return {_ACTIVE: [info.version for info in versions if info.active]}


def noted_of_flow(live: LiveFlow | None) -> Mapping[str, object]:
    """For the intent of an upload: the newest version, after which the upload's own is to come."""
    newest = None if live is None else live.checked_in_version or live.published_version
    return {} if newest is None else {_CHECKED_IN: newest}


async def tell_replaced(context: Context, work: Work, live: LiveFlow) -> None:
    """Tell what somebody published while ours was on its way, and let the way back lead there.

    Raises OutOfBandChange where an upload of ours was published, and then somebody else's.
    """
    write, version = _effective(work), live.published_version
    if write is None or version is None or not _worth_a_look(write, version):
        return
    versions = await context.platform.at(Priority.PUBLISH).versions.of(live.id)
    others = [info for info in versions if info.version != version and info.active and _is_new(info, write)]
    if not others:
        return
    if write.action == "upload" and not _is_mine(context, versions, version):
        mine = next((info.version for info in others if _is_mine(context, versions, info.version)), None)
        if mine is not None:
            raise overtaken(work, live, mine)
    other = max(others, key=_order)
    by = f" by {other.created_by}" if write.action == "upload" and other.created_by else ""
    found = (
        f"drift: {other.version} was published{by} while {version} was on its way, and {version} replaced it; "
        f"a rollback leads to {other.version}"
    )
    _tell_drift(context, work, found, expected=work.record.previous_version, actual=other.version)
    context.advance(work, work.state, previous_version=other.version)


async def require_not_overtaken(context: Context, work: Work, version: str) -> None:
    """Raises OutOfBandChange where our write made the version live, and another one is live by somebody's."""
    live = await current(context, work)
    if live is None or live.published_version in (None, version, work.record.previous_version):
        return
    if await _was_published(context, work, version, Priority.PUBLISH):
        raise overtaken(work, live, version)


async def require_still_live(context: Context, work: Work, version: str) -> None:
    """Raises OutOfBandChange where another version is live than the one that was watched.

    Where that cannot be read now nothing is known of another one; the next look for drift tells.
    """
    if work.desired is None or not (work.desired.gates or work.desired.rollout.bake_s):
        return
    try:
        live = await current(context, work)
    except (Transient, Waiting):
        return
    if live is not None and live.published_version not in (None, version):
        raise overtaken(work, live, version)


def overtaken(work: Work, live: LiveFlow, version: str) -> OutOfBandChange:
    """What to raise where somebody published a version after ours."""
    return OutOfBandChange(
        f"{work.change.flow} ({work.key}): {live.published_version} was published after this delivery had made "
        f"{version} live; {live.published_version} was left alone",
        version=version,
        found=live.published_version,
        hint=f"let git ask for {live.published_version}, or publish {version} again",
    )


def tell_overtaken(context: Context, work: Work, change: OutOfBandChange) -> None:
    """Report it as drift: with the change's outcome, in the audit log and as an event."""
    work.error = change
    _tell_drift(context, work, f"drift: {change.message}", expected=change.version, actual=change.found)


def tell_left(context: Context, work: Work, version: str) -> None:
    """Report as drift a version of somebody's that the way back leaves live."""
    found = f"drift: {version} was published after this change had failed, or while it was under way; it was left alone"
    _tell_drift(context, work, found, expected=work.record.previous_version, actual=version)


async def is_ours(context: Context, work: Work, live: LiveFlow) -> bool:
    """Whether what is live is what this change made live, or was before it; taken for ours where nothing tells.

    An organisation that reports success and makes another version live than it was asked for is such a case.
    """
    version, record = live.published_version, work.record
    if version == record.previous_version:
        return True
    if record.live_version is not None:
        return version == record.live_version
    if version == record.target_version:
        return True
    if not any(map(_was_taken, record.writes)):
        return False
    if await _ended_without_success(context, work):
        return False
    target = record.target_version
    return target is None or not await _was_published(context, work, target, Priority.ROLLBACK)


def _was_taken(write: WriteRecord) -> bool:
    """Whether the organisation took the call; the answer of a switch may tell of another version than was asked for."""
    result = write.result or {}
    refused = write.outcome is WriteOutcome.FAILED or NO_EFFECT.items() <= result.items()
    mistaken = write.action == "switch" and result.get("error") == PublishFailed.code
    return write.action in EFFECTIVE and (mistaken or not refused)


async def _ended_without_success(context: Context, work: Work) -> bool:
    ticket = work.record.ticket
    if ticket is None:
        return False
    try:
        progress = await context.platform.at(Priority.ROLLBACK).publishing.progress(ticket)
    except NotFound:
        return False
    return progress.state in _WITHOUT_SUCCESS


async def _was_published(context: Context, work: Work, version: str, priority: Priority) -> bool:
    """Whether our write took effect: a switch's answer proves it, a publish shows in the version's status or date."""
    write = _effective(work)
    if write is None or write.action == "switch":
        return write is not None and write.outcome is WriteOutcome.DONE
    versions = await context.platform.at(priority).versions.of(work.flow_id or "")
    info = next((info for info in versions if info.version == version), None)
    return info is not None and info.active and _is_new(info, write)


def _effective(work: Work) -> WriteRecord | None:
    return next((write for write in reversed(work.record.writes) if write.action in EFFECTIVE), None)


def _worth_a_look(write: WriteRecord, version: str) -> bool:
    """An upload makes the next version: a number that was skipped is somebody's. Other writes do not show it."""
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


def _is_mine(context: Context, versions: Sequence[VersionInfo], version: str) -> bool:
    """Whether our own client made the version; where nobody tells who did, it counts as ours."""
    info = next((info for info in versions if info.version == version), None)
    makers = () if info is None else (info.created_by_id, info.created_by)
    mine = context.settings.client_name
    return mine is None or makers in ((), (None, None)) or mine in makers


def _order(info: VersionInfo) -> tuple[str, tuple[int, ...]]:
    return info.published_at.isoformat() if info.published_at else "", version_rank(info.version)


def _tell_drift(context: Context, work: Work, found: str, *, expected: str | None, actual: str | None) -> None:
    context.note(work, found)
    details = {"expected": expected, "actual": actual, "found": found}
    context.audit(work, "drift", "found", version=actual, details=details)
    context.tell("change.drifted", work, version=actual, message=found)
