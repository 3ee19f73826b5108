"""Tells which flows a change may switch to a version that they have already."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from controller.domain.desired import DesiredFlow, Organization, PinnedVersion
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.recorded import RecordedState


def switchable(
    organization: Organization,
    recorded: RecordedState,
    delivered: Collection[FlowKey],
    flows: Mapping[FlowKey, LiveFlow],
) -> list[tuple[LiveFlow, str]]:
    """The flows that a change may switch to an existing version, with that version; it is not live."""
    if organization.suspended:
        return []
    restores = delivered if not organization.sync.heal else recorded.flows.keys()
    return [
        (live, target)
        for each in organization.flows
        if not each.suspended
        and (live := flows.get(each.key))
        and (target := _target(each, recorded if each.key in restores else None))
        and live.published_version != target
    ]


def _target(flow: DesiredFlow, recorded: RecordedState | None) -> str | None:
    """The existing version that a change of this flow could make live."""
    if isinstance(flow.source, PinnedVersion):
        return flow.source.version
    record = recorded.flows.get(flow.key) if recorded is not None else None
    return record.version if record is not None else None
