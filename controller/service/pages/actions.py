"""The forms by which people steer: each says what it is about, asks for a reason, and is carried out once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.responses import RedirectResponse, Response

from controller.domain.errors.api import Forbidden, RequestForged, TooManyRequests, Unauthenticated, UnknownResource
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.delivery import NotConfirmed
from controller.domain.page_addresses import flow_address, organization_address, with_query
from controller.questions.steering import accept, approve, ask, resume, suspend
from controller.questions.stored_plan import plan_now
from controller.service.access.writes import RequestedWrite
from controller.service.pages.asked import Asked
from controller.service.pages.organization_frame import organization_page, seen
from controller.store.actions import NewAction, Verb
from controller.store.views import FlowView, OrganizationView

_LONGEST: Final = 1000
_LONGEST_KEY: Final = 200


@dataclass(frozen=True, slots=True)
class Form:
    """What the form of an action says."""

    title: str
    effect: str
    """What will happen."""
    button: str
    about_flow: bool = False
    about_plan: bool = False
    grave: bool = False
    """Whether it changes what callers hear."""


_FORMS: Final[Mapping[str, Form]] = {
    "sync": Form(
        "Sync", "The controller looks at all flows and delivers this plan, if it is still the plan then.", "Sync",
        about_plan=True,
    ),
    "approve": Form(
        "Approve the plan", "The controller delivers this plan and no other.", "Approve", about_plan=True
    ),
    "suspend": Form("Suspend", "No new delivery begins until somebody resumes. What runs goes on.", "Suspend"),
    "resume": Form("Resume", "Deliveries may begin again.", "Resume"),
    "accept": Form(
        "Accept the version", "The version that is live stays, although its gates did not decide.", "Accept",
        about_flow=True,
    ),
    "retry": Form("Try again", "The quarantine of the flow is lifted, and the plan is delivered.", "Try again",
        about_flow=True),
    "rollback": Form(
        "Roll back", "The version before becomes live again. The next sync does not undo this until git changes.",
        "Roll back", about_flow=True, grave=True,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Subject:
    """What one action is about."""

    verb: str
    form: Form
    view: OrganizationView
    flow: FlowView | None
    digest: str | None
    version: str | None


async def confirm(asked: Asked) -> Response:
    """`GET /organizations/{organization}/actions/{verb}`: the form."""
    return await asyncio.to_thread(lambda: _form(asked, _subject(asked, asked.query)))


async def act(asked: Asked) -> Response:
    """`POST` to the same address: carries it out, or shows the form again with what is wrong."""
    subject = await asyncio.to_thread(_subject, asked, lambda name: asked.form.get(name, "").strip())
    reason = asked.form.get("reason", "").strip()[:_LONGEST]
    flow = subject.flow
    wanted = RequestedWrite(
        verb=subject.verb,
        organization=asked.organization,
        flow=None if flow is None else f"{flow.type}/{flow.name}",
        reason=reason,
        details={name: value for name, value in (("plan", subject.digest), ("version", subject.version)) if value},
    )
    try:
        if not reason:
            raise NotConfirmed("a reason is missing", hint="say why, for those who read the audit log")
        await asked.window.access.write(
            asked.request,
            wanted,
            lambda person: _carry_out(asked, subject, by=person.name, reason=reason),
        )
    except (RequestForged, TooManyRequests, Unauthenticated, Forbidden):
        raise
    except PenstockError as error:
        return await asyncio.to_thread(_form, asked, subject, reason, error)
    asked.window.nudge(asked.organization, f"{subject.verb} by {asked.person.name}")
    there = organization_address(asked.organization)
    if flow is not None:
        there = flow_address(asked.organization, flow.flow)
    return RedirectResponse(with_query(there, {"done": subject.verb}), HTTPStatus.SEE_OTHER)


def _subject(asked: Asked, given: Callable[[str], str]) -> _Subject:
    """Raises UnknownResource for an action, an organisation or a flow that there is not."""
    verb = asked.request.path_params["verb"]
    form = _FORMS.get(verb)
    if form is None:
        raise UnknownResource(f"There is no action {verb}.")
    view = seen(asked)
    flow = None
    if form.about_flow:
        flow = asked.window.services.store.views.flow(asked.organization, given("flow"))
        if flow is None:
            raise UnknownResource(f"There is no flow {given('flow')} in {asked.organization}.")
    digest = (given("digest") or None) if form.about_plan else None
    return _Subject(verb, form, view, flow, digest, given("version") or None)


def _form(asked: Asked, subject: _Subject, reason: str = "", error: PenstockError | None = None) -> Response:
    plan = plan_now(subject.view) if subject.form.about_plan else None
    counts = {} if plan is None else plan.organizations[0].summary
    return organization_page(
        asked,
        "action",
        subject.view,
        status=HTTPStatus.OK if error is None else HTTPStatus.CONFLICT,
        subject=subject,
        form=subject.form,
        summary={word: count for word, count in counts.items() if count and word != "none"},
        stale=subject.digest is not None and subject.digest != subject.view.plan_digest,
        key=asked.form.get("key") or uuid.uuid4().hex,
        reason=reason,
        error=error,
        csrf=asked.window.access.csrf_token(asked.request),
    )


def _carry_out(asked: Asked, subject: _Subject, *, by: str, reason: str) -> None:
    """Raises what steering raises."""
    services, view, flow = asked.window.services, subject.view, subject.flow
    match subject.verb:
        case "approve":
            approve(services, view, subject.digest or "", by=by, reason=reason)
        case "suspend":
            suspend(services.store, view.organization, by=by, reason=reason)
        case "resume":
            resume(services.store, view.organization, by=by, reason=reason)
        case "accept" if flow is not None:
            described = asked.desired()
            accept(described.services, described.organization, flow.flow, subject.version, by=by, reason=reason)
        case _:
            wanted = NewAction(
                organization=view.organization,
                verb=Verb(subject.verb),
                by=by,
                reason=reason,
                key=asked.form.get("key", "")[:_LONGEST_KEY] or uuid.uuid4().hex,
                flow=None if flow is None else flow.flow,
                digest=subject.digest,
                version=subject.version,
            )
            ask(services.store, view, wanted)
