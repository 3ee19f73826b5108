"""Drift: out-of-band changes, and differences that the recorded state cannot explain."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow, LockHolder
from controller.domain.recorded import RecordedFlow
from controller.planning.model import Drift
from controller.planning.situation import Situation


def drift_of(situation: Situation, client_name: str | None) -> Iterator[Drift]:
    """Every drift of one managed flow."""
    yield from _version(situation)
    yield from _bindings(situation)
    if situation.live is not None:
        yield from _work_in_progress(situation, situation.live, client_name)


def orphaned(flow: str, record: RecordedFlow, live: LiveFlow, *, pruned: bool) -> Drift:
    """The drift of a flow that was delivered once and is no longer in any manifest."""
    version = live.published_version
    rest = "sync.prune takes {} out of use" if pruned else "{} stays live. Add the manifest again, or set sync.prune"
    gone = became(flow, record)
    message = f"{record.key} was delivered from manifest {record.manifest!r}, which {gone}"
    return Drift(
        flow,
        record.key,
        "orphaned",
        None,
        version,
        f"{message}; {rest.format(f'version {version}')}",
        f"delivered from a manifest that {gone}; {rest.format('its version')}",
    )


def became(flow: str, record: RecordedFlow) -> str:
    """What happened to an orphan's manifest. An orphan has another name if its manifest is in use again."""
    return "is gone" if flow == record.manifest else "asks for another flow now"


def holder_words(holder: LockHolder) -> str:
    """`client ci-bot since 2026-01-05 12:00 UTC`. People are named without their kind."""
    who = holder.name if holder.kind == "user" else f"{holder.kind} {holder.name}"
    if holder.since is None:
        return f"{who}, since when is not known"
    return f"{who} since {holder.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


_CAUSES = {
    "missing": "delivered before, and not in the organisation any more",
    "draft": "has saved changes that are not checked in",
}
"""The messages of these kinds without names and versions."""


def _drift(situation: Situation, kind: str, expected: str | None, actual: str | None, message: str) -> Drift:
    return Drift(situation.flow.id, situation.flow.key, kind, expected, actual, message, _CAUSES.get(kind, ""))


def _version(situation: Situation) -> Iterator[Drift]:
    record, live, key = situation.record, situation.live, situation.flow.key
    if record is None or situation.ambiguous or situation.contradicted:
        return
    if situation.unrecorded is not None or situation.authored:
        return
    kind = "version"
    if live is None:
        kind = "missing"
        message = f"{key} was delivered as version {record.version} and is not in the organisation any more"
    elif situation.recreated:
        message = f"{key} was deleted and made again out of band: id {record.flow_id} became {live.id}"
    elif situation.undetermined:
        kind = "undetermined"
        message = (
            f"which version of {key} is live cannot be told with api: {situation.dialect}; "
            f"{record.version} was recorded with api: {record.dialect}"
        )
    elif live.published_version is None:
        message = f"{key} was unpublished{_by_whom(situation, live)}; version {record.version} is recorded"
    elif live.published_version not in (record.version, situation.pinned):
        by = _by_whom(situation, live)
        message = f"version {live.published_version} of {key} was published{by}; {record.version} is recorded"
    else:
        return
    yield _drift(situation, kind, record.version, situation.live_version, message)


def _by_whom(situation: Situation, live: LiveFlow) -> str:
    """` by Ada Lovelace at 2026-01-05 12:00 UTC`, as far as known.

    The history is reliable. A listing names people but not clients, and says nothing about an unpublish.
    """
    change = situation.last_change
    who, at = (live.published_by, live.published_at) if live.published_version else (None, None)
    if change is not None and change.version == live.published_version:
        who, at = change.by, change.at
    moment = f" at {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at is not None else ""
    return f" by {who or 'hand'}{moment}"


def _bindings(situation: Situation) -> Iterator[Drift]:
    """A stale binding of a pinned version. Penstock never republishes it; the manifest must pin another one."""
    if situation.pinned is None or situation.live_version != situation.pinned:
        return
    for moved in situation.moved:
        message = (
            f"pinned version {situation.pinned} of {situation.flow.key} stays bound to "
            f"{moved.bound or 'an earlier version'} of {moved.key}, "
            f"{f'of which {moved.current} will be live' if moved.current else 'which this plan publishes anew'}; "
            "pin a version that was published after it, or give the manifest a source"
        )
        yield _drift(situation, "stale-binding", moved.current, moved.bound, message)


def _work_in_progress(situation: Situation, live: LiveFlow, client_name: str | None) -> Iterator[Drift]:
    key: FlowKey = situation.flow.key
    holder = live.locked_by
    if holder is not None and not holder.is_client(client_name):
        yield _drift(situation, "lock", None, holder.name, f"{key} is locked by {holder_words(holder)}")
    if live.has_draft:
        yield _drift(situation, "draft", None, None, f"{key} has saved changes that are not checked in")
