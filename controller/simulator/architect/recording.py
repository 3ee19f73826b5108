"""Settings of execution data: the organisation's switch, and log levels by default and per flow."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from controller.simulator.architect import views
from controller.simulator.call import ServedCall, ServedEndpoint, answer
from controller.simulator.execution import CHARACTERISTICS, DEPENDS_ON, LogSetting, SimulatedLogLevel, defaults, minimum
from controller.simulator.flow import SimulatedFlow
from controller.simulator.problem import bad_request, not_found

_SETTINGS = "/api/v2/flows/instances/settings"
_FLOW = "/api/v2/flows/{flowId}/instances/settings/loglevels"


def get_switch(call: ServedCall) -> Response:
    """`GET …/executiondata`."""
    settings = call.organization.state.execution_data
    shown: views.JSON = {
        "id": call.organization.identifier("executiondata"),
        "name": "executiondata",
        "enabled": settings.enabled,
        "selfUri": f"{_SETTINGS}/executiondata",
    }
    return answer(shown | views.dates(dateModified=settings.modified_at))


def switch(call: ServedCall) -> Response:
    """`PATCH …/executiondata`: once enabled, only versions published later have data."""
    enabled = call.json().get("enabled")
    if not isinstance(enabled, bool):
        raise bad_request("[enabled] must be true or false.")
    settings = call.organization.state.execution_data
    if enabled and not settings.enabled:
        settings.enabled_since = call.now
    settings.enabled, settings.modified_at = enabled, call.now
    return get_switch(call)


def get_default(call: ServedCall) -> Response:
    return answer(_shown(call, call.organization.state.execution_data.default, None))


def set_default(call: ServedCall) -> Response:
    call.organization.state.execution_data.change(None, _wanted(call), call.now)
    return get_default(call)


def reset_default(call: ServedCall) -> Response:
    call.organization.state.execution_data.change(None, None, call.now)
    return Response(status_code=204)


def get_level(call: ServedCall) -> Response:
    """The level of a flow or the default. Raises 404 for a flow without a level of its own."""
    flow = call.flow()
    return answer(_shown(call, _own(call, flow), flow))


def add_level(call: ServedCall) -> Response:
    """`POST …/loglevels`: replaces an existing level."""
    call.organization.state.execution_data.change(call.flow().id, _wanted(call), call.now)
    return get_level(call)


def change_level(call: ServedCall) -> Response:
    """`PUT …/loglevels`. Raises 404 if there is no level to change."""
    _own(call, call.flow())
    return add_level(call)


def _own(call: ServedCall, flow: SimulatedFlow) -> LogSetting:
    own = call.organization.state.execution_data.flows.get(flow.id)
    if own is None:
        raise not_found(f"Flow '{flow.name}' has no log level of its own.")
    return own


def reset_level(call: ServedCall) -> Response:
    call.organization.state.execution_data.change(call.flow().id, None, call.now)
    return Response(status_code=204)


def list_levels(call: ServedCall) -> Response:
    """Flows with a level of their own."""
    own = call.organization.state.execution_data.flows
    flows = [call.organization.state.flows[flow_id] for flow_id in own]
    return answer(views.page(call, flows, lambda flow: _shown(call, own[flow.id], flow), maximum=200))


def characteristics(_: ServedCall) -> Response:
    """The levels that can record each characteristic, and the defaults of each level."""
    found = [
        {
            "id": name,
            "minimumLevel": str(minimum(name)),
            "dependsOn": {DEPENDS_ON[name]: True} if name in DEPENDS_ON else {},
        }
        for name in CHARACTERISTICS
    ]
    shown = [{"level": str(level), "characteristics": defaults(level)} for level in SimulatedLogLevel]
    return answer({"logLevels": shown, "characteristics": found})


def _wanted(call: ServedCall) -> LogSetting:
    """The setting in the body. Raises 400. Characteristics beyond the level stay off, as the answer shows."""
    body = call.json().get("logLevelCharacteristics")
    level = body.get("level") if isinstance(body, dict) else None
    if not isinstance(body, dict) or level not in list(SimulatedLogLevel):
        raise bad_request("[logLevelCharacteristics.level] must be one of " + ", ".join(SimulatedLogLevel))
    given = body.get("characteristics")
    if given is not None and not isinstance(given, dict):
        raise bad_request("[logLevelCharacteristics.characteristics] must be an object.")
    possible = defaults(SimulatedLogLevel(level))
    chosen = {name: on and _flag(given or {}, name) for name, on in possible.items()}
    for name, needed in DEPENDS_ON.items():
        chosen[name] = chosen[name] and chosen[needed]
    return LogSetting(SimulatedLogLevel(level), chosen, call.now)


def _flag(given: Mapping[str, object], name: str) -> bool:
    """A given characteristic, on by default. Raises 400."""
    value = given.get(name)
    if value is not None and not isinstance(value, bool):
        raise bad_request(f"[logLevelCharacteristics.characteristics.{name}] must be true or false.")
    return value is not False


def _shown(call: ServedCall, setting: LogSetting, flow: SimulatedFlow | None) -> views.JSON:
    shown: views.JSON = {
        "id": flow.id if flow else call.organization.identifier("loglevel"),
        "name": flow.name if flow else "default",
        "logLevelCharacteristics": {"level": str(setting.level), "characteristics": setting.characteristics},
        "selfUri": _FLOW.replace("{flowId}", flow.id) if flow else f"{_SETTINGS}/loglevels/default",
    }
    return shown | ({"type": flow.type} if flow else {}) | views.dates(dateModified=setting.modified_at)


_LEVEL, _DEFAULT = "architect:flowLogLevel", "architect:flowLogLevelDefault"
_DATA = "architect:flowinstanceexecutiondata"
ENDPOINTS = (
    ServedEndpoint("GET", f"{_SETTINGS}/executiondata", get_switch, (f"{_DATA}:view",)),
    ServedEndpoint("PATCH", f"{_SETTINGS}/executiondata", switch, (f"{_DATA}:edit",)),
    ServedEndpoint("GET", f"{_SETTINGS}/loglevels", list_levels, (f"{_LEVEL}:view",)),
    ServedEndpoint("GET", f"{_SETTINGS}/loglevels/characteristics", characteristics, (f"{_LEVEL}:view",)),
    ServedEndpoint("GET", f"{_SETTINGS}/loglevels/default", get_default, (f"{_DEFAULT}:view",)),
    ServedEndpoint("PUT", f"{_SETTINGS}/loglevels/default", set_default, (f"{_DEFAULT}:edit",)),
    ServedEndpoint("DELETE", f"{_SETTINGS}/loglevels/default", reset_default, (f"{_DEFAULT}:delete",)),
    ServedEndpoint("GET", _FLOW, get_level, (f"{_LEVEL}:view",)),
    ServedEndpoint("POST", _FLOW, add_level, (f"{_LEVEL}:add",)),
    ServedEndpoint("PUT", _FLOW, change_level, (f"{_LEVEL}:edit",)),
    ServedEndpoint("DELETE", _FLOW, reset_level, (f"{_LEVEL}:delete",)),
)
