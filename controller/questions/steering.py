"""Carries out what a person asks of the controller, or queues it.

Approve, accept, suspend and resume are done at once, and are the same when they are asked twice. Sync, retry and
rollback wait in the store for the controller that holds the organisation's lease.
"""

from __future__ import annotations

from controller.domain.desired import Organization
from controller.domain.documents import filled
from controller.domain.errors.delivery import PlanStale
from controller.domain.errors.process import SettingsInvalid
from controller.questions.action_document import ActionDocument, ActionStateDocument
from controller.questions.decision_documents import ApprovalDocument, PromotionDocument, promotion_document
from controller.questions.decisions import accept_paused, approve_plan, paused_step
from controller.questions.suspension_document import SuspensionDocument, SuspensionStateDocument
from controller.reconcile.services import Services
from controller.store.actions import AskedAction, NewAction
from controller.store.store import Store
from controller.store.views import OrganizationView


def require_current(view: OrganizationView, digest: str) -> None:
    """Raise PlanStale unless the digest is that of the plan that holds now."""
    if view.plan_digest != digest:
        now = "there is no plan" if view.plan_digest is None else f"the plan is {view.plan_digest}"
        raise PlanStale(
            f"{view.organization}: {digest} is not the plan that holds now: {now}",
            hint="look at the plan again, and name its digest",
        )


def approve(services: Services, view: OrganizationView, digest: str, *, by: str, reason: str) -> ApprovalDocument:
    """Approve the plan that holds now. Raises PlanStale for any other, SettingsInvalid and StoreFailed."""
    require_current(view, digest)
    approval = approve_plan(services, view.organization, digest, by=by, details={"reason": reason})
    return filled(ApprovalDocument, approval)


def accept(
    services: Services, organization: Organization, flow: str, version: str | None, *, by: str, reason: str
) -> PromotionDocument:
    """Accept a paused version, which has to be `version` where that is given.

    Raises PlanStale if nothing is paused, or another version, and StoreFailed.
    """
    try:
        paused = paused_step(services, organization, flow)
    except SettingsInvalid as error:
        raise PlanStale(error.message, hint="look at the flow again") from error
    if version is not None and paused.live_version != version:
        raise PlanStale(
            f"{organization.name}: {flow} waits for a decision about {paused.live_version}, not about {version}",
            hint="look at the flow again, and name the version that is paused",
        )
    step = accept_paused(services, organization, flow, by=by, details={"reason": reason})
    return promotion_document(organization.name, step, by)


def suspend(store: Store, organization: str, *, by: str, reason: str) -> SuspensionDocument:
    """Stop new deliveries. An organisation that is suspended stays as it is. Raises StoreFailed."""
    found = store.suspensions.suspend(organization, by=by, reason=reason)
    return SuspensionDocument(organization=organization, suspended=filled(SuspensionStateDocument, found))


def resume(store: Store, organization: str, *, by: str, reason: str) -> SuspensionDocument:
    """Let deliveries begin again. Raises StoreFailed."""
    store.suspensions.resume(organization, by=by, reason=reason)
    return SuspensionDocument(organization=organization, suspended=None)


def ask(store: Store, view: OrganizationView, wanted: NewAction) -> ActionDocument:
    """Queue an action; the same key of the same person is the same action.

    Raises PlanStale for a new one about another plan than the one that holds now, IdempotencyConflict and StoreFailed.
    """
    with store.together():
        action, new = store.actions.ask(wanted)
        if new and action.digest is not None:
            require_current(view, action.digest)
    return action_document(action)


def action_document(action: AskedAction) -> ActionDocument:
    """An action and its result."""
    return ActionDocument(action=filled(ActionStateDocument, action))
