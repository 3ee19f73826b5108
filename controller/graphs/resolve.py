"""What a reference means: a candidate type and a name, looked up among managed and live flows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from controller.domain.identity import UNTYPED, FlowKey
from controller.domain.live import LiveState
from controller.domain.references import FlowReference


class Resolver:
    """Resolves references of one organisation. Managed and live flows count alike; the likelier type wins."""

    def __init__(self, managed: Collection[FlowKey], live: LiveState) -> None:
        self._known = frozenset(managed) | frozenset(live.flows)
        self._by_id: Mapping[str, FlowKey] = {flow.id: flow.key for flow in live.flows.values()}
        self._by_name: dict[str, list[FlowKey]] = defaultdict(list)
        for key in sorted(self._known):
            self._by_name[key.name].append(key)

    def candidates(self, reference: FlowReference) -> tuple[FlowKey, ...]:
        """The existing flows that a static reference can mean, most likely first; empty when there is none."""
        if reference.flow_id is not None and reference.flow_id in self._by_id:
            return (self._by_id[reference.flow_id],)
        if not reference.types:
            return tuple(self._by_name.get(reference.name, ()))
        # A flow whose type nobody tells can be of any type.
        keys = (FlowKey(type_, reference.name) for type_ in (*reference.types, UNTYPED))
        return tuple(key for key in keys if key in self._known)
