"""Finds the flow that a person names: by `metadata.name`, `type/name`, id, or unique name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

import structlog

from controller.domain.capabilities import ARCHITECT
from controller.domain.desired import DesiredFlow
from controller.domain.errors.organization import PermissionMissing
from controller.domain.errors.process import SettingsInvalid
from controller.domain.identity import FlowKey, FlowType
from controller.domain.live import LiveFlow
from controller.domain.platform import Priority
from controller.domain.ports import Platform
from controller.flows.suggestion import did_you_mean

log = structlog.get_logger()

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def chosen_flow(said: str, managed: Iterable[DesiredFlow], live: Iterable[LiveFlow] = ()) -> FlowKey:
    """The named flow. Raises SettingsInvalid, with a suggestion, when there is none or more than one."""
    ids = {flow.id: flow.key for flow in managed}
    live_flows = list(live)
    if said in ids:
        return ids[said]
    keys = {*ids.values(), *(flow.key for flow in live_flows)}
    by_text = {str(key): key for key in keys}
    if said in by_text:
        return by_text[said]
    found = sorted({flow.key for flow in live_flows if flow.id == said} or {key for key in keys if key.name == said})
    if len(found) > 1:
        shown = ", ".join(str(key) for key in found)
        raise SettingsInvalid(f"several flows are named {said!r}", hint=f"say which one: {shown}")
    if not found:
        hint = did_you_mean(said, {*ids, *by_text, *(key.name for key in keys)})
        names = "a flow is named by its manifest's metadata.name, by type/name, or by its name"
        raise SettingsInvalid(f"there is no flow {said!r}", hint=hint or names)
    return found[0]


async def live_flow(platform: Platform, managed: Sequence[DesiredFlow], said: str) -> LiveFlow:
    """The named flow of the organisation, in one call if `said` is unambiguous.

    Raises SettingsInvalid, with a suggestion, when there is none or more than one.
    """
    found = await _read(platform, managed, said) if platform.dialect == ARCHITECT else None
    return found or chosen_live(said, managed, (await platform.flows.listing()).flows)


def chosen_live(said: str, managed: Iterable[DesiredFlow], flows: Collection[LiveFlow]) -> LiveFlow:
    """The named flow of the listing. An id identifies a flow even if others share its name. Raises SettingsInvalid."""
    known = {flow.key for flow in flows}
    there = [flow for flow in managed if flow.key in known]
    by_id = next((flow for flow in flows if flow.id == said), None)
    if by_id is not None:
        called = next((flow.key for flow in there if flow.id == said), by_id.key)
        if called == by_id.key:
            return by_id
        hint = f"say which one: {by_id.key} or {called}"
        raise SettingsInvalid(f"{said!r} is the id of one flow and the manifest of another", hint=hint)
    key = chosen_flow(said, there, flows)
    found = [flow for flow in flows if flow.key == key]
    if len(found) > 1:
        ids = ", ".join(sorted(flow.id for flow in found))
        raise SettingsInvalid(f"{len(found)} flows are {key}", hint=f"say which one by its id: {ids}")
    return found[0]


async def flow_id(platform: Platform, managed: Sequence[DesiredFlow], said: str) -> str:
    """The id of the named flow, without a listing if the name is an id. Raises SettingsInvalid.

    A client of the versioned dialect without the right to list flows (flow:view) must give the id: a name that is in no
    manifest counts as an id.
    """
    if platform.dialect == ARCHITECT:
        return (await live_flow(platform, managed, said)).id
    desired = next((flow for flow in managed if said in (flow.id, flow.flow_id)), None)
    if desired is not None and desired.flow_id is not None:
        return desired.flow_id
    if desired is None and _ID.fullmatch(said):
        return said
    try:
        return (await live_flow(platform, managed, said)).id
    except PermissionMissing:
        if desired is not None or any(said in (str(flow.key), flow.key.name) for flow in managed):
            raise
        log.warning("flow.taken-for-an-id", flow=said, hint="the client may not list flows (flow:view)")
        return said


async def _read(platform: Platform, managed: Sequence[DesiredFlow], said: str) -> LiveFlow | None:
    """The flow with this metadata.name, type/name or id; None for any other name or a missing flow."""
    desired = next((flow for flow in managed if flow.id == said), None)
    if desired is not None:
        return await platform.at(Priority.OBSERVE).flows.find(desired.key)
    kind, _, name = said.partition("/")
    if name and kind in set(FlowType):
        return await platform.at(Priority.OBSERVE).flows.find(FlowKey(kind, name))
    return await platform.at(Priority.OBSERVE).flows.get(said) if _ID.fullmatch(said) else None
