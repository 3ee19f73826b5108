"""What a pass itself adds to the audit log: where drift begins and ends, and where records of deliveries went."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from controller.delivery import StepResult
from controller.domain.errors import GitRemoteFailed, PenstockError, RepositoryFailed
from controller.domain.identity import FlowKey
from controller.planning import Drift
from controller.reconcile.pass_ import Pass, have
from controller.repository import ArtifactCommit, RecordedCommit, export_paths
from controller.store import AuditEntry, OpenDrift

UNKNOWN = "unknown"
"""The actor where the organisation does not tell who published."""
_NOTED = frozenset({"version", "missing", "orphaned"})
"""What is live is not what is recorded; the other kinds of drift leave it as it is, or cannot be told."""


def note_drift(pass_: Pass) -> None:
    """Note what drifted since the last look, and what does not any more. Raises StoreFailed."""
    store, name = pass_.services.store, pass_.kept_as
    seen = {each.same: each for each in (_open(pass_, drift) for drift in _noted(pass_))}
    with store.together():
        known = {each.same: each for each in store.drifts.open(name)}
        gone = [each for same, each in known.items() if same not in seen]
        begun = [each for same, each in seen.items() if same not in known]
        if not gone and not begun:
            return
        keys = {str(key): key for key in have(pass_.live).flows}
        over = _over(pass_, keys)
        replaced = {(flow, kind) for flow, kind, _, _ in seen}
        ended = [each for each in gone if (each.flow, each.kind) in replaced or over(each.flow)]
        store.drifts.change(name, ended, begun)
        for each in ended:
            _tell_end(pass_, each, _who(pass_, keys.get(each.flow)), {})
        for each in begun:
            _tell(pass_, each, "begun", _who(pass_, keys.get(each.flow)), {})


def note_delivered(pass_: Pass, steps: Iterable[StepResult]) -> None:
    """Note that a delivery has ended the drift of the flows that it moved. Raises StoreFailed."""
    store, name = pass_.services.store, pass_.kept_as
    moved = {
        str(step.change.key): step for step in steps if step.state.delivered and not step.parked and not step.error
    }
    with store.together():
        ended = [each for each in store.drifts.open(name) if each.flow in moved]
        store.drifts.change(name, ended, ())
        for each in ended:
            _tell_end(pass_, each, pass_.actor, {"by_change": moved[each.flow].change.kind.value})


def _noted(pass_: Pass) -> list[Drift]:
    return [drift for drift in have(pass_.plan).drift if drift.kind in _NOTED]


def _open(pass_: Pass, drift: Drift) -> OpenDrift:
    now = pass_.services.clock.now()
    return OpenDrift(str(drift.key), drift.kind, drift.expected, drift.actual, drift.message, now)


def _over(pass_: Pass, keys: Mapping[str, FlowKey]) -> Callable[[str], bool]:
    """Tells of a flow whether this look shows that its drift is over.

    A flow that is not seen, or of which the answers do not agree, proves nothing.
    """
    live = have(pass_.live)
    unsure = {str(key) for key in (*live.undetermined, *live.ambiguous)}
    shown = keys.keys() | {str(each.key) for each in _noted(pass_)}
    recorded_flows = {str(key) for key in have(pass_.recorded).flows}
    return lambda flow: flow not in unsure and (flow in shown or flow not in recorded_flows)


def _who(pass_: Pass, key: FlowKey | None) -> str:
    """Who made live what is live, or took it out of use, as far as the organisation tells."""
    live = have(pass_.live)
    if key is None:
        return UNKNOWN
    found, change = live.flows[key], live.hand_changes.get(key)
    by = change.by if change is not None and change.version == found.published_version else None
    return by or (found.published_by if found.published_version else None) or UNKNOWN


def _tell_end(pass_: Pass, drift: OpenDrift, actor: str, details: Mapping[str, object]) -> None:
    lasted_ms = (pass_.services.clock.now() - drift.since).total_seconds() * 1000
    _tell(pass_, drift, "ended", actor, {"since": drift.since.isoformat(), "lasted_ms": lasted_ms, **details})


def _tell(pass_: Pass, drift: OpenDrift, status: str, actor: str, details: Mapping[str, object]) -> None:
    told = {"kind": drift.kind, "expected": drift.expected, "actual": drift.actual, "message": drift.message}
    entry = AuditEntry(
        pass_.request.organization,
        "drift",
        status,
        actor,
        drift.flow,
        drift.actual,
        target_version=drift.expected,
        details={**told, "trigger": pass_.request.trigger, **details},
        author=pass_.author,
        revision=have(pass_.workspace).revision,
    )
    pass_.services.store.audit.append(entry)


async def recorded(pass_: Pass, commit: ArtifactCommit, permit: Callable[[], None]) -> RecordedCommit:
    """Commit and push a record; each flow's entry tells which commit holds it, or why none does.

    Raises what `Repository.record` raises, and StoreFailed.
    """
    clock, repository = pass_.services.clock, have(pass_.workspace).repository
    started_s = clock.monotonic()
    try:
        made = await asyncio.to_thread(repository.record, commit, permit)
    except (GitRemoteFailed, RepositoryFailed) as error:
        _tell_record(pass_, commit, (clock.monotonic() - started_s) * 1000, error)
        raise
    _tell_record(pass_, commit, (clock.monotonic() - started_s) * 1000, made)
    return made


def note_pushed(pass_: Pass, commits: Iterable[RecordedCommit]) -> None:
    """Note that records which could not be pushed before are on the remote now."""
    for made in commits:
        _append(pass_, "success", {"details": {**_of_commit(made), "kept_before": True}})


def _tell_record(pass_: Pass, commit: ArtifactCommit, took_ms: float, outcome: RecordedCommit | PenstockError) -> None:
    error = outcome if isinstance(outcome, PenstockError) else None
    status = "success" if error is None else "failure"
    told = _of_commit(outcome) if isinstance(outcome, RecordedCommit) else {"code": outcome.code}
    about = {"latency_ms": took_ms, "error": None if error is None else error.message}
    paths = export_paths(commit)
    for flow in commit.flows:
        key, version = flow.recorded.key, flow.recorded.version
        facts = {"flow": str(key), "flow_id": flow.recorded.flow_id or None, "version": version}
        details = {**told, "deployment": commit.deployment, "artifact_paths": paths.get(key, [])}
        _append(pass_, status, {**about, **facts, "details": details})
    for key in commit.removed:
        details = {**told, "deployment": commit.deployment, "removed": True}
        _append(pass_, status, {**about, "flow": str(key), "details": details})
    for draft in commit.drafts:
        _append(pass_, status, {**about, "details": {**told, "draft": draft.manifest}})


def _of_commit(made: RecordedCommit) -> dict[str, object]:
    return {"commit": made.sha, "branch": made.branch, "pushed": made.pushed, "changed": made.changed}


def _append(pass_: Pass, status: str, facts: Mapping[str, Any]) -> None:
    entry = AuditEntry(
        pass_.request.organization,
        "record",
        status,
        pass_.actor,
        author=pass_.author,
        revision=have(pass_.workspace).revision,
        **facts,
    )
    pass_.services.store.audit.append(entry)
