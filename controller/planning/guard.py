"""Checks a plan before the first write: windows, limits, approvals. Refusals give figures and the next step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from controller.domain.desired import Organization, SyncMode, Window, WindowKind
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.delivery import NotConfirmed, SafetyLimit, SyncSuspended, WindowClosed
from controller.domain.errors.manifest import ManifestInvalid, Mistake
from controller.domain.suspension import Suspension
from controller.planning.limits import REMOVALS, deliverable, exceeded
from controller.planning.model import Blocked, ChangeKind, Plan

HORIZON = timedelta(days=400)
"""How far ahead to search for an opening."""
MAX_STEPS = 1000
AMBIGUOUS = timedelta(hours=3)
"""More than any change of clocks."""


@dataclass(frozen=True, slots=True)
class Closure:
    """Changes are not allowed now."""

    reason: str
    opens_at: datetime | None
    """In UTC; None when no opening comes within the horizon."""


def closure(windows: Sequence[Window], now: datetime) -> Closure | None:
    """Why and until when changes are forbidden; None if they are allowed.

    A deny window overrides all allow windows. If there are allow windows, one of them must be open. Raises CronSimError
    or KeyError for a schedule or a zone that `manifests` should have rejected.
    """
    now = now.astimezone(UTC)
    reason, moment = _closed_until(windows, now)
    if reason is None:
        return None
    for _ in range(MAX_STEPS):
        if moment is None or moment - now > HORIZON:
            return Closure(reason, None)
        still, later = _closed_until(windows, moment)
        if still is None:
            return Closure(reason, moment)
        moment = later
    return Closure(reason, None)


def _closed_until(windows: Sequence[Window], moment: datetime) -> tuple[str | None, datetime | None]:
    """Why changes are forbidden at a moment, and the earliest moment when that can change; two Nones if allowed."""
    for window in windows:
        end = _open_until(window, moment)
        if window.kind is WindowKind.DENY and end is not None:
            return f"{_words(window)} denies changes", end
    allowing = [window for window in windows if window.kind is WindowKind.ALLOW]
    if not allowing or any(_open_until(window, moment) for window in allowing):
        return None, None
    starts = (next(_starts(window, moment), None) for window in allowing)
    return f"changes are allowed only in {' or '.join(map(_words, allowing))}", min(filter(None, starts), default=None)


def _open_until(window: Window, moment: datetime) -> datetime | None:
    """The end of a window that is open at the moment, exclusive; None if it is closed."""
    duration = timedelta(seconds=window.duration_s)
    start = _latest_start(window, moment, moment - duration)
    return start + duration if start else None


def _latest_start(window: Window, moment: datetime, earliest: datetime) -> datetime | None:
    """The last start up to the moment and after `earliest`.

    The most recent hours are searched forwards, because a backward search misses starts in an hour that occurs twice.
    Earlier times are searched backwards, because a week-long window that starts each minute has ten thousand starts.
    """
    recent = max(earliest, _before_a_clock_change(moment - AMBIGUOUS, ZoneInfo(window.timezone)))
    latest = None
    for start in _starts(window, recent):
        if start > moment:
            break
        latest = start
    if latest is not None or recent == earliest:
        return latest
    local = (recent + timedelta(seconds=1)).astimezone(ZoneInfo(window.timezone))
    before = next(CronSim(window.schedule, local, reverse=True), None)
    found = before.astimezone(UTC) if before else None
    return found if found is not None and found > earliest else None


def _before_a_clock_change(moment: datetime, zone: ZoneInfo) -> datetime:
    """The moment, or an earlier one outside the hours that follow a change of clocks."""
    changed = moment.astimezone(zone).utcoffset() != (moment - AMBIGUOUS).astimezone(zone).utcoffset()
    return moment - AMBIGUOUS if changed else moment


def _starts(window: Window, after: datetime) -> Iterator[datetime]:
    """The starts of the window after a moment, in UTC."""
    for start in CronSim(window.schedule, after.astimezone(ZoneInfo(window.timezone))):
        in_utc = start.astimezone(UTC)
        if in_utc > after:
            yield in_utc


def _words(window: Window) -> str:
    minutes, seconds = divmod(round(window.duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    lasts = " ".join(f"{amount} {unit}" for amount, unit in parts if amount)
    return f"{window.kind} window {window.schedule!r} for {lasts} ({window.timezone})"


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


def guard(
    plan: Plan,
    organization: Organization,
    now: datetime,
    confirmations: Confirmations | None = None,
    suspension: Suspension | None = None,
) -> Plan:
    """The part of the plan that may be carried out. Unconfirmed removals are blocked in it.

    In manual mode a plan is approved as a whole or not at all.

    Raises the gravest refusal, with all the others in its message and every next step in its hint: SyncSuspended,
    SafetyLimit, NotConfirmed (also if only unconfirmed removals are left) or, if only time prevents the plan,
    WindowClosed.
    """
    allowed = confirmed_part(plan, organization, confirmations)
    found = refusals(allowed, organization, now, confirmations, suspension)
    if not found:
        return allowed
    gravest = found[0]
    if len(found) == 1:
        raise gravest
    hint = "; ".join(dict.fromkeys(refusal.hint for refusal in found if refusal.hint))
    raise gravest.with_hint(hint, message="; also: ".join(refusal.message for refusal in found))


def refusals(
    plan: Plan,
    organization: Organization,
    now: datetime,
    confirmations: Confirmations | None = None,
    suspension: Suspension | None = None,
) -> tuple[PenstockError, ...]:
    """All reasons against carrying the plan out at this moment, the gravest first.

    `suspension` is a person's, which holds besides that of the manifest.
    """
    said = confirmations or Confirmations()
    return (
        *_suspended(plan, organization),
        *_suspended_by(plan, suspension),
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
            f"{organization.name}: sync.mode is observe, so nothing is changed", hint="set sync.mode to auto or manual"
        )


def _suspended_by(plan: Plan, suspension: Suspension | None) -> Iterator[PenstockError]:
    """A plan without changes has nothing to refuse."""
    if suspension is not None and deliverable(plan):
        name = suspension.organization
        yield SyncSuspended(
            f"{name}: {suspension.by} suspended it at {suspension.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC: "
            f"{suspension.reason}",
            hint=f"`penstock resume --organization {name}` lets deliveries begin again",
        )


def _limited(plan: Plan, organization: Organization, said: Confirmations) -> Iterator[PenstockError]:
    if not said.force:
        for words in exceeded(plan, organization):
            yield SafetyLimit(f"{organization.name}: {words}", hint="look at the plan before you force it")


def confirmed_part(plan: Plan, organization: Organization, confirmations: Confirmations | None = None) -> Plan:
    """The plan with unconfirmed removals blocked. In manual mode it stays whole: approval covers all or nothing."""
    if organization.sync.mode is SyncMode.MANUAL or _confirmed(plan, confirmations or Confirmations()):
        return plan
    unconfirmed = Blocked(NotConfirmed.code, f"its removal is not confirmed; {_CONFIRM}")
    changes = tuple(
        replace(change, blocked=change.blocked or unconfirmed) if change.kind in REMOVALS else change
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
        lacking = (each for each in plan.actions if each.blocked and each.blocked.code == NotConfirmed.code)
        removed = [] if left else [change.flow for change in lacking]
    if removed:
        yield NotConfirmed(f"{organization.name}: would unpublish or delete {', '.join(removed)}", hint=_CONFIRM)


def _confirmed(plan: Plan, said: Confirmations) -> bool:
    return said.prune or said.approved_digest == plan.digest


def _closed(plan: Plan, organization: Organization, now: datetime, said: Confirmations) -> Iterator[PenstockError]:
    """Adopting a live version needs no open window."""
    if said.ignore_windows or all(change.kind is ChangeKind.ADOPT for change in deliverable(plan)):
        return
    try:
        found = closure(organization.windows, now)
    except (CronSimError, KeyError, ValueError) as error:
        mistake = Mistake(organization.origin, f"spec.windows of {organization.name} cannot be read: {error}")
        raise ManifestInvalid([mistake]) from error
    if found is None:
        return
    retry_after_s = (found.opens_at - now).total_seconds() if found.opens_at else NO_OPENING_RETRY_S
    opens = f"it opens at {found.opens_at.isoformat()}" if found.opens_at else "no opening comes within a year"
    yield WindowClosed(
        f"{organization.name}: {found.reason}; {opens}",
        retry_after_s=retry_after_s,
        hint="wait, or pass --ignore-windows in an emergency",
    )
