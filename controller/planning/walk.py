"""Decides every flow, dependencies first, so that each decision knows the outcome of its dependencies.

The walk visits the strongly connected components in dependency order. `_first` holds, for each visited flow, the
changes that a consumer must wait for: the last change of its component, or the changes below if no member acts.
`_below` collects them for the next component. Its members then wait for each other in the order of deployment. A
blocked change blocks all changes that depend on it. The exception is a caller that is only republished: it waits for
the changes below the blocked one instead (`_beyond_blocked`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from controller.domain.desired import CyclePolicy, DesiredFlow, Organization
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow, LiveState
from controller.domain.recorded import RecordedFlow, RecordedState
from controller.domain.resources import ResourcePolicy
from controller.graphs.components import shortest_cycle, strongly_connected
from controller.graphs.consumption import FlowGraph
from controller.planning import block
from controller.planning.decide import decide, unchanged
from controller.planning.draft import Draft, LiveOutcome
from controller.planning.inputs import PlanInputs, Unrecorded
from controller.planning.model import Blocked, ChangeKind
from controller.planning.resources import ResourceCheck, blocked_by_missing, needs_words, resources_of
from controller.planning.situation import MovedBinding, Situation, previous_keys


class Walk:
    """One walk over the components of a graph. `drafts` holds the decisions in the order of the walk."""

    def __init__(
        self, graph: FlowGraph, organization: Organization, live: LiveState, recorded: RecordedState, inputs: PlanInputs
    ) -> None:
        self.drafts: dict[FlowKey, Draft] = {}
        self.cycles: list[tuple[str, ...]] = []
        self._graph = graph
        self._organization = organization
        self._live = live
        self._recorded = recorded
        self._inputs = inputs
        self._outcomes: dict[FlowKey, LiveOutcome] = {}
        self._first: dict[FlowKey, tuple[str, ...]] = {}
        self._blocked: dict[str, Blocked] = {}
        self._waits: dict[str, tuple[str, ...]] = {}
        self._quarantines = {(entry.key, entry.wanted): entry for entry in inputs.quarantines}
        self._consumers = graph.consumers()
        self._previous = previous_keys(graph.flows, recorded)
        self._resources = ResourceCheck(live.resources)

    def run(self, components: Iterable[Sequence[FlowKey]]) -> None:
        """Decide the flows of each component, a single flow or a cycle; `components` are in dependency order."""
        for component in components:
            self._visit(component)

    def _visit(self, component: Sequence[FlowKey]) -> None:
        """Each member knows the outcome of those before it."""
        cycle = self._cycle(component)
        first = self._below(component)
        drafts: list[Draft] = []
        for key in in_order(component, self._graph.edges, self._inputs.binds_at_publish):
            draft = self._decided(key, frozenset(component), first, cycle)
            self._conclude(draft)
            drafts.append(draft)
            first = (draft.id,) if draft.acts else first
        self._first |= dict.fromkeys(component, first)
        if self._organization.cycles is CyclePolicy.GROUP:
            for draft in as_one(drafts):
                self._conclude(draft)

    def _decided(self, key: FlowKey, group: frozenset[FlowKey], first: tuple[str, ...], cycle: Blocked | None) -> Draft:
        situation = self._situation(self._graph.flows[key], group)
        if self._organization.suspended:
            decision = unchanged(situation, f"organisation {self._organization.name} is suspended (spec.suspend)")
        else:
            decision = decide(situation)
        draft = Draft(situation, decision, decision.blocked)
        if draft.uploads:
            draft = replace(draft, missing=self._resources.missing(resources_of(situation.flow)))
        if draft.writes:
            draft = replace(draft, warnings=(*decision.warnings, *self._warnings(draft, group)))
        if draft.acts:
            keeps_content = decision.kind is ChangeKind.REPUBLISH
            draft = replace(draft, depends_on=self._beyond_blocked(first) if keeps_content else first)
        draft = self._own_blocks(draft, group).block(cycle)
        return draft.block(block.waits_for_blocked(draft.depends_on, self._blocked))

    def _conclude(self, draft: Draft) -> None:
        key = draft.situation.flow.key
        self.drafts[key] = draft
        self._outcomes[key] = draft.outcome
        if draft.blocked is not None:
            self._blocked[draft.id] = draft.blocked
            self._waits[draft.id] = draft.depends_on

    def _beyond_blocked(self, first: Sequence[str]) -> tuple[str, ...]:
        """Replace blocked changes by the changes that those wait for.

        A caller with unchanged content can bind to the live version of a module while the module's change is blocked.
        After a module was rolled back, this frees its callers from the bad version.
        """
        seen = set(first)
        queue = list(first)
        while queue:
            further = set(self._waits.get(queue.pop(), ())) - seen
            seen |= further
            queue += further
        return tuple(sorted(seen - self._blocked.keys()))

    def _situation(self, flow: DesiredFlow, group: frozenset[FlowKey]) -> Situation:
        live = self._live
        record = self._recorded.flows.get(flow.key)
        former = self._previous.get(flow.key)
        previous = live.flows.get(former) if former is not None and former not in live.ambiguous else None
        old_consumers = self._consumers.get(previous.key, []) if previous else []
        return Situation(
            flow=flow,
            live=live.flows.get(flow.key),
            record=record,
            last_change=live.last_changes.get(flow.key),
            unrecorded=self._unrecorded(live.flows.get(flow.key), record),
            authored=self._authored(live.flows.get(flow.key), record),
            dialect=self._organization.dialect,
            live_digest=live.digests.get(flow.key),
            ambiguous=flow.key in live.ambiguous,
            contradicted=flow.key in live.undetermined,
            versions=live.versions.get(flow.key, ()),
            moved=tuple(self._moved(flow.key, record, group)),
            heal=self._organization.sync.heal,
            previous=previous,
            old_name_consumers=tuple(sorted(self._graph.flows[key].id for key in old_consumers)),
        )

    def _unrecorded(self, live: LiveFlow | None, record: RecordedFlow | None) -> Unrecorded | None:
        if live is None or (record is not None and record.version == live.published_version):
            return None
        found = (each for each in self._inputs.unrecorded if each.key == live.key)
        return next((each for each in found if each.version == live.published_version), None)

    def _authored(self, live: LiveFlow | None, record: RecordedFlow | None) -> bool:
        if live is None or record is None or record.flow_id != live.id or record.version == live.published_version:
            return False
        return any(each.key == live.key and each.version == live.published_version for each in self._inputs.authored)

    def _moved(self, key: FlowKey, record: RecordedFlow | None, group: frozenset[FlowKey]) -> Iterable[MovedBinding]:
        """The stale bindings of a flow.

        In a cycle, bindings to later members do not count: modules that consume each other would otherwise republish
        each other without end.
        """
        consumed: Mapping[FlowKey, str] = record.consumed if record else {}
        for callee in self._graph.bound(key, self._inputs.binds_at_publish):
            if callee in group and callee not in self._outcomes:
                continue
            found = self._live.flows.get(callee)
            live_version = found.published_version if found else None
            outcome = self._outcomes.get(callee) or LiveOutcome(live_version, anew=False)
            bound = consumed.get(callee) or live_version
            if outcome.available and (outcome.anew or outcome.version != bound):
                yield MovedBinding(callee, bound, outcome.version)

    def _warnings(self, draft: Draft, group: frozenset[FlowKey]) -> tuple[str, ...]:
        key, live = draft.situation.flow.key, draft.situation.live
        consumption = self._graph.consumption[key]
        unknown = tuple(
            f"a reference is of a kind that is not known: {block.place_words(draft.situation.flow, item)}"
            for item in consumption.unknown
        )
        itself = ("it refers to itself: the organisation may refuse it before it exists",)
        return (
            *block.lock_warning(key, live, self._organization, self._inputs.client_name),
            *consumption.ambiguous,
            *unknown,
            *block.doubts(draft.situation.flow),
            *(self._resources.doubts(resources_of(draft.situation.flow)) if draft.uploads else ()),
            *(itself if consumption.itself and live is None else ()),
            *self._left_behind(key, group),
        )

    def _left_behind(self, key: FlowKey, group: frozenset[FlowKey]) -> Iterable[str]:
        """Members of the same cycle that keep this module's version but were published before it."""
        if key.type not in self._inputs.binds_at_publish:
            return
        for consumer in sorted(group & self._outcomes.keys()):
            if key in self._graph.edges[consumer]:
                yield f"{consumer} consumes it and is consumed by it, so it stays bound to the version before"

    def _below(self, component: Sequence[FlowKey]) -> tuple[str, ...]:
        """The acting changes that a component waits for, also those below flows without a change."""
        below = {id_ for key in component for callee in self._graph.edges[key] for id_ in self._first.get(callee, ())}
        return tuple(sorted(below))

    def _own_blocks(self, draft: Draft, group: frozenset[FlowKey]) -> Draft:
        situation = draft.situation
        key = situation.flow.key
        quarantine = self._quarantines.get((key, situation.flow.wanted))
        uncertain = block.not_certain(key, self._live)
        if uncertain is not None and draft.acts:
            return replace(draft, blocked=draft.blocked or uncertain)
        if draft.decision.kind is ChangeKind.ADOPT:
            kept = block.not_to_be_kept(situation.flow, situation.live_version, quarantine)
            return replace(draft, blocked=kept)
        draft = draft.block(block.quarantined(situation.flow, quarantine))
        draft = draft.block(block.locked(key, situation.live, self._organization, self._inputs.client_name))
        if draft.decision.kind is not ChangeKind.NONE:
            draft = draft.block(block.bad_target(key, draft.decision.to_version, self._live, self._organization))
        draft = draft.block(block.missing_dependency(situation.flow, self._graph, self._outcomes, self._live, group))
        return self._without_resources(draft)

    def _without_resources(self, draft: Draft) -> Draft:
        """The change blocked because of missing resources; with a warning if policy or another block says so."""
        flow, missing = draft.situation.flow, draft.missing
        if not missing:
            return draft
        if self._organization.resources is ResourcePolicy.BLOCK and draft.blocked is None:
            return draft.block(blocked_by_missing(flow, missing))
        return replace(draft, warnings=(*draft.warnings, needs_words(flow, missing)))

    def _cycle(self, component: Sequence[FlowKey]) -> Blocked | None:
        if len(component) == 1:
            return None
        flows, live = self._graph.flows, self._live.flows
        ids = tuple(flows[key].id for key in shortest_cycle(component, self._graph.edges))
        self.cycles.append(ids)
        unpublished = [flows[key].id for key in component if key not in live or live[key].published_version is None]
        return block.cycle(unpublished, self._organization.cycles, " -> ".join(ids))


def in_order(
    component: Sequence[FlowKey], edges: Mapping[FlowKey, Sequence[FlowKey]], binds_at_publish: Collection[str]
) -> list[FlowKey]:
    """The members of a component in the order of their deployment.

    A module comes before the members that keep its version. Everything else keeps its order, also modules that consume
    each other.
    """
    members = frozenset(component)
    bound = {key: [callee for callee in edges[key] if callee.type in binds_at_publish] for key in members}
    return [key for part in strongly_connected(component, bound) for key in part]


def as_one(drafts: Sequence[Draft]) -> list[Draft]:
    """The changes of one component as a group, all blocked if one is; members without a change are not part of it."""
    writing = tuple(draft.id for draft in drafts if draft.writes)
    if len(writing) < 2:
        return list(drafts)
    together = block.of_one_group() if any(draft.blocked for draft in drafts) else None
    return [replace(draft, group=writing).block(together) if draft.writes else draft for draft in drafts]
