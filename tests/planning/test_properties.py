"""What holds for every plan, whatever the organisation looks like."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.desired import CyclePolicy, DesiredFlow, Organization, PinnedVersion, SourceFile, SyncPolicy
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow, LiveState
from controller.domain.recorded import RecordedFlow, RecordedState
from controller.domain.references import FlowReference
from controller.graphs.components import shortest_cycle, strongly_connected, waves
from controller.planning.inputs import PlanInputs
from controller.planning.model import Change, ChangeKind, Plan
from controller.planning.plan import make_plan
from tests.planning.compact import OBSERVED_AT, ORIGIN, organization
from tests.support.examples import examples
from tests.support.source_text import KnownText

KEYS = [FlowKey("commonmodule" if index % 2 else "inboundcall", f"F{index}") for index in range(7)]
VERSIONS = ["1.0", "2.0", "3.0"]
DIGESTS = ["sha256:a", "sha256:b"]
LIMITS = examples(100)


@st.composite
def desired_flows(draw: st.DrawFn) -> tuple[DesiredFlow, ...]:
    keys = draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=6))
    return tuple(_desired(draw, index, key) for index, key in enumerate(keys))


def _desired(draw: st.DrawFn, index: int, key: FlowKey) -> DesiredFlow:
    callees = draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=3))
    calls = tuple(FlowReference(callee.name, (callee.type,), "call", "path") for callee in callees)
    source = draw(
        st.one_of(
            st.builds(PinnedVersion, st.sampled_from(VERSIONS)),
            st.builds(lambda digest: SourceFile("f.yaml", KnownText(), digest, calls), st.sampled_from(DIGESTS)),
        )
    )
    return DesiredFlow(f"m{index}", key, source, ORIGIN, suspended=draw(st.integers(0, 9)) == 0)


@st.composite
def organizations(draw: st.DrawFn) -> Organization:
    policy = SyncPolicy(heal=draw(st.booleans()), prune=draw(st.booleans()))
    cycles = draw(st.sampled_from(CyclePolicy))
    return replace(organization({}), flows=draw(desired_flows()), sync=policy, cycles=cycles)


@st.composite
def live_states(draw: st.DrawFn) -> LiveState:
    keys = draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=7))
    flows = {key: LiveFlow(f"id {key}", key, draw(st.sampled_from([None, *VERSIONS]))) for key in keys}
    digests = {key: draw(st.sampled_from(DIGESTS)) for key in keys}
    callees = st.lists(st.sampled_from(KEYS), unique=True, max_size=2)
    references = {
        key: tuple(FlowReference(callee.name, (callee.type,), "call", "path") for callee in draw(callees))
        for key in keys
    }
    return LiveState(flows, OBSERVED_AT, references, digests)


@st.composite
def recorded_states(draw: st.DrawFn) -> RecordedState:
    keys = draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=7))
    return RecordedState("production", {key: _recorded(draw, index, key) for index, key in enumerate(keys)})


def _recorded(draw: st.DrawFn, index: int, key: FlowKey) -> RecordedFlow:
    consumed = draw(st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VERSIONS), max_size=3))
    digest = draw(st.sampled_from([None, *DIGESTS]))
    version = draw(st.sampled_from(VERSIONS))
    return RecordedFlow(key, f"m{index}", f"id {key}", version, digest, None, "", consumed)


class CarriedOut:
    """A plan carried out on values: what an organisation and a lock file hold afterwards."""

    def __init__(self, plan: Plan, live: LiveState, recorded: RecordedState) -> None:
        self.flows = dict(live.flows)
        self.records = dict(recorded.flows)
        self.next_version = 10
        for change in plan.changes:
            if change.kind is not ChangeKind.NONE and change.blocked is None:
                self._carry_out(change)
        self.live = replace(live, flows=self.flows, digests={})
        self.recorded = replace(recorded, flows=self.records)

    def _carry_out(self, change: Change) -> None:
        if change.kind is ChangeKind.UNPUBLISH:
            self.flows[change.key] = replace(self.flows[change.key], published_version=None)
            del self.records[change.key]
            return
        version = change.to_version or self._new_version()
        flow_id = change.flow_id or f"id {change.key}"
        self.flows[change.key] = LiveFlow(flow_id, change.key, version)
        if change.kind is not ChangeKind.RESTORE:
            self.records[change.key] = self._record(change, flow_id, version)

    def _record(self, change: Change, flow_id: str, version: str) -> RecordedFlow:
        assert change.desired is not None
        source = change.desired.source
        digest = source.digest if isinstance(source, SourceFile) else None
        consumed = {key: self.flows[key].published_version or "" for key in change.consumes if key in self.flows}
        return RecordedFlow(change.key, change.flow, flow_id, version, digest, None, "", consumed)

    def _new_version(self) -> str:
        self.next_version += 1
        return f"{self.next_version}.0"


@LIMITS
@given(organizations(), live_states(), recorded_states())
def test_nothing_is_left_to_do_after_a_plan_is_carried_out(
    wanted: Organization, live: LiveState, recorded: RecordedState
) -> None:
    """A plan made right after a successful apply has no change that could be carried out."""
    inputs = PlanInputs("r")
    after = CarriedOut(make_plan(wanted, live, recorded, inputs), live, recorded)
    again = make_plan(wanted, after.live, after.recorded, inputs)
    assert [change for change in again.actions if change.blocked is None] == []


@LIMITS
@given(organizations(), live_states(), recorded_states())
def test_every_change_stands_after_what_it_depends_on(
    wanted: Organization, live: LiveState, recorded: RecordedState
) -> None:
    """Dependencies are in the plan, come first, act, and lie in an earlier wave."""
    plan = make_plan(wanted, live, recorded, PlanInputs("r"))
    seen: dict[str, Change] = {}
    for change in plan.actions:
        assert all(seen[id_].wave < change.wave for id_ in change.depends_on)
        seen[change.flow] = change
    assert len({change.flow for change in plan.changes}) == len(plan.changes)


@LIMITS
@given(organizations(), live_states(), recorded_states())
def test_a_consumer_that_goes_live_follows_everything_below_it(
    wanted: Organization, live: LiveState, recorded: RecordedState
) -> None:
    """No flow is published before a flow that it consumes, however far below.

    A member of its own cycle is excepted, and so is what is blocked, because it is not published.
    """
    plan = make_plan(wanted, live, recorded, PlanInputs("r"))
    blocked = {change.key for change in plan.actions if change.blocked}
    by_key = {change.key: change for change in plan.changes if change.desired is not None}
    graph = nx.DiGraph([(change.key, callee) for change in by_key.values() for callee in change.consumes])
    place = {change.key: index for index, change in enumerate(plan.actions)}
    for change in plan.actions:
        if change.key not in graph or change.desired is None:
            continue
        for callee in nx.descendants(graph, change.key) - {change.key}:
            if callee in place and callee not in blocked and not nx.has_path(graph, callee, change.key):
                assert place[callee] < place[change.key]


@LIMITS
@given(organizations(), live_states(), recorded_states())
def test_nothing_goes_ahead_over_something_blocked(
    wanted: Organization, live: LiveState, recorded: RecordedState
) -> None:
    """A change that writes never depends on a blocked one without being blocked itself."""
    plan = make_plan(wanted, live, recorded, PlanInputs("r"))
    blocked = {change.flow for change in plan.actions if change.blocked}
    for change in plan.actions:
        if change.kind is not ChangeKind.ADOPT and blocked & set(change.depends_on):
            assert change.blocked is not None


@LIMITS
@given(organizations(), live_states(), recorded_states())
def test_a_group_goes_one_after_the_other_and_as_a_whole_or_not_at_all(
    wanted: Organization, live: LiveState, recorded: RecordedState
) -> None:
    """Its members agree on who they are and in which order, and on being blocked; each waits for the one before it."""
    plan = make_plan(wanted, live, recorded, PlanInputs("r"))
    by_flow = {change.flow: change for change in plan.actions}
    for change in plan.actions:
        if not change.group:
            continue
        members = [by_flow[flow] for flow in change.group]
        assert change in members
        assert {member.group for member in members} == {change.group}
        assert len({member.blocked is None for member in members}) == 1
        waits_for = nx.DiGraph([(each.flow, before) for each in plan.actions for before in each.depends_on])
        assert change.blocked is not None or all(
            nx.has_path(waits_for, later, before) for before, later in itertools.pairwise(change.group)
        )


@LIMITS
@given(organizations(), live_states(), recorded_states())
def test_the_order_of_the_inputs_does_not_matter(
    wanted: Organization, live: LiveState, recorded: RecordedState
) -> None:
    """Turned inputs give an equal plan, dependency digests included."""
    plan = make_plan(wanted, live, recorded, PlanInputs("r"))
    turned = make_plan(
        replace(wanted, flows=tuple(reversed(wanted.flows))),
        replace(live, flows=_turned(live.flows), references=_turned(live.references)),
        replace(recorded, flows=_turned(recorded.flows)),
        PlanInputs("r"),
    )
    assert replace(turned, digest="") == replace(plan, digest="")


def _turned(mapping: Mapping[FlowKey, object]) -> dict[FlowKey, object]:
    return dict(reversed(mapping.items()))


NODES = st.integers(0, 11)
EDGES = st.lists(st.tuples(NODES, NODES), max_size=40)


def _successors(edges: list[tuple[int, int]]) -> dict[int, list[int]]:
    return {node: sorted({end for start, end in edges if start == node}) for node in range(12)}


@given(EDGES)
def test_components_are_those_of_networkx_and_come_dependencies_first(edges: list[tuple[int, int]]) -> None:
    """An independent implementation finds the same components; edges only lead back."""
    successors = _successors(edges)
    components = strongly_connected(range(12), successors)
    graph = nx.DiGraph(edges)
    graph.add_nodes_from(range(12))
    assert sorted(components) == sorted(tuple(sorted(part)) for part in nx.strongly_connected_components(graph))
    place = {node: index for index, component in enumerate(components) for node in component}
    assert all(place[end] <= place[start] for start, end in edges)


@given(EDGES)
def test_the_cycle_shown_is_a_real_and_a_shortest_one(edges: list[tuple[int, int]]) -> None:
    """Every step is an edge, the ends meet, and networkx knows no shorter cycle in the component."""
    successors = _successors(edges)
    for component in strongly_connected(range(12), successors):
        cycle = shortest_cycle(component, successors)
        inside = nx.DiGraph([(a, b) for a in component for b in successors[a] if b in component])
        lengths = [len(found) for found in nx.simple_cycles(inside)] if len(component) <= 6 else []
        assert bool(cycle) == (len(component) > 1 or inside.number_of_edges() > 0)
        if cycle:
            assert cycle[0] == cycle[-1]
            assert all(end in successors[start] for start, end in itertools.pairwise(cycle))
            assert len(set(cycle[1:])) == len(cycle) - 1
            assert not lengths or len(cycle) - 1 == min(lengths)


@given(EDGES)
def test_waves_are_longest_paths(edges: list[tuple[int, int]]) -> None:
    """Each wave is one more than the highest wave below."""
    downhill = {str(node): sorted({str(end) for start, end in edges if start == node > end}) for node in range(12)}
    found = waves(list(downhill), downhill)
    for id_, below in downhill.items():
        assert found[id_] == 1 + max((found[dependency] for dependency in below), default=0)
