"""The organisation itself, the caller's token and roles, and limits."""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import Response

from controller.simulator.architect import views
from controller.simulator.call import ServedCall, answer
from controller.simulator.endpoint import ServedEndpoint
from controller.simulator.problem import not_found
from controller.simulator.time import iso

_LIMITS = {"flow.version.count.max": 1_000, "flow.count.max": 3_000, "flow.milestone.count.max": 1_000}
"""Not Genesys' numbers: the namespace exists, its values are not documented."""
_PRODUCT = "simulator"
"""Not one of Genesys' ids: they are not documented."""


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


def token(call: ServedCall) -> Response:
    """`GET /api/v2/tokens/me`."""
    organization = {"id": call.organization.id, "name": call.simulator.settings.organization}
    shown = {
        "organization": organization,
        "homeOrganization": organization,
        "authorizedScope": [],
        "dateTokenIdles": iso(call.now + timedelta(hours=1)),
        "OAuthClient": {"id": call.actor.id, "name": call.actor.name, "organization": organization},
    }
    return answer(shown)


def subject(call: ServedCall) -> Response:
    """`GET /api/v2/authorization/subjects/me`: who calls, with one role that grants all of its permissions."""
    role_id = call.organization.identifier("role", call.actor.id)
    full = (call.text("includeFullRoles") or "true").lower() == "true"
    role: views.JSON = {
        "id": role_id,
        "name": f"Role of {call.actor.name}",
        "default": False,
        "selfUri": f"/api/v2/authorization/roles/{role_id}",
        **({"policies": _policies(call.client.permissions if call.client else frozenset())} if full else {}),
    }
    division = views.division(call.organization, "Home") | {"description": "Home Division", "homeDivision": True}
    grant = {
        "subjectId": call.actor.id,
        "division": division,
        "role": role,
        "grantMadeAt": iso(call.now - timedelta(days=1)),
    }
    return answer(
        {
            "id": call.actor.id,
            "name": call.actor.name,
            "grants": [grant],
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
    """`HEAD /api/v2/tokens/me`: whether the token counts; the official SDKs have it."""
    return Response(status_code=200)


def products(_: ServedCall) -> Response:
    """`GET /api/v2/authorization/products`: what the Terraform provider reads before anything else."""
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


_LIMITS_URI = "/api/v2/organizations/limits/namespaces/{namespace}"
ENDPOINTS = (
    ServedEndpoint("GET", "/api/v2/organizations/me", me),
    ServedEndpoint("GET", "/api/v2/tokens/me", token),
    ServedEndpoint("HEAD", "/api/v2/tokens/me", token_is_valid),
    ServedEndpoint("DELETE", "/api/v2/tokens/me", revoke),
    ServedEndpoint("GET", "/api/v2/authorization/products", products),
    ServedEndpoint("GET", "/api/v2/authorization/subjects/me", subject),
    ServedEndpoint("GET", _LIMITS_URI, limits),
    ServedEndpoint("GET", f"{_LIMITS_URI}/defaults", limits),
)
