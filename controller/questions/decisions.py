"""Records decisions of people: approval of a plan by its digest, acceptance of a paused version."""

from __future__ import annotations

import re
from collections.abc import Mapping

from controller.domain.desired import Organization
from controller.domain.errors.process import SettingsInvalid
from controller.reconcile.flow_choice import chosen_flow
from controller.reconcile.health import paused_reason
from controller.reconcile.pauses import unfinished_steps
from controller.reconcile.services import Services
from controller.store.approvals import Approval
from controller.store.audit import AuditEntry
from controller.store.records import StepRecord

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def require_digest(digest: str) -> None:
    """Raise SettingsInvalid unless this has the form of a plan's digest."""
    if not _DIGEST.fullmatch(digest):
        raise SettingsInvalid(f"{digest!r} is not the digest of a plan", hint="copy it whole from `penstock plan`")


def approve_plan(
    services: Services, organization: str, digest: str, *, by: str, details: Mapping[str, object] | None = None
) -> Approval:
    """Approve the plan with this digest; `details` go into the audit log. Raises SettingsInvalid for another text."""
    require_digest(digest)
    approval = services.store.approvals.give(organization, digest, by=by)
    noted = {"plan": digest, **(details or {})}
    services.store.audit.append(AuditEntry(organization, "approve", "success", by, details=noted))
    return approval


def paused_step(services: Services, organization: Organization, said: str) -> StepRecord:
    """The change of a flow that waits for a person's decision. Raises SettingsInvalid if nothing is paused."""
    key = chosen_flow(said, organization.flows)
    step = next((step for step in unfinished_steps(services, organization, key) if paused_reason(step)), None)
    if step is None:
        raise SettingsInvalid(
            f"{organization.name}: no delivery of {key} waits for a decision",
            hint="`penstock status` shows what is paused",
        )
    return step


def accept_paused(
    services: Services,
    organization: Organization,
    said: str,
    *,
    by: str,
    details: Mapping[str, object] | None = None,
) -> StepRecord:
    """Accept the paused version of a flow; the next pass resumes. Raises SettingsInvalid if nothing is paused."""
    step = paused_step(services, organization, said)
    services.store.approvals.promote(organization.name, step.id, by=by)
    entry = AuditEntry(
        organization.name, "promote", "success", by, str(step.key), step.live_version, details=details or {}
    )
    services.store.audit.append(entry)
    return step
