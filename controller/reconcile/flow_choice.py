"""Which flow a person means: its `metadata.name`, its `type/name`, its id, or a name that only one flow has."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from controller.domain.capabilities import ARCHITECT
from controller.domain.desired import DesiredFlow
from controller.domain.errors import SettingsInvalid
from controller.domain.identity import FlowKey, FlowType
from controller.domain.live import LiveFlow
from controller.domain.platform import Platform, Priority
from controller.flows.suggestion import did_you_mean

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def chosen_flow(said: str, managed: Iterable[DesiredFlow], live: Iterable[LiveFlow] = ()) -> FlowKey:
    """The flow that is meant. Raises SettingsInvalid, with a near miss, when there is none or more than one."""
    ids = {flow.id: flow.key for flow in managed}
    seen = list(live)
    if said in ids:
        return ids[said]
    keys = {*ids.values(), *(flow.key for flow in seen)}
    by_text = {str(key): key for key in keys}
    if said in by_text:
        return by_text[said]
    found = sorted({flow.key for flow in seen if flow.id == said} or {key for key in keys if key.name == said})
    if len(found) > 1:
        shown = ", ".join(str(key) for key in found)
        raise SettingsInvalid(f"several flows are named {said!r}", hint=f"say which one: {shown}")
    if not found:
        raise _unknown(said, {*ids, *by_text, *(key.name for key in keys)})
    return found[0]


async def live_flow(platform: Platform, managed: Sequence[DesiredFlow], said: str) -> LiveFlow:
    """The flow of the organisation that is meant, in one call where what was said names just one flow.

    Raises SettingsInvalid, with a near miss, when there is none or more than one.
    """
    found = await _read(platform, managed, said) if platform.dialect == ARCHITECT else None
    if found is not None:
        return found
    flows = (await platform.list_flows()).flows
    known = {flow.key: flow for flow in flows}
    return known[chosen_flow(said, [flow for flow in managed if flow.key in known], flows)]


async def _read(platform: Platform, managed: Sequence[DesiredFlow], said: str) -> LiveFlow | None:
    """The flow with this metadata.name, type/name or id; None where it is another word for one, or there is none."""
    desired = next((flow for flow in managed if flow.id == said), None)
    if desired is not None:
        return await platform.find_flow(desired.key, priority=Priority.OBSERVE)
    kind, _, name = said.partition("/")
    if name and kind in set(FlowType):
        return await platform.find_flow(FlowKey(kind, name), priority=Priority.OBSERVE)
    return await platform.get_flow(said, priority=Priority.OBSERVE) if _ID.fullmatch(said) else None


def _unknown(said: str, known: Collection[str]) -> SettingsInvalid:
    hint = did_you_mean(said, known) or "a flow is named by its manifest's metadata.name, by type/name, or by its name"
    return SettingsInvalid(f"there is no flow {said!r}", hint=hint)
