"""Renders the execution data file of one execution, as Genesys does: `{"flow": {…, "execution": […]}}`.

The format follows the sample in Genesys' resource centre (historical flow execution data).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from controller.simulator.execution import CHARACTERISTICS, Execution
from controller.simulator.execution_path import JSON, WalkStep, walk
from controller.simulator.flow import SimulatedFlow
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.time import iso

_FIELDS = {
    "inputData": "executionInputOutputs",
    "outputData": "executionInputOutputs",
    "variables": "variables",
    "outputVariables": "variables",
    "statements": "variables",
    "audio": "communications",
    "errors": "eventError",
    "warnings": "eventWarning",
}
"""The characteristic of each field of a step. Fields without one are always present."""
_FRAME = ("startedFlow", "endedFlow")
"""Events that are assumed to be recorded at every level."""


def recorded(steps: Iterable[WalkStep], on: Mapping[str, bool]) -> list[WalkStep]:
    """The recorded parts of the steps with only these characteristics on."""
    kept = [step for step in steps if step.event in _FRAME or on[_characteristic(step.event)]]
    return [WalkStep(step.event, _payload(step.payload, on), recorded(step.nested, on)) for step in kept]


def _characteristic(event: str) -> str:
    if not event.startswith("event"):
        return "executionItems"
    return event if event in ("eventError", "eventWarning") else "eventOther"


def _payload(payload: JSON, on: Mapping[str, bool]) -> JSON:
    kept = {field: value for field, value in payload.items() if field not in _FIELDS or on[_FIELDS[field]]}
    return kept if on["names"] else _nameless(kept)


def _nameless(value: JSON) -> JSON:
    return {field: _without_names(item) for field, item in value.items() if not field.endswith("Name")}


def _without_names(value: object) -> object:
    if isinstance(value, dict):
        return _nameless(value)
    if isinstance(value, list):
        return [_without_names(item) for item in value]
    return value


def render(organization: SimulatedOrganization, flow: SimulatedFlow, execution: Execution) -> JSON:
    """The whole file, limited to the log level that applied when the execution ended."""
    version = organization.version(flow, execution.version)
    setting = organization.state.execution_data.at(flow.id, execution.ended_at)
    steps = recorded(walk(organization, version, execution), setting.characteristics)
    shown: JSON = {
        "conversationId": execution.conversation_id or None,
        "division": {"id": organization.division_id},
        "executionId": execution.id,
        "flowId": flow.id,
        "flowName": flow.name,
        "flowType": flow.type,
        "flowVersion": execution.version,
        "flowIsDebug": False,
        "isSecure": flow.type == "securecall",
        "isTruncated": False,
        "startDateTime": iso(execution.started_at),
        "endDateTime": iso(execution.ended_at),
        "executionInfo": {
            "logLevel": setting.level.lower(),
            "characteristics": {
                f"flow{name[0].upper()}{name[1:]}": setting.characteristics[name] for name in CHARACTERISTICS
            },
        },
        "execution": _timed(steps, execution.started_at, execution.ended_at),
    }
    if not setting.characteristics["names"]:
        del shown["flowName"]
    return {"flow": shown}


def _timed(steps: list[WalkStep], begin: datetime, end: datetime) -> list[JSON]:
    """Spread the steps, nested ones included, evenly over the time of the execution."""
    total = sum(step.size for step in steps)
    pace = (end - begin) / max(1, total)
    shown: list[JSON] = []
    at = begin
    for step in steps:
        payload: JSON = {"dateTime": iso(at), **step.payload}
        if step.nested:
            payload["execution"] = _timed(step.nested, at, at + pace * step.size)
        shown.append({step.event: payload})
        at += pace * step.size
    return shown
