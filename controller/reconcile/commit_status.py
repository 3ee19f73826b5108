"""The status of the commit that an organisation is to have, as a pass found it."""

from __future__ import annotations

from typing import Final

from controller.domain.errors.branches import Transient, Waiting
from controller.domain.notification import NotificationEvent
from controller.domain.recorded import commit_or_none
from controller.domain.wording import counted
from controller.forges.port import StatusState
from controller.notify.outbox import COMMIT_STATUS
from controller.notify.troubles import Told, Topic
from controller.planning.limits import deliverable
from controller.reconcile.findings import PassView

_FAILURES: Final = frozenset({NotificationEvent.FAILED, NotificationEvent.ROLLED_BACK})


def status_of(view: PassView, told: Told) -> tuple[str, ...]:
    """Commit, state and words; as it was told where the pass says nothing of the commit."""
    sha, error = commit_or_none(view.report.revision), view.report.error
    if sha is None or (error is not None and view.plan is None and isinstance(error, Transient | Waiting)):
        return told.status
    state, words = _judgement(view, told)
    return sha, state.value, words


def _judgement(view: PassView, told: Told) -> tuple[StatusState, str]:
    standing = [
        each.trouble for each in told.standing.values() if not each.over and each.trouble.topic is not Topic.DRIFT
    ]
    failed = [each for each in standing if each.event in _FAILURES]
    if failed:
        objects = [each.object for each in failed if each.object]
        words = failed[0].outcome if not objects else f"{failed[0].event.value}: {_named(objects)}"
        return StatusState.FAILURE, words
    if standing:
        return StatusState.PENDING, f"{standing[0].event.value}: {standing[0].outcome}"
    plan = view.plan
    if plan is None and view.report.result is not None and view.report.delivered:
        return StatusState.SUCCESS, f"{counted(len(view.report.result.steps), 'change')} delivered"
    if plan is None:
        return StatusState.PENDING, "the delivery goes on"
    left = len(deliverable(plan)) + len(plan.under_way)
    if left:
        return StatusState.PENDING, f"{counted(left, 'change')} to deliver"
    return StatusState.SUCCESS, f"{counted(len(plan.changes), 'flow')} as this commit asks"


def _named(objects: list[str]) -> str:
    return objects[0] if len(objects) == 1 else counted(len(objects), "flow")


def status_payload(organization: str, status: tuple[str, ...], url: str | None) -> dict[str, object]:
    """What the outbox keeps of a status."""
    sha, state, words = status
    data = {"organization": organization, "revision": sha, "state": state, "description": words, "url": url}
    return {"event_type": COMMIT_STATUS, "data": data}
