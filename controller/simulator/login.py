"""The token endpoint: client credentials for a bearer token."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import parse_qs

from starlette.responses import Response

from controller.simulator.call import ServedCall, answer
from controller.simulator.endpoint import ServedEndpoint
from controller.simulator.faults import FaultKind
from controller.simulator.settings import SimulatedClient


def token(call: ServedCall) -> Response:
    """`POST /oauth/token`: Basic credentials or form fields, `grant_type=client_credentials`."""
    form = parse_qs(call.raw.decode("utf-8", "replace"), keep_blank_values=True)
    if call.request.headers.get("content-type", "").split(";")[0].strip() != "application/x-www-form-urlencoded":
        return _refused(400, "invalid_request", "the request must be form-encoded")
    grant = form.get("grant_type", [""])[0]
    if grant != "client_credentials":
        return _refused(400, "unsupported_grant_type", f"grant type '{grant}' is not supported")
    client_id, secret = _credentials(call, form)
    simulator = call.simulator
    client = call.client = simulator.client(client_id)
    usage = simulator.token_limit.count(client_id, simulator.clock.monotonic())
    if usage.exceeded or call.fault({FaultKind.TOKEN_RATE_LIMITED}):
        return _refused(400, "invalid_request", f"rate limit exceeded; retry in {usage.reset_s} seconds")
    if client is None:
        return _refused(400, "invalid_client", "client not found")
    if client.secret != secret:
        return _refused(401, "invalid_client", "authentication failed")
    return _granted(call, client, form.get("scope", [""])[0])


def _granted(call: ServedCall, client: SimulatedClient, scope: str) -> Response:
    lifetime_s = call.simulator.settings.token_lifetime_s
    issued = call.simulator.tokens.issue(client, call.now, lifetime_s, scope)
    body = {"access_token": issued.value, "token_type": "bearer", "expires_in": int(lifetime_s)}
    if scope:
        body["scope"] = scope
    return answer(body, headers={"Cache-Control": "no-store"})


def _credentials(call: ServedCall, form: dict[str, list[str]]) -> tuple[str, str]:
    scheme, _, value = call.request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", [""])[0], form.get("client_secret", [""])[0]
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


def _refused(status: int, error: str, description: str) -> Response:
    """OAuth's error: clients build their own message of `error` and `error_description`, so neither holds the other."""
    return answer({"error": error, "description": description, "error_description": description}, status)


ENDPOINTS = (ServedEndpoint("POST", "/oauth/token", token, open=True),)
