"""The dependency graph of managed flows: who consumes whom, which consumed flows are outside, which are missing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from controller.domain.desired import DesiredFlow
from controller.domain.identity import FlowKey
from controller.domain.live import LiveState
from controller.domain.references import FlowReference, Resolution
from controller.graphs.resolve import ReferenceCandidates, resolve


@dataclass(frozen=True, slots=True)
class Consumption:
    """References of one managed flow, sorted by how planning treats them. No duplicates, in key order."""

    managed: tuple[FlowKey, ...] = ()
    outside: tuple[FlowKey, ...] = ()
    """Live flows without a manifest."""
    missing: tuple[FlowReference, ...] = ()
    """Static references to flows that neither the manifests nor the organisation have."""
    unknown: tuple[FlowReference, ...] = ()
    """References of an unknown kind."""
    itself: bool = False
    ambiguous: tuple[str, ...] = ()
    """Messages about references that match several flows."""
    undeclared: tuple[str, ...] = ()
    """`dependsOn` ids without a manifest."""


@dataclass(frozen=True, slots=True)
class FlowGraph:
    """The managed flows of one organisation and their dependencies. Edges lead from consumer to consumed flow."""

    flows: Mapping[FlowKey, DesiredFlow]
    consumption: Mapping[FlowKey, Consumption]
    edges: Mapping[FlowKey, tuple[FlowKey, ...]] = field(default_factory=dict)
    """The managed part of `consumption`, without references of a flow to itself."""
    foreign: Mapping[FlowKey, Collection[FlowKey]] = field(default_factory=dict)
    """Unmanaged live flows that consume a flow, by the consumed flow."""

    def bound(self, key: FlowKey, binds_at_publish: Collection[str]) -> tuple[FlowKey, ...]:
        """The flows, managed or not, that this one is bound to: it keeps the version they had when it was published."""
        consumed = self.consumption[key]
        return tuple(each for each in (*consumed.managed, *consumed.outside) if each.type in binds_at_publish)

    def consumers(self) -> dict[FlowKey, list[FlowKey]]:
        """The managed consumers of each consumed flow, managed or not, in order of id."""
        found: dict[FlowKey, list[FlowKey]] = {}
        for key, consumption in self.consumption.items():
            for callee in (*consumption.managed, *consumption.outside):
                found.setdefault(callee, []).append(key)
        return found


def build_graph(flows: Iterable[DesiredFlow], live: LiveState) -> FlowGraph:
    """The graph of these flows, in order of id. The references of pinned flows come from the organisation."""
    managed = {flow.key: flow for flow in sorted(flows, key=lambda flow: flow.id)}
    resolved = resolve(managed, live)
    keys = {flow.id: flow.key for flow in managed.values()}
    consumption = {key: _consumption(flow, managed, resolved.get(key, ()), keys) for key, flow in managed.items()}
    foreign: dict[FlowKey, set[FlowKey]] = {}
    for key in resolved.keys() - managed.keys():
        for each in resolved[key]:
            for callee in each.candidates[:1]:
                foreign.setdefault(callee, set()).add(key)
    return FlowGraph(managed, consumption, {key: each.managed for key, each in consumption.items()}, foreign)


def _consumption(
    flow: DesiredFlow,
    managed: Mapping[FlowKey, DesiredFlow],
    references: Iterable[ReferenceCandidates],
    keys: Mapping[str, FlowKey],
) -> Consumption:
    callees = {keys[id_] for id_ in flow.depends_on if id_ in keys}
    missing: list[FlowReference] = []
    unknown: list[FlowReference] = []
    ambiguous: set[str] = set()
    for each in references:
        reference, candidates = each.reference, each.candidates
        callees.update(candidates[:1])
        if reference.resolution is Resolution.UNKNOWN:
            unknown.append(reference)
        elif reference.resolution is Resolution.STATIC and not candidates:
            missing.append(reference)
        if len(candidates) > 1:
            others = ", ".join(str(key) for key in candidates[1:])
            ambiguous.add(f"{reference.action} names {reference.name!r}: taken for {candidates[0]}, could be {others}")
    ordered = sorted(callees - {flow.key})
    return Consumption(
        managed=tuple(key for key in ordered if key in managed),
        outside=tuple(key for key in ordered if key not in managed),
        missing=tuple(missing),
        unknown=tuple(unknown),
        itself=flow.key in callees,
        ambiguous=tuple(sorted(ambiguous)),
        undeclared=tuple(id_ for id_ in flow.depends_on if id_ not in keys),
    )
