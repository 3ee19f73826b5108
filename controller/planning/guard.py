"""Checks a plan before the first write: limits, windows, approvals. Refusals give figures and the next step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from cronsim import CronSimError

from controller.domain.desired import Organization, SyncMode
from controller.domain.errors import (
    ManifestInvalid,
    Mistake,
    NotConfirmed,
    PenstockError,
    SafetyLimit,
    SyncSuspended,
    WindowClosed,
)
from controller.planning.limits import REMOVALS, deliverable, exceeded
from controller.planning.model import Blocked, Change, ChangeKind, Plan
from controller.planning.windows import Closure, closure

_CONFIRM = "pass --confirm-prune, approve just this plan, or add the manifests again"
NO_OPENING_RETRY_S = 86_400.0
"""Seconds until the next check if the windows never open."""


@dataclass(frozen=True, slots=True)
class Confirmations:
    """Confirmations that a person gave for this plan."""

    approved_digest: str | None = None
    """Digest of the approved plan. `sync.mode: manual` requires it; it confirms removals as well."""
    force: bool = False
    """Lifts the limits of `safety` and the refusal of an emptied folder, and nothing else."""
    prune: bool = False
    """Confirms that flows may be unpublished or deleted."""
    ignore_windows: bool = False
    """Allows an emergency change outside the windows."""


def guard(plan: Plan, organization: Organization, now: datetime, confirmations: Confirmations | None = None) -> Plan:
    """The part of the plan that may be carried out. Unconfirmed removals are blocked in it.

    In manual mode a plan is approved as a whole or not at all.

    Raises the gravest refusal, with all the others in its message and every next step in its hint: SyncSuspended,
    SafetyLimit, NotConfirmed (also if only unconfirmed removals are left) or, if only time prevents the plan,
    WindowClosed.
    """
    allowed = confirmed_part(plan, organization, confirmations)
    found = refusals(allowed, organization, now, confirmations)
    if not found:
        return allowed
    gravest, *others = found
    if others:
        also = "; also: ".join(refusal.message for refusal in others)
        gravest.message = f"{gravest.message}; also: {also}"
        gravest.args = (gravest.message,)
        gravest.hint = "; ".join(dict.fromkeys(refusal.hint for refusal in found if refusal.hint))
    raise gravest


def refusals(
    plan: Plan, organization: Organization, now: datetime, confirmations: Confirmations | None = None
) -> tuple[PenstockError, ...]:
    """All reasons against carrying the plan out at this moment, the gravest first."""
    said = confirmations or Confirmations()
    return (
        *_suspended(plan, organization),
        *_limited(plan, organization, said),
        *_unapproved(plan, organization, said),
        *_unconfirmed(plan, organization, said),
        *_closed(plan, organization, now, said),
    )


def _suspended(plan: Plan, organization: Organization) -> Iterator[PenstockError]:
    if organization.suspended:
        yield SyncSuspended(
            f"{organization.name}: the organisation is suspended", hint="take spec.suspend out of its manifest"
        )
    elif organization.sync.mode is SyncMode.OBSERVE and deliverable(plan):
        yield SyncSuspended(
            f"{organization.name}: sync.mode is observe, so nothing is changed",
            hint="set sync.mode to auto or manual",
        )


def _limited(plan: Plan, organization: Organization, said: Confirmations) -> Iterator[PenstockError]:
    if not said.force:
        for words in exceeded(plan, organization):
            yield SafetyLimit(f"{organization.name}: {words}", hint="look at the plan before you force it")


def confirmed_part(plan: Plan, organization: Organization, confirmations: Confirmations | None = None) -> Plan:
    """The plan with unconfirmed removals blocked. In manual mode it stays whole: approval covers all or nothing."""
    if organization.sync.mode is SyncMode.MANUAL or _confirmed(plan, confirmations or Confirmations()):
        return plan
    held_back = Blocked(NotConfirmed.code, f"its removal is not confirmed; {_CONFIRM}")
    changes = tuple(
        replace(change, blocked=change.blocked or held_back) if change.kind in REMOVALS else change
        for change in plan.changes
    )
    return replace(plan, changes=changes)


def _unapproved(plan: Plan, organization: Organization, said: Confirmations) -> Iterator[PenstockError]:
    changes = deliverable(plan)
    if organization.sync.mode is SyncMode.MANUAL and changes and said.approved_digest != plan.digest:
        other = f", {said.approved_digest} was" if said.approved_digest else ""
        yield NotConfirmed(
            f"{organization.name}: sync.mode is manual, and plan {plan.digest} is not approved{other}",
            hint=f"look at the plan, then pass --approve {plan.digest}",
        )


def _unconfirmed(plan: Plan, organization: Organization, said: Confirmations) -> Iterator[PenstockError]:
    """Unconfirmed removals refuse the plan only when no other change is left."""
    left = deliverable(plan)
    if organization.sync.mode is SyncMode.MANUAL:
        removed = [] if _confirmed(plan, said) else [change.flow for change in left if change.kind in REMOVALS]
    else:
        removed = [] if left else [change.flow for change in plan.actions if _held_back(change)]
    if removed:
        yield NotConfirmed(f"{organization.name}: would unpublish or delete {', '.join(removed)}", hint=_CONFIRM)


def _confirmed(plan: Plan, said: Confirmations) -> bool:
    return said.prune or said.approved_digest == plan.digest


def _held_back(change: Change) -> bool:
    return change.blocked is not None and change.blocked.code == NotConfirmed.code


def _closed(plan: Plan, organization: Organization, now: datetime, said: Confirmations) -> Iterator[PenstockError]:
    """Adopting a live version needs no open window."""
    if said.ignore_windows or all(change.kind is ChangeKind.ADOPT for change in deliverable(plan)):
        return
    found = _closure(organization, now)
    if found is None:
        return
    retry_after_s = (found.opens_at - now).total_seconds() if found.opens_at else NO_OPENING_RETRY_S
    opens = f"it opens at {found.opens_at.isoformat()}" if found.opens_at else "no opening comes within a year"
    yield WindowClosed(
        f"{organization.name}: {found.reason}; {opens}",
        retry_after_s=retry_after_s,
        hint="wait, or pass --ignore-windows in an emergency",
    )


def _closure(organization: Organization, now: datetime) -> Closure | None:
    try:
        return closure(organization.windows, now)
    except (CronSimError, KeyError, ValueError) as error:
        mistake = Mistake(organization.origin, f"spec.windows of {organization.name} cannot be read: {error}")
        raise ManifestInvalid([mistake]) from error
