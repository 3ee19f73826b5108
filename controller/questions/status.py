"""Sync status and health of every managed flow, from one pass that plans and the journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from controller.domain.desired import Organization
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.status import Health, StepState, SyncStatus, worst
from controller.planning.model import Change, ChangeKind, Drift, HeldBack
from controller.questions.refusals import refusals_now
from controller.reconcile.health import degraded_reason, flow_health, paused_reason, under_way
from controller.reconcile.own_deliveries import is_unrecorded
from controller.reconcile.ownership import at_work
from controller.reconcile.pauses import may_write
from controller.reconcile.report import PassReport
from controller.reconcile.services import Services
from controller.store.records import StepRecord, SyncState
from controller.store.store import Store


@dataclass(frozen=True, slots=True)
class FlowStatus:
    """A flow's status."""

    flow: str
    """As in a plan."""
    type: str
    """As in a plan."""
    name: str
    """As in a plan."""
    sync: SyncStatus
    """Whether it is in sync; a suspended flow is not compared, and `Unknown`."""
    health: Health
    """Its health."""
    version: str | None
    """The version that is live; where none is, the newest one."""
    change: str
    """The change that a plan made now would have; `none` when in sync."""
    locked_by: str | None
    """Who has it open."""
    message: str
    """Why, for people."""


class LastSync(Protocol):
    """What is told of the newest sync."""

    @property
    def id(self) -> int: ...
    @property
    def state(self) -> SyncState: ...
    @property
    def revision(self) -> str | None: ...
    @property
    def actor(self) -> str: ...
    @property
    def started_at(self) -> datetime: ...
    @property
    def finished_at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class OrganizationStatus:
    name: str
    revision: str
    sync: SyncStatus
    health: Health
    flows: tuple[FlowStatus, ...]
    drift: tuple[str, ...]
    warnings: tuple[str, ...]
    unmanaged: int
    last_sync: LastSync | None
    held_back: tuple[HeldBack, ...]
    """Refusals of an `apply` at this moment."""
    at_work: str | None
    """The controller that holds the organisation's lease."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What the status of each flow is made from."""

    live: Mapping[FlowKey, LiveFlow]
    latest: Mapping[FlowKey, StepRecord]
    promoted: Mapping[FlowKey, str]
    drift: Mapping[str, Sequence[Drift]]
    """By flow."""
    under_way: frozenset[FlowKey]
    suspended: frozenset[str]

    @classmethod
    def of(cls, report: PassReport, latest: Mapping[FlowKey, StepRecord], promoted: Mapping[FlowKey, str]) -> _Known:
        plan = report.plan_or_raise()
        drift: dict[str, list[Drift]] = {}
        for each in plan.drift:
            drift.setdefault(each.flow, []).append(each)
        under_way = frozenset(each.key for each in plan.under_way)
        return cls(report.live, latest, promoted, drift, under_way, frozenset(plan.suspended))


def organization_status(report: PassReport, organization: Organization, services: Services) -> OrganizationStatus:
    """The status of one organisation after a planning pass over it. Raises the pass' error, and StoreFailed."""
    plan, store = report.plan_or_raise(), services.store
    history = store.journal.history(report.kept_as, limit=1)
    latest = store.journal.latest(report.kept_as)
    known = _Known.of(report, latest, _promoted(latest.values(), organization, store))
    flows = tuple(_flow_status(change, known) for change in plan.changes)
    return OrganizationStatus(
        name=plan.organization,
        revision=plan.revision,
        sync=report.sync_status,
        health=worst(*(flow.health for flow in flows)) if flows else Health.HEALTHY,
        flows=tuple(sorted(flows, key=lambda flow: flow.flow)),
        drift=tuple(drift.message for drift in plan.drift),
        warnings=(*plan.warnings, *_waiting(store)),
        unmanaged=plan.unmanaged,
        last_sync=history[0] if history else None,
        held_back=held_back_now(report, organization, services),
        at_work=at_work(services, services.identity(organization).key),
    )


def _waiting(store: Store) -> tuple[str, ...]:
    """A warning about messages that change management has not received yet."""
    waiting = store.outbox.pending()
    if not waiting:
        return ()
    messages = "1 message waits" if waiting == 1 else f"{waiting} messages wait"
    return (f"{messages} for change management; `penstock run` sends them, and so does the end of the next delivery",)


def held_back_now(report: PassReport, organization: Organization, services: Services) -> tuple[HeldBack, ...]:
    """Why the plan of the pass would not be delivered at this moment. Raises StoreFailed.

    An unfinished delivery is resumed in any window, and no plan holds until it has ended.
    """
    if may_write(organization) and services.store.journal.unfinished(report.kept_as):
        return ()
    unpushed = () if report.unpushed is None else (HeldBack.of(report.unpushed),)
    now = services.clock.now()
    return (*unpushed, *refusals_now(report.plan_or_raise(), organization, services.store, now))


def _promoted(steps: Iterable[StepRecord], organization: Organization, store: Store) -> dict[FlowKey, str]:
    """Paused versions that a person accepted and no pass has resumed yet."""
    paused = [step for step in steps if paused_reason(step) is not None]
    words = [(step, store.approvals.promotion(organization.name, step.id)) for step in paused]
    return {
        step.key: f"{step.live_version} may stay, as {word.by} said; the next pass resumes it"
        for step, word in words
        if word is not None
    }


def _flow_status(change: Change, known: _Known) -> FlowStatus:
    live, latest = known.live.get(change.key), known.latest.get(change.key)
    published = live.published_version if live else None
    drifted = known.drift.get(change.flow, ())
    message = change.blocked.message if change.blocked else drifted[0].message if drifted else change.reason
    failed = _failed_before(change, latest)
    return FlowStatus(
        flow=change.flow,
        type=change.key.type,
        name=change.key.name,
        sync=_sync_status(change, known, drifted),
        health=flow_health(change.desired, published, latest, suspended=change.flow in known.suspended),
        version=published,
        change=change.kind.value,
        locked_by=live.locked_by.name if live and live.locked_by else None,
        message=degraded_reason(published, latest)
        or known.promoted.get(change.key)
        or under_way(latest)
        or _to_record(latest, published)
        or "; ".join(filter(None, (message, failed))),
    )


def _sync_status(change: Change, known: _Known, drifted: Sequence[Drift]) -> SyncStatus:
    """A suspended flow is not compared with git, so its status is Unknown."""
    if change.flow in known.suspended:
        return SyncStatus.UNKNOWN
    on_its_way = change.key in known.under_way
    in_sync = change.kind is ChangeKind.NONE and not on_its_way and all(drift.informative for drift in drifted)
    return SyncStatus.SYNCED if in_sync else SyncStatus.OUT_OF_SYNC


def _to_record(latest: StepRecord | None, published: str | None) -> str | None:
    return f"{published} is live, and is to be recorded" if is_unrecorded(published, latest) else None


def _failed_before(change: Change, latest: StepRecord | None) -> str | None:
    """Why the last try failed, if the change is still needed."""
    if latest is None or latest.state is not StepState.FAILED or change.kind is ChangeKind.NONE or change.blocked:
        return None
    same = change.desired is not None and change.desired.wanted == latest.wanted
    return f"the last try failed: {latest.reason}" if same and latest.reason else None
