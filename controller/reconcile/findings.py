"""Finds what is new after a pass: from its report, and from what the store has since the last time.

Deliveries and drift come from the journal and the audit log, so that a killed process hides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import Final

from controller.domain.desired import DesiredFlow, Organization
from controller.domain.errors.delivery import LeaseHeld, LeaseLost, PlanStale
from controller.domain.errors.process import Interrupted
from controller.domain.identity import FlowKey
from controller.domain.notification import NotificationEvent
from controller.notify.events import Findings
from controller.notify.troubles import Told, Trouble
from controller.planning.model import ChangeKind, Plan
from controller.reconcile.health import degraded_reason
from controller.reconcile.report import PassReport
from controller.reconcile.services import Services
from controller.store.audit import AuditEntry
from controller.store.audit_reading import AuditQuery, AuditReading
from controller.store.records import StepRecord, SyncRecord

_FIRST_LOOK_BACK: Final = timedelta(hours=1)
"""How old a delivery may be that is told where nothing was told before."""
_FIRST_SYNCS: Final = 5
_TELLS_NOTHING: Final = (LeaseHeld, LeaseLost, Interrupted, PlanStale)
"""Errors after which another pass, or another controller, knows better."""


@dataclass(frozen=True)
class PassView:
    """A pass that has ended, and the organisation as its manifest describes it."""

    report: PassReport
    organization: Organization
    services: Services = field(repr=False)
    author: Callable[[], str | None]
    """Who wrote the commit; asks git."""

    @property
    def tells(self) -> bool:
        """Whether people can be told anything by it."""
        return not isinstance(self.report.error, _TELLS_NOTHING)

    @cached_property
    def plan(self) -> Plan | None:
        """What there is to do after the pass; None where that is not known."""
        report = self.report
        if report.left is not None:
            return report.left.plan
        return report.plan if report.result is None and not report.recovered else None

    @cached_property
    def flows(self) -> Mapping[FlowKey, DesiredFlow]:
        """The flows of the manifests."""
        return {flow.key: flow for flow in self.organization.flows}

    @cached_property
    def unfinished(self) -> tuple[StepRecord, ...]:
        """The steps of deliveries that have not ended. Raises StoreFailed."""
        found = self.services.store.journal.unfinished(self.organization.name)
        return tuple(step for sync in found for step in sync.steps if not step.state.final)


@dataclass(frozen=True, slots=True)
class News:
    """What the store has since the last time."""

    known: Told
    """What was told, moved up to now."""
    syncs: Sequence[SyncRecord]
    drift: Sequence[AuditEntry]


def news_of(told: Told | None, view: PassView) -> News:
    """What is new; at the first time the deliveries of the last hour, and the drift that stands. Raises StoreFailed."""
    store, name = view.services.store, view.organization.name
    if told is None:
        return _first_news(view)
    syncs = store.journal.finished(name, after=told.sync_id, among=told.open_syncs)
    entries = list(AuditReading(store.database).oldest_first(_drift_query(name, told.audit_id)))
    open_syncs = {step.sync_id for step in view.unfinished} - {sync.id for sync in syncs}
    known = replace(
        told,
        sync_id=max([told.sync_id, *open_syncs, *(sync.id for sync in syncs)]),
        open_syncs=tuple(sorted(open_syncs)),
        audit_id=max([told.audit_id, *(entry.id or 0 for entry in entries)]),
    )
    return News(known, syncs, entries)


def _first_news(view: PassView) -> News:
    store, name = view.services.store, view.organization.name
    since = view.services.clock.now() - _FIRST_LOOK_BACK
    newest = store.journal.history(name, limit=_FIRST_SYNCS)
    syncs = [each for each in reversed(newest) if each.finished_at is not None and each.finished_at >= since]
    standing = {(each.flow, each.kind) for each in store.drifts.listed(name)}
    last = {
        (entry.flow, entry.details.get("kind")): entry
        for entry in AuditReading(store.database).oldest_first(_drift_query(name, None))
    }
    known = Told(
        sync_id=newest[0].id if newest else 0,
        open_syncs=tuple(sorted(each.id for each in newest if each.state.open)),
        audit_id=max((entry.id or 0 for entry in last.values()), default=0),
    )
    return News(known, syncs, [entry for place, entry in last.items() if place in standing])


def _drift_query(organization: str, after: int | None) -> AuditQuery:
    return AuditQuery(organization=organization, action="drift", after=after)


def what_is_over(found: Findings, told: Told, view: PassView) -> Findings:
    """The findings with the flows that are as git asks, and those of which nothing is known. Raises StoreFailed."""
    plan = view.plan
    undecided = frozenset(_undecided(plan, view))
    if plan is None:
        return replace(found, undecided=undecided)
    return replace(
        found,
        planned=frozenset(change.flow for change in plan.changes),
        settled=_settled(told, plan, view),
        undecided=undecided,
    )


def _undecided(plan: Plan | None, view: PassView) -> Iterator[str]:
    yield from (step.flow for step in view.unfinished)
    if plan is not None:
        yield from plan.suspended


def _settled(told: Told, plan: Plan, view: PassView) -> frozenset[str]:
    """The flows that are as git asks; not those whose failed version is live. Raises StoreFailed."""
    found = {change.flow for change in plan.changes if change.kind is ChangeKind.NONE}
    failed = {trouble.object for trouble in _failures(told) if trouble.object in found}
    if failed:
        live = view.report.left.live if view.report.left is not None else view.report.live
        latest = view.services.store.journal.latest(view.report.kept_as or view.organization.name)
        for key, step in latest.items():
            published = live[key].published_version if key in live else None
            if step.flow in failed and degraded_reason(published, step) is not None:
                found.discard(step.flow)
    return frozenset(found)


def _failures(told: Told) -> Iterator[Trouble]:
    for standing in told.standing.values():
        if standing.trouble.event is NotificationEvent.FAILED:
            yield standing.trouble
