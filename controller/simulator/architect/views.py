"""Renders the organisation's values as models of the API: `Flow`, `FlowVersion`, `Operation`, listings.

Source: the models of Genesys' Python SDK. Fields without a value are left out, as in the API.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from math import ceil
from typing import TypeVar
from urllib.parse import urlencode

from controller.simulator.call import ServedCall
from controller.simulator.content import language
from controller.simulator.flow import Action, Actor, SimulatedDraft, SimulatedFlow, SimulatedOperation, Version
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.resources.inventory import resource_id
from controller.simulator.state import SimulatedJob, SimulatedMessage
from controller.simulator.time import epoch_ms, iso

JSON = dict[str, object]
T = TypeVar("T")


def by(actor: Actor, person_field: str, client_field: str) -> JSON:
    """The actor under its field: people and clients have different ones."""
    field, uri = (person_field, "users") if actor.person else (client_field, "oauth/clients")
    return {field: {"id": actor.id, "name": actor.name, "selfUri": f"/api/v2/{uri}/{actor.id}"}}


def dates(**moments: datetime | None) -> JSON:
    """The known ones of these moments, as the API writes them."""
    return {name: iso(moment) for name, moment in moments.items() if moment}


def version_uri(a_flow: SimulatedFlow, version_id: str) -> str:
    return f"/api/v2/flows/{a_flow.id}/versions/{version_id}"


def division(organization: SimulatedOrganization, name: str) -> JSON:
    """A division. Flows without a division belong to the home division."""
    identifier = resource_id(organization, "division", name)
    return {"id": identifier, "name": name, "selfUri": f"/api/v2/authorization/divisions/{identifier}"}


def flow(organization: SimulatedOrganization, a_flow: SimulatedFlow) -> JSON:
    """A `Flow`. The type is upper-case here and lower-case in queries, as in the API."""
    shown: JSON = {
        "id": a_flow.id,
        "name": a_flow.name,
        "division": division(organization, a_flow.division),
        "description": a_flow.description,
        "type": a_flow.type.upper(),
        "active": a_flow.live is not None,
        "system": False,
        "deleted": a_flow.deleted,
        "selfUri": f"/api/v2/flows/{a_flow.id}",
    }
    if a_flow.lock:
        shown |= by(a_flow.lock.holder, "lockedUser", "lockedClient")
    if a_flow.latest:
        shown["checkedInVersion"] = version(a_flow, a_flow.latest)
        shown["savedVersion"] = version(a_flow, a_flow.latest)
    if a_flow.draft:
        shown["savedVersion"] = draft(a_flow, a_flow.draft)
    if a_flow.published:
        shown["publishedVersion"] = version(a_flow, a_flow.published)
        publisher = a_flow.published.published_by
        if publisher and publisher.person:
            shown |= by(publisher, "publishedBy", "")
    if a_flow.operation:
        shown["currentOperation"] = operation(a_flow.operation)
    return shown


def version(a_flow: SimulatedFlow, a_version: Version) -> JSON:
    """A `FlowVersion`: creation dates are milliseconds, publication dates ISO 8601."""
    uri = version_uri(a_flow, a_version.id)
    spoken = language(a_version.text)
    shown: JSON = {
        "id": a_version.id,
        "name": a_version.id,
        "commitVersion": a_version.id,
        "configurationVersion": a_version.id,
        "type": "PUBLISH" if a_version.published_at else "CHECKIN",
        "secure": a_flow.type == "securecall",
        "debug": False,
        "configurationUri": f"{uri}/configuration",
        "dateCreated": epoch_ms(a_version.created_at),
        "dateCheckedIn": epoch_ms(a_version.created_at),
        "dateSaved": epoch_ms(a_version.created_at),
        "supportedLanguages": [{"language": spoken, "isDefault": True}],
        "selfUri": uri,
    }
    shown |= by(a_version.created_by, "createdBy", "createdByClient")
    return shown | dates(datePublished=a_version.published_at, datePublishedEnd=a_version.published_until)


def draft(a_flow: SimulatedFlow, a_draft: SimulatedDraft) -> JSON:
    """The saved draft, as `Flow.savedVersion` shows it."""
    shown: JSON = {
        "id": a_draft.id,
        "name": a_draft.id,
        "type": "SAVE",
        "secure": False,
        "debug": False,
        "dateSaved": epoch_ms(a_draft.saved_at),
        "selfUri": version_uri(a_flow, a_draft.id),
    }
    return shown | by(a_draft.saved_by, "createdBy", "createdByClient")


def operation(an_operation: SimulatedOperation) -> JSON:
    """An `Operation`. Deactivation appears as a change of state, because only notifications have a name for it."""
    shown: JSON = {
        "id": an_operation.id,
        "complete": an_operation.complete,
        "errorDetails": [],
        "actionName": str(Action.UNLOCK if an_operation.action is Action.DEACTIVATE else an_operation.action),
        "actionStatus": an_operation.status,
    }
    shown |= by(an_operation.actor, "user", "client")
    if an_operation.complete and an_operation.problem:
        problem = an_operation.problem
        shown |= {"errorMessage": problem.message, "errorCode": problem.code, "errorMessageParams": {}}
    return shown


def job(call: ServedCall, a_job: SimulatedJob, *, uri: str, command: str) -> JSON:
    """The common fields of all jobs; messages only with `expand=messages`."""
    shown: JSON = {"id": a_job.id, "status": a_job.status(call.now), "command": command, "selfUri": f"{uri}/{a_job.id}"}
    if "messages" in call.many("expand"):
        shown["messages"] = [_message(message) for message in a_job.messages if a_job.finished(call.now)]
    return shown


def _message(message: SimulatedMessage) -> JSON:
    return {"dateTime": iso(message.at), "type": message.type, "text": message.text, "details": []}


def page(
    call: ServedCall, items: Sequence[T], show: Callable[[T], JSON], *, default: int = 25, maximum: int = 500
) -> JSON:
    """One page of a listing, with the URIs of its neighbours. Raises 400 for an invalid page."""
    size = min(call.number("pageSize", default, maximum=maximum), call.organization.settings.largest_page)
    number = call.number("pageNumber", 1)
    pages = max(1, ceil(len(items) / size))

    def uri(to: int) -> str:
        pairs = [pair for pair in call.request.query_params.multi_items() if pair[0] not in ("pageNumber", "pageSize")]
        return f"{call.request.url.path}?{urlencode([*pairs, ('pageSize', size), ('pageNumber', to)])}"

    shown: JSON = {
        "entities": [show(item) for item in items[(number - 1) * size : number * size]],
        "pageSize": size,
        "pageNumber": number,
        "total": len(items),
        "pageCount": ceil(len(items) / size),
        "firstUri": uri(1),
        "lastUri": uri(pages),
        "selfUri": uri(number),
    }
    if number < pages:
        shown["nextUri"] = uri(number + 1)
    if number > 1:
        shown["previousUri"] = uri(number - 1)
    return shown
