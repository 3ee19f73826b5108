"""Reads doubtful flows by id before they count as missing or changed, because a listing may lag.

A listing shows a flow that was just created, or a version that was just published, seconds late.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.platform import Priority
from controller.domain.ports import Platform
from controller.domain.recorded import RecordedFlow, RecordedState
from controller.domain.waiting import for_each

LAG = timedelta(minutes=10)
"""Time after a record in which a listing with another version is not trusted."""


async def confirmed(
    platform: Platform,
    recorded: RecordedState,
    flows: Mapping[FlowKey, LiveFlow],
    now: datetime,
    *,
    priority: Priority = Priority.OBSERVE,
) -> dict[FlowKey, LiveFlow]:
    """The listed flows; doubtful ones are read by their recorded id, one call for each."""
    doubtful = [record for record in recorded.flows.values() if _in_doubt(record, flows.get(record.key), now)]
    found = await for_each((record.flow_id for record in doubtful), platform.at(priority).flows.get)
    return {**flows, **{flow.key: flow for flow in found if flow is not None and _fits(flow, flows)}}


def _in_doubt(record: RecordedFlow, live: LiveFlow | None, now: datetime) -> bool:
    """Whether the listing lacks the flow, or shows another version than was recorded moments ago."""
    if live is None:
        return True
    moments_ago = record.recorded_at is not None and abs(now - record.recorded_at) < LAG
    return moments_ago and live.id == record.flow_id and live.published_version != record.version


def _fits(flow: LiveFlow, flows: Mapping[FlowKey, LiveFlow]) -> bool:
    return flow.key not in flows or flows[flow.key].id == flow.id
