"""Recording a person's approval of a plan, and asking for it."""

from __future__ import annotations

import re

from controller.domain.errors import SettingsInvalid
from controller.reconcile.services import Services
from controller.store import Approval, AuditEntry

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def require_digest(digest: str) -> None:
    """Raises SettingsInvalid when this cannot be the digest of a plan: half of one, or anything else."""
    if not _DIGEST.fullmatch(digest):
        raise SettingsInvalid(f"{digest!r} is not the digest of a plan", hint="copy it whole from `penstock plan`")


def approve_plan(services: Services, organization: str, digest: str, *, by: str) -> Approval:
    """Approve the plan with this digest. Raises SettingsInvalid when it is no digest."""
    require_digest(digest)
    approval = services.store.approvals.give(organization, digest, by=by)
    services.store.audit.append(AuditEntry(organization, "approve", "success", by, details={"plan": digest}))
    return approval
