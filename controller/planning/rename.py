"""Changed names: the organisation would make a second flow, so the plan has to know the first."""

from __future__ import annotations

from collections.abc import Mapping

from controller.domain.desired import DesiredFlow
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow, LiveState
from controller.domain.recorded import RecordedFlow, RecordedState


def previous_keys(flows: Mapping[FlowKey, DesiredFlow], recorded: RecordedState) -> dict[FlowKey, FlowKey]:
    """For flows whose name changed, the key they had: `spec.renamedFrom`, or what the same manifest delivered last.

    A name that another manifest uses by now is nobody's previous name.
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
    """Sorts by the moment of the record, those without one first, and by name where they are equal."""
    return (record.recorded_at.timestamp() if record.recorded_at is not None else 0, record.key)


def previous_flow(key: FlowKey | None, live: LiveState) -> LiveFlow | None:
    """The live flow that still carries the previous name, where it is clear which one that is."""
    return live.flows.get(key) if key is not None and key not in live.ambiguous else None
