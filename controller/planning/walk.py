"""Goes through the graph, dependencies first, and decides each flow knowing what its dependencies will do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from controller.domain.desired import DesiredFlow, Organization
from controller.domain.identity import FlowKey
from controller.domain.live import LiveState
from controller.domain.recorded import RecordedFlow, RecordedState
from controller.planning import block
from controller.planning.components import shortest_cycle
from controller.planning.decide import decide, unchanged
from controller.planning.draft import Draft, Outcome
from controller.planning.graph import FlowGraph
from controller.planning.model import Blocked, PlanInputs
from controller.planning.rename import previous_flow, previous_keys
from controller.planning.situation import MovedBinding, Situation


class Walk:
    """One walk over the components of a graph; `drafts` holds the decisions in the order of the walk."""

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
        self._outcomes: dict[FlowKey, Outcome] = {}
        self._first: dict[FlowKey, tuple[str, ...]] = {}
        self._blocked: dict[str, Blocked] = {}
        self._quarantines = {(entry.key, entry.wanted): entry for entry in inputs.quarantines}
        self._consumers = graph.consumers()
        self._previous = previous_keys(graph.flows, recorded)

    def run(self, components: Iterable[Sequence[FlowKey]]) -> None:
        """Decide the flows of each component; components come with what they consume before them."""
        for component in components:
            self._visit(component)

    def _visit(self, component: Sequence[FlowKey]) -> None:
        group = frozenset(component)
        drafts = [self._decided(key, group) for key in component]
        drafts = self._ordered(component, drafts)
        drafts = self._checked(drafts, group)
        for draft in drafts:
            key = draft.situation.flow.key
            self.drafts[key] = draft
            self._outcomes[key] = draft.outcome
            self._note(draft)

    def _decided(self, key: FlowKey, group: frozenset[FlowKey]) -> Draft:
        flow = self._graph.flows[key]
        situation = self._situation(flow, group)
        if self._organization.suspended:
            decision = unchanged(situation, f"organisation {self._organization.name} is suspended (spec.suspended)")
        else:
            decision = decide(situation)
        draft = Draft(situation, decision, decision.blocked)
        return replace(draft, warnings=(*decision.warnings, *self._warnings(draft))) if draft.writes else draft

    def _situation(self, flow: DesiredFlow, group: frozenset[FlowKey]) -> Situation:
        live = self._live
        record = self._recorded.flows.get(flow.key)
        previous = previous_flow(self._previous.get(flow.key), live)
        old_consumers = self._consumers.get(previous.key, []) if previous else []
        return Situation(
            flow=flow,
            live=live.flows.get(flow.key),
            record=record,
            live_digest=live.digests.get(flow.key),
            ambiguous=flow.key in live.ambiguous,
            moved=tuple(self._moved(flow.key, record, group)),
            heal=self._organization.sync.heal,
            previous=previous,
            old_name_consumers=tuple(sorted(self._graph.flows[key].id for key in old_consumers)),
        )

    def _moved(self, key: FlowKey, record: RecordedFlow | None, group: frozenset[FlowKey]) -> Iterable[MovedBinding]:
        """The bindings that became stale. Inside a cycle none does: republishing would never come to an end."""
        consumed: Mapping[FlowKey, str] = record.consumed if record else {}
        for callee in self._graph.edges[key]:
            if callee in group or callee.type not in self._inputs.binds_at_publish:
                continue
            outcome = self._outcomes[callee]
            found = self._live.flows.get(callee)
            bound = consumed.get(callee) or (found.published_version if found else None)
            if outcome.available and (outcome.anew or outcome.version != bound):
                yield MovedBinding(callee, bound, outcome.version)

    def _warnings(self, draft: Draft) -> tuple[str, ...]:
        key, live = draft.situation.flow.key, draft.situation.live
        consumption = self._graph.consumption[key]
        unknown = tuple(f"a reference is of a kind that is not known: {item.path}" for item in consumption.unknown)
        itself = ("it refers to itself: the organisation may refuse it before it exists",)
        return (
            *block.lock_warning(key, live, self._organization, self._inputs.client_name),
            *consumption.ambiguous,
            *unknown,
            *(itself if consumption.itself and live is None else ()),
        )

    def _ordered(self, component: Sequence[FlowKey], drafts: Sequence[Draft]) -> list[Draft]:
        """Give each draft what must be done first: acting flows, also those below flows that stay as they are.

        The members of a cycle are done one after the other, in order of id.
        """
        below = {id_ for key in component for callee in self._graph.edges[key] for id_ in self._first.get(callee, ())}
        first = tuple(sorted(below))
        ordered: list[Draft] = []
        for draft in drafts:
            ordered.append(replace(draft, depends_on=first) if draft.acts else draft)
            first = (draft.id,) if draft.acts else first
        self._first |= dict.fromkeys(component, first)
        return ordered

    def _checked(self, drafts: Sequence[Draft], group: frozenset[FlowKey]) -> list[Draft]:
        cycle = self._cycle(drafts)
        checked = [self._own_blocks(draft, group).block(cycle) for draft in drafts]
        for index, draft in enumerate(checked):
            checked[index] = draft.block(block.waits_for_blocked(draft.depends_on, self._blocked))
            self._note(checked[index])
        if any(draft.blocked for draft in checked):
            together = Blocked(
                "dependency-blocked", "it is deployed as one group with flows of its cycle that are blocked"
            )
            checked = [draft.block(together) for draft in checked]
        return checked

    def _own_blocks(self, draft: Draft, group: frozenset[FlowKey]) -> Draft:
        situation = draft.situation
        key = situation.flow.key
        draft = draft.block(block.quarantined(situation.flow, self._quarantines.get((key, situation.flow.wanted))))
        draft = draft.block(block.locked(key, situation.live, self._organization, self._inputs.client_name))
        consumption = self._graph.consumption[key]
        return draft.block(block.missing_dependency(consumption, self._outcomes, self._live, group))

    def _note(self, draft: Draft) -> None:
        if draft.blocked is not None:
            self._blocked[draft.id] = draft.blocked

    def _cycle(self, drafts: Sequence[Draft]) -> Blocked | None:
        if len(drafts) == 1:
            return None
        path = shortest_cycle([draft.situation.flow.key for draft in drafts], self._graph.edges)
        ids = tuple(self._graph.flows[key].id for key in path)
        self.cycles.append(ids)
        return block.cycle(drafts, self._organization.cycles, " -> ".join(ids))
