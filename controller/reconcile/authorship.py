"""Who moved the flows that are not as they were recorded: asked only of these, so that a look costs no more for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import structlog

from controller.domain.desired import DesiredFlow, Organization, PinnedVersion
from controller.domain.errors import PenstockError
from controller.domain.identity import FlowKey
from controller.domain.live import HandChange, LiveFlow
from controller.domain.ports import Platform
from controller.domain.recorded import RecordedState
from controller.genesys import concurrently

log = structlog.get_logger()

MOST_ASKED = 20
"""Flows whose history is asked for in one look: where more moved at once, one deed moved them, and they tell it."""


async def hand_changes(
    platform: Platform,
    organization: Organization,
    recorded: RecordedState,
    flows: Mapping[FlowKey, LiveFlow],
    delivered: Collection[FlowKey],
) -> dict[FlowKey, HandChange]:
    """The last deed on each managed flow that somebody else moved. What cannot be told is left out, and no fault.

    Of what was `delivered`, and is only not recorded yet, it is known who moved it.
    """
    others = (each for each in organization.flows if each.key not in delivered)
    moved = sorted(each.key for each in others if _is_moved(each, recorded, flows))[:MOST_ASKED]

    async def one(key: FlowKey) -> HandChange | None:
        try:
            return await platform.flows.last_change(flows[key].id)
        except PenstockError as error:
            log.info("history.unread", organization=organization.name, flow=str(key), error=error.message)
            return None

    found = await concurrently(one(key) for key in moved)
    return {key: change for key, change in zip(moved, found, strict=True) if change is not None}


def _is_moved(desired: DesiredFlow, recorded: RecordedState, flows: Mapping[FlowKey, LiveFlow]) -> bool:
    """Another version is live than was recorded and than is asked for, or none at all."""
    record, live = recorded.flows.get(desired.key), flows.get(desired.key)
    if record is None or live is None:
        return False
    wanted = desired.source.version if isinstance(desired.source, PinnedVersion) else record.version
    return live.published_version not in (record.version, wanted)
