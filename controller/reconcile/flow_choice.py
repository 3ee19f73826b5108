"""Which flow a person means: its `metadata.name`, its `type/name`, its id, or a name that only one flow has."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from controller.domain.desired import DesiredFlow
from controller.domain.errors import SettingsInvalid
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.flows.suggestion import did_you_mean


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


def _unknown(said: str, known: Collection[str]) -> SettingsInvalid:
    hint = did_you_mean(said, known) or "a flow is named by its manifest's metadata.name, by type/name, or by its name"
    return SettingsInvalid(f"there is no flow {said!r}", hint=hint)
