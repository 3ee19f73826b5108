"""Login, the organisation itself, the caller's token, roles and permitted divisions, and limits."""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta
from urllib.parse import parse_qs

from starlette.responses import Response

from controller.simulator.architect import views
from controller.simulator.call import ServedCall, ServedEndpoint, answer
from controller.simulator.faults import FaultKind
from controller.simulator.problem import not_found
from controller.simulator.resources.inventory import HOME, resources_of
from controller.simulator.resources.kinds import KINDS
from controller.simulator.resources.resource import SimulatedResource
from controller.simulator.resources.shapes import shown
from controller.simulator.settings import SimulatedClient
from controller.simulator.time import iso


def grant_token(call: ServedCall) -> Response:
    """`POST /oauth/token`: Basic credentials or form fields, `grant_type=client_credentials`."""
    form = parse_qs(call.raw.decode("utf-8", "replace"), keep_blank_values=True)
    if call.request.headers.get("content-type", "").split(";")[0].strip() != "application/x-www-form-urlencoded":
        return _refused(400, "invalid_request", "the request must be form-encoded")
    grant = form.get("grant_type", [""])[0]
    if grant != "client_credentials":
        return _refused(400, "unsupported_grant_type", f"grant type '{grant}' is not supported")
    client_id, secret = _credentials(call, form)
    simulator = call.simulator
    client = call.client = simulator.clients.get(client_id)
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
    """An OAuth error. Clients join `error` and `error_description`, so neither contains the other."""
    return answer({"error": error, "description": description, "error_description": description}, status)


_LIMITS = {"flow.version.count.max": 1_000, "flow.count.max": 3_000, "flow.milestone.count.max": 1_000}
"""Invented numbers: the namespace exists, but its values are not documented."""
_PRODUCT = "simulator"
"""An invented id: Genesys' ids are not documented."""


def me(call: ServedCall) -> Response:
    """`GET /api/v2/organizations/me`."""
    organization = call.organization
    return answer(
        {
            "id": organization.id,
            "name": call.simulator.settings.organization,
            "defaultLanguage": "en-us",
            "defaultCountryCode": "US",
            "domain": "simulator",
            "version": 1,
            "state": "active",
            "productPlatform": "GenesysCloud",
            "features": {"realtimeCIC": True},
            "selfUri": f"/api/v2/organizations/{organization.id}",
        }
    )


def own_token(call: ServedCall) -> Response:
    """`GET /api/v2/tokens/me`."""
    organization = {"id": call.organization.id, "name": call.simulator.settings.organization}
    shown = {
        "organization": organization,
        "homeOrganization": organization,
        "authorizedScope": [],
        "dateTokenIdles": iso(call.now + timedelta(hours=1)),
        "OAuthClient": {
            "id": call.actor.id,
            "name": call.actor.name,
            "authorizedGrantType": "CLIENT-CREDENTIALS",
            "organization": organization,
        },
    }
    return answer(shown)


def subject(call: ServedCall) -> Response:
    """`GET /api/v2/authorization/subjects/me`: the caller, with a role in each of its divisions, or in Home for all."""
    role_id = call.organization.identifier("role", call.actor.id)
    full = (call.text("includeFullRoles") or "true").lower() == "true"
    role: views.JSON = {
        "id": role_id,
        "name": f"Role of {call.actor.name}",
        "default": False,
        "selfUri": f"/api/v2/authorization/roles/{role_id}",
        **({"policies": _policies(call.client.permissions if call.client else frozenset())} if full else {}),
    }
    made_at = iso(call.now - timedelta(days=1))
    limits = call.client.divisions if call.client else None
    grants = [
        {
            "subjectId": call.actor.id,
            "division": shown(call.organization, division),
            "role": role,
            "grantMadeAt": made_at,
        }
        for division in resources_of(call.organization, KINDS["division"])
        if (division.name == HOME if limits is None else division.name in limits)
    ]
    return answer(
        {
            "id": call.actor.id,
            "name": call.actor.name,
            "grants": grants,
            "version": 1,
            "selfUri": f"/api/v2/authorization/subjects/{call.actor.id}",
        }
    )


