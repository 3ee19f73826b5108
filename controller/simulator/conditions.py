"""`/_simulator`: controls the organisation's environment: faults, clients, settings, tokens, time."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from controller.domain.errors.process import SettingsInvalid
from controller.flows.suggestion import did_you_mean
from controller.simulator.call import INTERNAL, ServedCall, ServedEndpoint, answer, texts
from controller.simulator.faults import parse_faults
from controller.simulator.problem import bad_request, not_found
from controller.simulator.settings import SimulatedClient, SimulatorSettings
from controller.simulator.time import iso

_SETTINGS = TypeAdapter(SimulatorSettings)
_FOREVER_S = 1e9
_FIXED = frozenset({"organization", "clients"})


def faults(call: ServedCall) -> Response:
    """`GET /_simulator/faults`: the faults, with the number of matching requests and of hits."""
    return answer({"faults": call.simulator.faults.shown()})


def set_faults(call: ServedCall) -> Response:
    """`POST /_simulator/faults`: one fault, or `{"faults": […]}`."""
    try:
        call.simulator.set_faults(*parse_faults(dict(call.json())))
    except SettingsInvalid as error:
        raise bad_request("; ".join(part for part in (error.message, error.hint) if part)) from error
    return faults(call)


def clear_faults(call: ServedCall) -> Response:
    """`DELETE /_simulator/faults`, or one of them with `?name=`."""
    name = call.text("name")
    if not call.simulator.faults.clear(name) and name:
        raise not_found(f"There is no fault named [{name}].")
    return faults(call)


def clients(call: ServedCall) -> Response:
    """`GET /_simulator/clients`, without their secrets."""
    shown = [
        {
            "id": client.id,
            "name": client.actor.name,
            "permissions": None if client.permissions is None else sorted(client.permissions),
            "divisions": None if client.divisions is None else sorted(client.divisions),
        }
        for client in call.simulator.clients.values()
    ]
    return answer({"clients": shown})


def set_client(call: ServedCall) -> Response:
    """`POST /_simulator/clients`, body `{id, secret, name?, permissions?, divisions?}`; an existing one is changed."""
    body = call.json()
    client_id, secret, name = call.string("id"), call.string("secret"), call.string("name")
    existing = call.simulator.clients.get(client_id) if client_id else None
    secret = secret or (existing.secret if existing else None)
    if client_id is None or secret is None:
        raise bad_request("A client needs an [id] and a [secret].")
    permissions, divisions = body.get("permissions"), body.get("divisions")
    call.simulator.clients[client_id] = SimulatedClient(
        client_id,
        secret,
        name or (existing.name if existing else client_id),
        None if permissions is None else frozenset(texts(permissions, "permissions")),
        None if divisions is None else frozenset(texts(divisions, "divisions")),
    )
    return clients(call)


def settings(call: ServedCall) -> Response:
    """`GET /_simulator/settings`."""
    return answer({name: value for name, value in asdict(call.simulator.settings).items() if name not in _FIXED})


def change_settings(call: ServedCall) -> Response:
    """`PATCH /_simulator/settings`: any of the settings by name."""
    changes = call.json()
    current = asdict(call.simulator.settings)
    known = set(current) - _FIXED
    for name in changes:
        if name not in known:
            hint = did_you_mean(name, known) or "GET /_simulator/settings lists them"
            raise bad_request(f"There is no setting [{name}] that can be changed; {hint}")
    try:
        call.simulator.configure(_SETTINGS.validate_python(current | dict(changes)))
    except ValidationError as error:
        mistakes = "; ".join(f"{mistake['loc'][0]}: {mistake['msg']}" for mistake in error.errors())
        raise bad_request(mistakes) from error
    return settings(call)


def expire_tokens(call: ServedCall) -> Response:
    """`POST /_simulator/tokens/expire`: all issued tokens expire now."""
    call.simulator.tokens.expire_all(call.now)
    return Response(status_code=204)


def close_channels(call: ServedCall) -> Response:
    """`POST /_simulator/channels/close`, body `{"after_s": 60}`: announce and close them, as before maintenance."""
    after_s = _seconds(call, "after_s", 60.0)
    channels = call.simulator.notifications.announce_closing(call.now + timedelta(seconds=after_s))
    return answer({"connections": channels})


def clock(call: ServedCall) -> Response:
    """`GET /_simulator/clock`: the organisation's current time."""
    return answer({"now": iso(call.now), "moved_s": call.simulator.clock.moved_s})


def move_clock(call: ServedCall) -> Response:
    """`POST /_simulator/clock`, body `{"advance_s": 60}`."""
    seconds, moved = _seconds(call, "advance_s"), call.simulator.clock
    if moved.moved_s + seconds >= _FOREVER_S:
        raise bad_request(f"The clock was moved by {moved.moved_s:g} s already; start the simulator anew.")
    moved.advance(seconds)
    call.now = call.simulator.settle()
    return clock(call)


def reset(call: ServedCall) -> Response:
    """`POST /_simulator/reset`: restore the state from the start of serving, except for the time and the tokens."""
    call.simulator.reset()
    return Response(status_code=204)


def _seconds(call: ServedCall, name: str, default: float | None = None) -> float:
    value = call.json().get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _FOREVER_S:
        raise bad_request(f"[{name}] must be a number of seconds that is not negative.")
    return float(value)


ENDPOINTS = (
    ServedEndpoint("GET", f"{INTERNAL}/faults", faults),
    ServedEndpoint("POST", f"{INTERNAL}/faults", set_faults, fields=None),
    ServedEndpoint("DELETE", f"{INTERNAL}/faults", clear_faults, filters=("name",)),
    ServedEndpoint("GET", f"{INTERNAL}/clients", clients),
    ServedEndpoint(
        "POST", f"{INTERNAL}/clients", set_client, fields=("id", "secret", "name", "permissions", "divisions")
    ),
    ServedEndpoint("GET", f"{INTERNAL}/settings", settings),
    ServedEndpoint("PATCH", f"{INTERNAL}/settings", change_settings, fields=None),
    ServedEndpoint("POST", f"{INTERNAL}/tokens/expire", expire_tokens),
    ServedEndpoint("POST", f"{INTERNAL}/channels/close", close_channels, fields=("after_s",)),
    ServedEndpoint("GET", f"{INTERNAL}/clock", clock),
    ServedEndpoint("POST", f"{INTERNAL}/clock", move_clock, fields=("advance_s",)),
    ServedEndpoint("POST", f"{INTERNAL}/reset", reset),
)
