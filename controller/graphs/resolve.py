"""Finds the flow that a reference means: by id, else by type and name, among managed and live flows.

Planning, pruning and pictures all use `resolve`, so that they agree about consumers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from controller.domain.desired import DesiredFlow, SourceFile
from controller.domain.identity import UNTYPED, FlowKey
from controller.domain.live import LiveState
from controller.domain.references import FlowReference, Resolution


@dataclass(frozen=True, slots=True)
class ReferenceCandidates:
    """A reference and the flows that it may mean, most likely first; empty unless the reference is static."""

    reference: FlowReference
    candidates: tuple[FlowKey, ...] = ()


def resolve(managed: Mapping[FlowKey, DesiredFlow], live: LiveState) -> dict[FlowKey, tuple[ReferenceCandidates, ...]]:
    """The resolved references of every flow with known content. A source file in git overrides the live version."""
    resolver = _Resolver(managed, live)
    found = {key: references for key, references in live.references.items() if key in managed or key in live.flows}
    found |= {key: flow.source.references for key, flow in managed.items() if isinstance(flow.source, SourceFile)}
    return {key: tuple(map(resolver.resolved, references)) for key, references in found.items()}


class _Resolver:
    """An index of the flows of one organisation, managed and live."""

    def __init__(self, managed: Collection[FlowKey], live: LiveState) -> None:
        self._known = frozenset(managed) | frozenset(live.flows)
        self._by_id: Mapping[str, FlowKey] = {flow.id: flow.key for flow in live.flows.values()}
        self._by_name: dict[str, list[FlowKey]] = defaultdict(list)
        for key in sorted(self._known):
            self._by_name[key.name].append(key)

    def resolved(self, reference: FlowReference) -> ReferenceCandidates:
        static = reference.resolution is Resolution.STATIC
        return ReferenceCandidates(reference, self._candidates(reference) if static else ())

    def _candidates(self, reference: FlowReference) -> tuple[FlowKey, ...]:
        if reference.flow_id is not None and reference.flow_id in self._by_id:
            return (self._by_id[reference.flow_id],)
        if not reference.types:
            return tuple(self._by_name.get(reference.name, ()))
        # A live flow of unknown type can be of any type.
        keys = (FlowKey(type_, reference.name) for type_ in (*reference.types, UNTYPED))
        return tuple(key for key in keys if key in self._known)
