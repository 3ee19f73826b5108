"""Renders resources as models of the API. Source: the models of Genesys' Python SDK."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from controller.simulator.architect import views
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.resources.inventory import resource_id
from controller.simulator.resources.kinds import KINDS
from controller.simulator.resources.resource import SimulatedResource
from controller.simulator.time import iso

JSON = views.JSON


def shown(organization: SimulatedOrganization, resource: SimulatedResource) -> JSON:
    """The resource as listings and single reads show it, without what must be asked for."""
    kind = KINDS[resource.kind]
    moments = (resource.created_at, resource.changed_at or resource.created_at)
    built: JSON = {
        **DEFAULTS.get(kind.name, {}),
        **resource.fields,
        "id": resource.id,
        "name": resource.name,
        **({"division": views.division(organization, resource.division)} if kind.divided else {}),
        **{field: iso(at) for field, at in zip(kind.dates, moments, strict=True) if field},
        "selfUri": f"{kind.uri}/{resource.id}",
    }
    complement = _COMPLEMENTS.get(kind.name)
    return built | complement(organization, resource) if complement else built


def _data_action(organization: SimulatedOrganization, action: SimulatedResource) -> JSON:
    """The integration is the given one, or the one that has the name of the category."""
    integration = action.fields.get("integrationId") or resource_id(organization, "integration", action.parent)
    return {"category": action.parent, "integrationId": integration}


def _division(organization: SimulatedOrganization, division: SimulatedResource) -> JSON:
    home = division.id == organization.division_id
    default = "Home Division" if home else ""
    return {"homeDivision": home, "description": division.fields.get("description", default)}


def _outcome(_: SimulatedOrganization, outcome: SimulatedResource) -> JSON:
    """An outcome without a description shows a space. Source: Genesys' Terraform provider, `readFlowOutcome`."""
    return {"description": outcome.fields.get("description") or " "}


def _queue(_: SimulatedOrganization, queue: SimulatedResource) -> JSON:
    members = sum("user" in part for part in queue.parts.values())
    return {"memberCount": members, "userMemberCount": members}


def _response(organization: SimulatedOrganization, response: SimulatedResource) -> JSON:
    if not response.parent:
        return {"libraries": response.fields.get("libraries", [])}
    library = resource_id(organization, "response-library", response.parent)
    return {
        "libraries": [{"id": library, "name": response.parent, "selfUri": f"{KINDS['response-library'].uri}/{library}"}]
    }


def _script(_: SimulatedOrganization, script: SimulatedResource) -> JSON:
    return {"versionId": script.fields.get("versionId", script.id), "publishedDate": iso(script.created_at)}


def _bot(_: SimulatedOrganization, bot: SimulatedResource) -> JSON:
    return {"botType": bot.fields.get("botType", "GenesysBotConnector")}


def _survey_form(_: SimulatedOrganization, form: SimulatedResource) -> JSON:
    """All versions of a form have one context; here a form has one version."""
    return {"contextId": form.id}


def _user(_: SimulatedOrganization, user: SimulatedResource) -> JSON:
    address = user.fields.get("email") or f"{'.'.join(user.name.lower().split())}@example.com"
    return {"email": address, "username": address}


_COMPLEMENTS: Mapping[str, Callable[[SimulatedOrganization, SimulatedResource], JSON]] = {
    "bot-connector": _bot,
    "data-action": _data_action,
    "division": _division,
    "flow-outcome": _outcome,
    "queue": _queue,
    "response": _response,
    "script": _script,
    "survey-form": _survey_form,
    "user": _user,
}


_ALERT = {"alertingTimeoutSeconds": 30, "serviceLevel": {"percentage": 0.8, "durationMs": 20_000}}
_QUEUE: Mapping[str, object] = {
    "description": "",
    "memberCount": 0,
    "userMemberCount": 0,
    "joinedMemberCount": 0,
    "mediaSettings": dict.fromkeys(("call", "callback", "chat", "email", "message"), _ALERT),
    "acwSettings": {"wrapupPrompt": "OPTIONAL"},
    "skillEvaluationMethod": "ALL",
    "autoAnswerOnly": True,
    "enableManualAssignment": False,
    "enableTranscription": False,
}
_ACTION: Mapping[str, object] = {"version": 1, "secure": False}
_INTEGRATION: Mapping[str, object] = {
    "intendedState": "ENABLED",
    "integrationType": {"id": "custom-rest-actions", "selfUri": "/api/v2/integrations/types/custom-rest-actions"},
    "reportedState": {"code": "ACTIVE", "effective": "Active"},
}
_SCHEDULE: Mapping[str, object] = {
    "version": 1,
    "state": "active",
    "start": "2020-01-01T09:00:00.000000",
    "end": "2020-01-01T17:00:00.000000",
    "rrule": "FREQ=DAILY;INTERVAL=1",
}
_SCHEDULE_GROUP: Mapping[str, object] = {"version": 1, "state": "active", "openSchedules": []}
_EMERGENCY: Mapping[str, object] = {"version": 1, "state": "active", "enabled": False, "emergencyCallFlows": []}
_ACTIVE: Mapping[str, object] = {"state": "active", "version": "1"}
_CONTACTS: Mapping[str, object] = {"version": 1, "columnNames": ["Phone"], "phoneColumns": []}
_KNOWLEDGE: Mapping[str, object] = {"coreLanguage": "en-US", "published": True, "faqCount": 0, "articleCount": 0}
_SURVEY: Mapping[str, object] = {"published": True, "disabled": False, "language": "en-US", "questionGroups": []}
_GROUP: Mapping[str, object] = {
    "state": "active",
    "type": "official",
    "visibility": "public",
    "memberCount": 0,
    "rulesVisible": True,
}
_USER: Mapping[str, object] = {"state": "active", "version": 1, "acdAutoAnswer": False}
_LATEST: Mapping[str, object] = {"status": "Published", "latestProductionReadyVersion": {"version": "1"}}
DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "queue": _QUEUE,
    "integration": _INTEGRATION,
    "data-action": _ACTION,
    "data-table": {"description": ""},
    "schedule": _SCHEDULE,
    "schedule-group": _SCHEDULE_GROUP,
    "emergency-group": _EMERGENCY,
    "skill": _ACTIVE,
    "language-skill": _ACTIVE,
    "flow-milestone": {"description": ""},
    "contact-list": _CONTACTS,
    "knowledge-base": _KNOWLEDGE,
    "survey-form": _SURVEY,
    "group": _GROUP,
    "user": _USER,
    "response-library": {"version": 1},
    "response": {"version": 1, "texts": []},
    "guide": _LATEST,
    "virtual-agent": _LATEST,
    "grammar": {"description": "", "languages": []},
}
"""By kind."""
