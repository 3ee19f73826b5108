"""What a pass tells those who follow pull requests: one of this process, or from the store one of another replica."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from controller.delivery.result import Outcome
from controller.domain.errors.branches import Refused, Waiting
from controller.domain.redaction import SECRETS
from controller.domain.status import StepState, SyncStatus
from controller.forges.port import StatusState
from controller.planning.model import ChangeKind
from controller.reconcile.report import PassReport
from controller.store.records import SyncRecord, SyncState
from controller.store.store import Store
from controller.store.sync_list import ListedSync
from controller.store.views import OrganizationView


@dataclass(frozen=True, slots=True, kw_only=True)
class PassNews:
    """How a pass over an organisation ended."""

    organization: str
    revision: str | None
    """The commit of the pass."""
    digest: str | None
    """That of its plan; None where it made none, or delivered it."""
    waits: bool
    """Whether it only planned, and there is something to deliver."""
    delivered: bool
    """Whether it delivered something, with whatever result."""
    state: StatusState
    text: str
    """How it ended, for people."""
    seen: str | None
    """What tells the live state that it saw from another one; None where it saw none."""


def news_of(report: PassReport) -> PassNews:
    """A pass of this process."""
    state, text = _result(report)
    plan, result = report.plan, report.result
    seen = None if plan is None else plan.digest if result is None else f"{plan.digest} {result.sync_id}"
    return PassNews(
        organization=report.organization,
        revision=report.revision,
        digest=None if plan is None else plan.digest,
        waits=_waits(report),
        delivered=result is not None,
        state=state,
        text=SECRETS.text(f"{report.organization}: {text}"),
        seen=seen,
    )


def news_in(store: Store, organization: str) -> Iterator[PassNews]:
    """The last delivery that has ended, and then the last pass, of whichever replica. Raises StoreFailed."""
    view = store.views.organization(organization)
    if view is None or view.revision is None:
        return
    kept_as = view.kept_as or organization
    newest = store.sync_list.latest([kept_as]).get(kept_as)
    found = None if newest is None or newest.finished_at is None else store.sync_list.find(newest.id)
    if found is not None:
        yield _of_sync(view, found)
    yield _of_view(view, newest)


def _of_sync(view: OrganizationView, found: ListedSync) -> PassNews:
    words = _counted(found.counts)
    return PassNews(
        organization=view.organization,
        revision=found.sync.revision,
        digest=None,
        waits=False,
        delivered=True,
        state=_SYNC_STATES.get(found.sync.state, StatusState.FAILURE),
        text=SECRETS.text(f"{view.organization}: {found.sync.state.value} ({words})"),
        seen=None,
    )


def _of_view(view: OrganizationView, newest: SyncRecord | None) -> PassNews:
    summary = {} if view.plan is None else view.plan["summary"]
    waits = any(summary.get(kind.value) for kind in ChangeKind if kind is not ChangeKind.NONE)
    in_sync = view.sync is SyncStatus.SYNCED
    waiting = f"waits for an approval of {view.plan_digest}" if waits and not view.held_back else view.message
    return PassNews(
        organization=view.organization,
        revision=view.revision,
        digest=view.plan_digest,
        waits=waits,
        delivered=False,
        state=StatusState.SUCCESS if in_sync else StatusState.PENDING,
        text=SECRETS.text(f"{view.organization}: {'in sync' if in_sync else waiting}"),
        seen=None if view.plan_digest is None else f"{view.plan_digest} {None if newest is None else newest.id}",
    )


def _waits(report: PassReport) -> bool:
    return report.result is None and report.error is None and report.plan is not None and not report.plan.empty


def _result(report: PassReport) -> tuple[StatusState, str]:
    result = report.result
    if result is not None:
        words = _counted(Counter(step.state.value for step in result.steps))
        return _STATES.get(result.outcome, StatusState.FAILURE), f"{result.outcome.value} ({words})"
    if report.error is not None:
        waits = isinstance(report.error, Waiting | Refused)
        return StatusState.PENDING if waits else StatusState.ERROR, report.error.message
    if report.blocked:
        return StatusState.PENDING, f"{len(report.blocked)} blocked"
    if report.plan is not None and _waits(report):
        return StatusState.PENDING, f"waits for an approval of {report.plan.digest}"
    return StatusState.SUCCESS, "in sync"


def _counted(states: Mapping[str, int]) -> str:
    """Numbers of changes by state; all that are delivered count together."""
    counts: Counter[str] = Counter()
    for state, count in states.items():
        counts["done" if StepState(state) in _DONE else state] += count
    return ", ".join(f"{count} {word}" for word, count in counts.items()) or "nothing to do"


_DONE: Final = frozenset({StepState.RECORDED, StepState.EXPORTED, StepState.HEALTHY})
_STATES: Final = {
    Outcome.SUCCEEDED: StatusState.SUCCESS,
    Outcome.INCOMPLETE: StatusState.PENDING,
    Outcome.UNDETERMINED: StatusState.PENDING,
    Outcome.STOPPED: StatusState.PENDING,
    Outcome.PAUSED: StatusState.PENDING,
}
_SYNC_STATES: Final = {
    SyncState.SUCCEEDED: StatusState.SUCCESS,
    SyncState.INCOMPLETE: StatusState.PENDING,
    SyncState.STOPPED: StatusState.PENDING,
}