def _policies(permissions: frozenset[str] | None) -> list[views.JSON]:
    """`architect:flow:view` as domain, entity and action. Scopes of the versioned dialect are in no role."""
    if permissions is None:
        return [{"domain": "*", "entityName": "*", "actions": ["*"]}]
    granted: dict[tuple[str, str], list[str]] = {}
    for permission in sorted(permissions):
        domain, _, rest = permission.partition(":")
        entity, found, action = rest.partition(":")
        if found:
            granted.setdefault((domain, entity), []).append(action)
    return [
        {"domain": domain, "entityName": entity, "actions": actions} for (domain, entity), actions in granted.items()
    ]


def token_is_valid(_: ServedCall) -> Response:
    """`HEAD /api/v2/tokens/me`: whether the token is valid, as the official SDKs check it."""
    return Response(status_code=200)


def products(_: ServedCall) -> Response:
    """`GET /api/v2/authorization/products`: the first request of the Terraform provider."""
    return answer({"entities": [{"id": _PRODUCT}], "pageSize": 25, "pageNumber": 1, "total": 1, "pageCount": 1})


def revoke(call: ServedCall) -> Response:
    """`DELETE /api/v2/tokens/me`."""
    call.simulator.tokens.revoke(call.request.headers["authorization"].partition(" ")[2].strip())
    return Response(status_code=204)


def limits(call: ServedCall) -> Response:
    """`GET /api/v2/organizations/limits/namespaces/architect`, and its defaults."""
    if call.path["namespace"] != "architect":
        raise not_found()
    entities = [{"key": key, "namespace": "architect", "value": value} for key, value in _LIMITS.items()]
    return answer({"entities": entities})


def _permitted(call: ServedCall) -> list[SimulatedResource]:
    """The divisions in which the caller has the permission of the query. Raises 400 without one."""
    permission, client = call.required("permission"), call.client
    divisions = resources_of(call.organization, KINDS["division"])
    if client is None or not client.holds(permission):
        return []
    return [one for one in divisions if client.holds_in(one.name)]


def permitted_pages(call: ServedCall) -> Response:
    """`GET …/paged/me?permission=`: `allDivsPermitted` tells that no division is left out."""
    found = _permitted(call)
    page = views.page(call, found, lambda one: shown(call.organization, one))
    everywhere = call.client is not None and call.client.divisions is None and bool(found)
    return answer(page | {"allDivsPermitted": everywhere})


def permitted(call: ServedCall) -> Response:
    """`GET …/me?permission=&name=`: all at once; deprecated by Genesys."""
    part = (call.text("name") or "").lower()
    found = [one for one in _permitted(call) if part in one.name.lower()]
    return answer([shown(call.organization, one) for one in found])


_LIMITS_URI = "/api/v2/organizations/limits/namespaces/{namespace}"
_PERMITTED_URI = "/api/v2/authorization/divisionspermitted"
LOGIN = (ServedEndpoint("POST", "/oauth/token", grant_token, open=True),)
ENDPOINTS = (
    ServedEndpoint("GET", "/api/v2/organizations/me", me),
    ServedEndpoint("GET", "/api/v2/tokens/me", own_token),
    ServedEndpoint("HEAD", "/api/v2/tokens/me", token_is_valid),
    ServedEndpoint("DELETE", "/api/v2/tokens/me", revoke),
    ServedEndpoint("GET", "/api/v2/authorization/products", products),
    ServedEndpoint("GET", "/api/v2/authorization/subjects/me", subject),
    ServedEndpoint("GET", f"{_PERMITTED_URI}/paged/me", permitted_pages),
    ServedEndpoint("GET", f"{_PERMITTED_URI}/me", permitted),
    ServedEndpoint("GET", _LIMITS_URI, limits),
    ServedEndpoint("GET", f"{_LIMITS_URI}/defaults", limits),
)
