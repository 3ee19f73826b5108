"""What a log level leaves of the steps of an execution.

Source: the characteristics' descriptions in Genesys' SDK, and the levels' in its resource centre.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from controller.simulator.walkthrough import JSON, WalkStep

_EVENTS = {"eventError": "eventError", "eventWarning": "eventWarning"}
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
"""Which characteristic a field of a step belongs to; the others are always there, with the path that was taken."""
_FRAME = ("startedFlow", "endedFlow")
"""Assumed to be recorded at every level."""


def recorded(steps: Iterable[WalkStep], characteristics: Mapping[str, bool]) -> list[WalkStep]:
    """The steps as they are recorded where only these characteristics are on."""
    return list(_recorded(steps, characteristics))


def _recorded(steps: Iterable[WalkStep], on: Mapping[str, bool]) -> Iterator[WalkStep]:
    for step in steps:
        if step.event in _FRAME or on[_characteristic(step.event)]:
            yield WalkStep(step.event, _payload(step.payload, on), recorded(step.nested, on))


def _characteristic(event: str) -> str:
    """What must be on for an event to be recorded."""
    if event.startswith("event"):
        return _EVENTS.get(event, "eventOther")
    return "executionItems"


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
