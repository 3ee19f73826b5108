"""Finds and removes flows that were delivered once and are no longer in any manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from controller.domain.desired import Organization, Removal
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow, LiveState
from controller.domain.recorded import RecordedFlow, RecordedState
from controller.graphs.components import strongly_connected
from controller.graphs.consumption import FlowGraph
from controller.planning import block
from controller.planning.draft import Draft
from controller.planning.drift import became
from controller.planning.inputs import PlanInputs
from controller.planning.model import Blocked, Change, ChangeKind

_KINDS = {Removal.UNPUBLISH: ChangeKind.UNPUBLISH, Removal.DELETE: ChangeKind.DELETE}


@dataclass(frozen=True, slots=True)
class Orphan:
    flow: str
    record: RecordedFlow
    live: LiveFlow


def find_orphans(graph: FlowGraph, live: LiveState, recorded: RecordedState) -> list[Orphan]:
    """Published flows that have a record but no manifest, in order of key.

    An orphan is named by its key if its manifest's name is in use, because names in a plan are unique.
    """
    taken = {flow.id for flow in graph.flows.values()}
    orphans: list[Orphan] = []
    for key, record in sorted(recorded.flows.items()):
        found = live.flows.get(key)
        if key in graph.flows or found is None or found.published_version is None:
            continue
        name = record.manifest if record.manifest not in taken else str(key)
        taken.add(name)
        orphans.append(Orphan(name, record, found))
    return orphans


class Pruning:
    """Plans the removal of orphans: consumers before consumed flows, and never a flow that is still consumed.

    Four sources name consumers of an orphan: the graph (`_managed_consumers`, `graph.foreign`), the dependency index
    (`live.consumers`), and the record of the last delivery (`_recorded_consumers`). A change that ends a consumption
    or takes over the orphan's name (`_successors`) comes first; any other consumer blocks the removal. Orphans do
    not block each other: they go in the order of their components.
    """

    def __init__(
        self,
        graph: FlowGraph,
        drafts: Mapping[FlowKey, Draft],
        live: LiveState,
        organization: Organization,
        inputs: PlanInputs,
    ) -> None:
        self._graph = graph
        self._drafts = drafts
        self._live = live
        self._organization = organization
        self._inputs = inputs
        self._managed_consumers = graph.consumers()
        self._recorded_consumers: dict[FlowKey, list[Draft]] = {}
        self._successors: dict[FlowKey, list[Draft]] = {}
        self._orphans: frozenset[FlowKey] = frozenset()
        for draft in drafts.values():
            self._note(draft)

    def changes(self, orphans: Iterable[Orphan]) -> list[Change]:
        """One `unpublish` or `delete` change for each orphan."""
        by_key = {orphan.record.key: orphan for orphan in orphans}
        indexed = self._live.consumers
        consumers = {
            key: [
                other
                for other, orphan in by_key.items()
                if key in orphan.record.consumed or (other != key and other in indexed.get(key, ()))
            ]
            for key in by_key
        }
        self._orphans = frozenset(by_key)
        changes: list[Change] = []
        blocked: dict[str, Blocked] = {draft.id: draft.blocked for draft in self._drafts.values() if draft.blocked}
        for component in strongly_connected(list(by_key), consumers):
            before = {by_key[other].flow for key in component for other in consumers[key] if other not in component}
            members: list[Change] = []
            for key in component:
                members.append(self._change(by_key[key], before, blocked))
                before = before | {members[-1].flow}
            members = _all_or_none(members)
            blocked |= {change.flow: change.blocked for change in members if change.blocked is not None}
            changes += members
        return changes

    def _change(self, orphan: Orphan, before: set[str], blocked: Mapping[str, Blocked]) -> Change:
        key, live, manifest = orphan.record.key, orphan.live, orphan.record.manifest
        depends_on = tuple(sorted(before | self._leaving(key)))
        gone = f"{became(orphan.flow, orphan.record)}, and sync.prune is on"
        return Change(
            flow=orphan.flow,
            key=key,
            kind=_KINDS[self._organization.sync.removal],
            flow_id=live.id,
            from_version=live.published_version,
            to_version=None,
            reason=f"its manifest {manifest!r} {gone}",
            cause=f"its manifest {gone}",
            wave=1,
            depends_on=depends_on,
            blocked=self._blocked(key, live, depends_on, blocked),
            dependency_digest=orphan.record.dependency_digest,
            warnings=block.lock_warning(key, live, self._organization, self._inputs.client_name),
        )

    def _note(self, draft: Draft) -> None:
        """Index the draft by the flows that it consumed at its last delivery, and by the flow that it renames."""
        situation = draft.situation
        for key in situation.record.consumed if situation.record else ():
            self._recorded_consumers.setdefault(key, []).append(draft)
        if situation.previous is not None:
            self._successors.setdefault(situation.previous.key, []).append(draft)

    def _leaving(self, key: FlowKey) -> set[str]:
        """Changes that must come first: those that end the consumption of a flow or take over its name."""
        consumption = self._graph.consumption
        indexed = [self._drafts[consumer] for consumer in self._live.consumers.get(key, ()) if consumer in self._drafts]
        leaving = [
            draft
            for draft in [*self._recorded_consumers.get(key, ()), *indexed]
            if key not in consumption[draft.situation.flow.key].outside
        ]
        return {draft.id for draft in [*leaving, *self._successors.get(key, ())] if draft.acts}

    def _blocked(
        self, key: FlowKey, live: LiveFlow, depends_on: tuple[str, ...], blocked: Mapping[str, Blocked]
    ) -> Blocked | None:
        if key in self._live.ambiguous:
            return Blocked("ambiguous-flow", f"several flows carry the type and name {key}; remove it in Architect")
        consumers = self._consumers(key)
        if consumers:
            message = f"{key} is still consumed by {', '.join(consumers)}; take the references out first"
            return Blocked("still-consumed", message)
        if key in self._live.consumers_unknown:
            words = f"whether anything still consumes {key} cannot be told: {self._live.consumers_unknown[key]}"
            return Blocked("consumers-unknown", f"{words}; it is looked at again in the next pass")
        held = block.locked(key, live, self._organization, self._inputs.client_name)
        return held or block.waits_for_blocked(depends_on, blocked)

    def _consumers(self, key: FlowKey) -> list[str]:
        consumers = {self._graph.flows[consumer].id for consumer in self._managed_consumers.get(key, ())}
        recorded = [draft for draft in self._recorded_consumers.get(key, ()) if draft.situation.live_version]
        indexed = {consumer for consumer in self._live.consumers.get(key, ()) if consumer not in self._orphans}
        drafts = [self._drafts[consumer] for consumer in indexed & self._drafts.keys()]
        consumers |= {draft.id for draft in (*recorded, *drafts) if not draft.acts}
        foreign = {*(indexed - self._drafts.keys()), *self._graph.foreign.get(key, ())} - self._orphans
        return sorted(consumers) + [str(consumer) for consumer in sorted(foreign)]


def _all_or_none(members: Sequence[Change]) -> list[Change]:
    """Block all changes of a cycle of orphans as soon as one of them is blocked."""
    stays = {change.flow: change.blocked for change in members if change.blocked is not None}
    return [
        replace(change, blocked=change.blocked or block.waits_for_blocked(tuple(stays), stays)) for change in members
    ]
