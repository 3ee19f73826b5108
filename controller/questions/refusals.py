"""Reasons why `apply` would not carry out all of a plan at this moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from controller.domain.desired import Organization
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.delivery import LeaseHeld, SyncSuspended
from controller.domain.errors.repository import DirtyTree
from controller.domain.wording import counted
from controller.planning.guard import Confirmations, confirmed_part, refusals
from controller.planning.model import HeldBack, Plan
from controller.reconcile.ownership import at_work
from controller.reconcile.pauses import may_write, paused_before, refuse_unfinished
from controller.reconcile.services import Services
from controller.store.store import Store


def refusals_now(plan: Plan, organization: Organization, store: Store, now: datetime) -> tuple[HeldBack, ...]:
    """Suspensions, closed windows, limits and missing approvals, or else unconfirmed removals.

    Blocks that do not depend on the moment are in the plan itself. Raises StoreFailed.
    """
    approved = store.approvals.of(plan.organization, plan.digest)
    said = Confirmations(approved_digest=plan.digest if approved else None)
    allowed = confirmed_part(plan, organization, said)
    if found := refusals(allowed, organization, now, said, store.suspensions.of(plan.organization)):
        return tuple(map(HeldBack.of, found))
    return tuple(
        HeldBack(after.flow, after.blocked.code, after.blocked.message, None)
        for before, after in zip(plan.changes, allowed.changes, strict=True)
        if after.blocked is not None and before.blocked is None
    )


def with_refusals(
    plan: Plan,
    organization: Organization,
    services: Services,
    dirty: Sequence[str],
    unpushed: PenstockError | None = None,
) -> Plan:
    """The plan with all refusals of an `apply` now.

    They include uncommitted files, an unpushed commit, another controller at work, and an unfinished delivery. Raises
    StoreFailed.
    """
    left_open = _left_open(services, organization)
    found = [] if left_open is None else [HeldBack.of(left_open)]
    found += refusals_now(plan, organization, services.store, services.clock.now())
    if dirty:
        words = f"this plan holds {counted(len(dirty), 'uncommitted change')}"
        found.append(HeldBack(None, DirtyTree.code, words, "commit them, or pass --allow-dirty"))
    if unpushed is not None:
        found.append(HeldBack.of(unpushed))
    holder = at_work(services, services.identity(organization).key)
    if holder is not None:
        found.append(HeldBack(None, LeaseHeld.code, f"{holder} is at work on {organization.name}", "wait for its end"))
    return replace(plan, held_back=tuple(found))


def _left_open(services: Services, organization: Organization) -> PenstockError | None:
    """The refusal because of an earlier delivery that must end first."""
    if may_write(organization):
        return paused_before(services, organization)
    try:
        refuse_unfinished(services, organization)
    except SyncSuspended as error:
        return error
    return None
