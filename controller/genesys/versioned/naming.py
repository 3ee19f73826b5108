"""Matches manifests to the organisation's flows (D4).

This dialect may not report the type of a flow. A manifest means the flow with its `spec.id`. Without one it means the
flow with its name; if manifest or organisation gives no type, the other's type counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from controller.domain.desired import DesiredFlow
from controller.domain.identity import UNTYPED, FlowKey
from controller.genesys.wire.versioned import FlowEntity


class FlowNames:
    """The keys that manifests give to the organisation's flows."""

    def __init__(self, flows: Iterable[DesiredFlow] = ()) -> None:
        self._by_id: dict[str, FlowKey] = {}
        self._by_name: defaultdict[str, list[FlowKey]] = defaultdict(list)
        for flow in flows:
            if flow.flow_id is not None:
                self._by_id[flow.flow_id] = flow.key
            else:
                self._by_name[flow.key.name].append(flow.key)
        self._taken = frozenset(self._by_id.values())

    def key(self, entity: FlowEntity) -> FlowKey:
        """The key of a listed flow.

        Two flows that match one manifest share its key and are ambiguous. A flow that shares only the name of a flow
        that a manifest names by id gets its id as a part of its key.
        """
        if entity.id in self._by_id:
            return self._by_id[entity.id]
        type_name = (entity.type or entity.metadata.type or UNTYPED).lower()
        own = FlowKey(type_name, entity.name)
        meant = self._meant(own)
        if meant is not None:
            return meant
        return FlowKey(type_name, f"{entity.name} ({entity.id})") if own in self._taken else own

    def _meant(self, own: FlowKey) -> FlowKey | None:
        named = self._by_name.get(own.name, ())
        fitting = [key for key in named if UNTYPED in (own.type, key.type)]
        if own in named or not fitting:
            return own if own in named else None
        return fitting[0] if len(fitting) == 1 else None
