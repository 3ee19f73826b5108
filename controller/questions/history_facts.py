"""Turns records in git and the store's journal into sightings of versions, by flow. Pure, without I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from controller.domain.identity import FlowKey
from controller.domain.recorded import NO_REVISION, RecordedFlow
from controller.planning.model import ChangeKind
from controller.questions.live_origins import LiveOrigin, LiveResult, Sighting
from controller.repository.artifacts import APPROVER_TRAILER, OUTCOME_TRAILER, outcome_in
from controller.repository.record_log import PastRecord, RecordLog
from controller.store.past import DRIFT, WENT_BACK, WENT_LIVE, PastMoment, PastStep

_RESULTS = {
    "delivered": LiveResult.DELIVERED,
    "adopted": LiveResult.ADOPTED,
    "rolled-back": LiveResult.RESTORED,
    "removed": LiveResult.REMOVED,
}
"""By the word in the record's trailer; the version of a rollback is the one that was restored."""
_REMOVALS = (ChangeKind.UNPUBLISH, ChangeKind.DELETE)


@dataclass(slots=True)
class PastFlow:
    """One flow under all names that it had."""

    id: str | None
    """The organisation's id; None if no source has it."""
    names: list[tuple[datetime, FlowKey, str | None]] = field(default_factory=list)
    """When the flow had which type and name, and which manifest described it."""
    sightings: list[Sighting] = field(default_factory=list)

    @property
    def key(self) -> FlowKey:
        """The latest type and name."""
        return max(self.names, key=lambda name: name[0])[1]

    @property
    def manifest(self) -> str | None:
        """The latest manifest that described it."""
        told = [name for name in self.names if name[2] is not None]
        return max(told, key=lambda name: name[0])[2] if told else None

    def called(self, said: str) -> bool:
        """Whether a person may mean this flow: by its id, or a name that it has or had."""
        names = {self.id, *(name for _, key, manifest in self.names for name in (manifest, str(key), key.name))}
        return said in names


def past_flows(
    log: RecordLog, steps: Sequence[PastStep] = (), moments: Sequence[PastMoment] = ()
) -> dict[str, PastFlow]:
    """The flows that records or the journal know, by id, else by `type/name`."""
    flows = _Flows(log, steps)
    for record in log.records:
        for entry in record.entries:
            at = entry.recorded_at or record.at
            flows.add(
                entry.flow_id, entry.key, entry.manifest, Sighting(entry.version, at, _recorded(entry, record, log))
            )
        for entry in record.removed:
            if f"- {entry.key} removed" in record.message:
                origin = LiveOrigin(LiveResult.REMOVED, record=record.sha or None)
                flows.add(entry.flow_id, entry.key, entry.manifest, Sighting(None, record.at, origin))
    told = {(each.action, each.details.get("sync"), each.flow): each for each in moments}
    for step in steps:
        for seen in _of_step(step, told):
            flows.add(step.flow_id, step.key, step.flow, seen)
    for moment in moments:
        if moment.action == DRIFT and moment.details.get("kind", "version") in ("version", "missing"):
            by = moment.actor if moment.actor not in ("", "unknown") else None
            result = LiveResult.NOTHING if moment.version is None else LiveResult.HAND_MADE
            origin = LiveOrigin(result, by, "publisher" if by else None)
            key = FlowKey.parse(moment.flow)
            flows.add(None, key, None, Sighting(moment.version, moment.at, origin))
    return flows.found


class _Flows:
    """The flows that were found, joined by their ids."""

    def __init__(self, log: RecordLog, steps: Iterable[PastStep]) -> None:
        self.found: dict[str, PastFlow] = {}
        self._ids: dict[FlowKey, list[tuple[datetime, str]]] = defaultdict(list)
        for record in log.records:
            for entry in record.entries:
                self._ids[entry.key].append((entry.recorded_at or record.at, entry.flow_id))
        for step in steps:
            if step.flow_id is not None:
                self._ids[step.key].append((step.started_at, step.flow_id))

    def add(self, flow_id: str | None, key: FlowKey, manifest: str | None, seen: Sighting) -> None:
        known = flow_id or self._id_of(key, seen.at)
        flow = self.found.setdefault(known or str(key), PastFlow(known))
        flow.names.append((seen.at, key, manifest))
        flow.sightings.append(seen)

    def _id_of(self, key: FlowKey, at: datetime) -> str | None:
        """The id of the flow that had this name at that time: a flow may be deleted and made anew."""
        ids = sorted(self._ids.get(key, ()))
        earlier = [flow_id for when, flow_id in ids if when <= at]
        return earlier[-1] if earlier else ids[0][1] if ids else None


