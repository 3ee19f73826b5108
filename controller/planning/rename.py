"""Finds the previous names of renamed flows, because the organisation would create a second flow."""

from __future__ import annotations

from collections.abc import Mapping

from controller.domain.desired import DesiredFlow
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow, LiveState
from controller.domain.recorded import RecordedFlow, RecordedState


def previous_keys(flows: Mapping[FlowKey, DesiredFlow], recorded: RecordedState) -> dict[FlowKey, FlowKey]:
    """Previous keys of renamed flows: from `spec.renamedFrom`, else the flow last delivered from the manifest.

    A name that another manifest uses now is not a previous name.
    """
    delivered = {(record.manifest, record.key.type): record.key for record in sorted(recorded.flows.values(), key=_age)}
    found: dict[FlowKey, FlowKey] = {}
    for key, flow in flows.items():
        if flow.previous_name is not None:
            previous: FlowKey | None = FlowKey(key.type, flow.previous_name)
        else:
            previous = delivered.get((flow.id, key.type)) if key not in recorded.flows else None
        if previous is not None and previous != key and previous not in flows:
            found[key] = previous
    return found


def _age(record: RecordedFlow) -> tuple[float, FlowKey]:
    """Sort key: time of the record (records without one first), then flow key."""
    return (record.recorded_at.timestamp() if record.recorded_at is not None else 0, record.key)


def previous_flow(key: FlowKey | None, live: LiveState) -> LiveFlow | None:
    """The live flow that still has the previous name, unless the name is ambiguous."""
    return live.flows.get(key) if key is not None and key not in live.ambiguous else None