def _recorded(entry: RecordedFlow, record: PastRecord, log: RecordLog) -> LiveOrigin:
    """How a record says that the version became live."""
    kind, reason = _summary(record.message, entry.manifest)
    word = outcome_in(record.trailers.get(OUTCOME_TRAILER, ""), entry.manifest)
    result = _RESULTS.get(word or ("adopted" if kind == ChangeKind.ADOPT else "delivered"), LiveResult.UNKNOWN)
    author = log.authors.get(entry.revision or "")
    told_by = author if result is LiveResult.DELIVERED else None
    return LiveOrigin(
        result,
        by=told_by,
        by_role="commit author" if told_by else None,
        approved_by=record.trailers.get(APPROVER_TRAILER),
        change=kind,
        reason=reason,
        revision=None if entry.revision == NO_REVISION else entry.revision,
        record=record.sha or None,
    )


def _summary(message: str, manifest: str) -> tuple[str | None, str | None]:
    """The kind of a change and its reason, from the line about it in the record's message."""
    for line in message.splitlines():
        if line.startswith(f"{manifest}: "):
            kind, _, reason = line.removeprefix(f"{manifest}: ").partition(", ")
            if kind in set(ChangeKind):
                return kind, reason or None
    return None, None


def _of_step(step: PastStep, told: Mapping[tuple[str, object, str], PastMoment]) -> Iterator[Sighting]:
    """What a change proves about the versions before it, of it, and after its rollback."""
    flow = str(step.key)
    live, back = told.get((WENT_LIVE, step.sync_id, flow)), told.get((WENT_BACK, step.sync_id, flow))
    moved = step.published_from is not None or step.rolled_back_from is not None
    if moved and (step.previous_version is not None or step.kind == ChangeKind.CREATE) and not _by_request(step):
        before = LiveOrigin(LiveResult.NOTHING) if step.previous_version is None else None
        yield Sighting(step.previous_version, step.started_at, before)
    if step.state.going_back:
        if live is not None and live.version is not None:
            yield Sighting(live.version, live.at, _origin(step, LiveResult.ROLLED_BACK), step.published_from)
        if (
            step.state.final
            and step.rolled_back_from is not None
            and (back is not None or step.recorded_at is not None)
        ):
            at = back.at if back is not None else step.recorded_at or step.updated_at
            yield Sighting(step.live_version, at, _origin(step, LiveResult.RESTORED), step.rolled_back_from)
    elif step.state.delivered or step.state.watched:
        at = live.at if live is not None else step.recorded_at or step.updated_at
        if step.kind in _REMOVALS:
            yield Sighting(None, at, _origin(step, LiveResult.REMOVED), step.published_from)
        elif step.live_version is not None:
            result = LiveResult.ADOPTED if step.kind == ChangeKind.ADOPT else LiveResult.DELIVERED
            yield Sighting(step.live_version, at, _origin(step, result), step.published_from)


def _by_request(step: PastStep) -> bool:
    """Whether a person asked for an earlier version: `previous_version` is then the one to come back to."""
    return step.published_from is None and step.target_version == step.previous_version


def _origin(step: PastStep, result: LiveResult) -> LiveOrigin:
    person = (step.author, "commit author") if step.author else (step.actor, "actor")
    by, role = (step.actor, "actor") if result is LiveResult.RESTORED else person
    known = result is not LiveResult.ADOPTED
    return LiveOrigin(
        result,
        by=by if known else None,
        by_role=role if known else None,
        approved_by=step.approved_by,
        trigger=step.trigger,
        change=step.kind,
        reason=step.reason,
        cause=step.cause.value if step.cause is not None else None,
        revision=None if step.revision == NO_REVISION else step.revision,
        sync=step.sync_id,
    )
