"""The status of the commit that an organisation is to have: as a pass found it, and as a forge is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from controller.domain.clock import Clock
from controller.domain.errors.branches import PenstockError, Transient, Waiting
from controller.domain.notification import NotificationEvent
from controller.domain.recorded import commit_or_none
from controller.domain.wording import counted
from controller.forges.port import CommitStatus, Forge, StatusState
from controller.notify.chat import not_for_people
from controller.notify.outbox import COMMIT_STATUS, OutgoingMessage
from controller.notify.target import Reply, Send
from controller.notify.troubles import Told, Topic
from controller.planning.limits import deliverable
from controller.reconcile.findings import PassView
from controller.reconcile.forge import forge_of
from controller.reconcile.settings import Settings

_CONTEXT: Final = "penstock/"
_LONGEST: Final = 140
"""Characters that every forge shows of a status."""
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


class CommitStatusTarget:
    """Sets statuses on the forge of one repository."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """`settings` are those of the repository, with a forge. Raises SettingsInvalid for unusable ones."""
        self._settings = settings
        self._clock = clock
        self._connect()  # nothing is sent yet

    def _connect(self) -> Forge:
        forge = forge_of(self._settings, self._clock)
        if forge is None:
            raise AssertionError("a repository without a forge has no commit statuses")
        return forge

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Send]:
        """Connects to the forge within the block."""
        forge = self._connect()
        try:
            yield lambda message: _send(forge, message)
        finally:
            await forge.aclose()


async def _send(forge: Forge, message: OutgoingMessage) -> Reply:
    data = message.payload.get("data")
    if message.kind != COMMIT_STATUS or not isinstance(data, Mapping):
        return not_for_people(message)
    context, words = f"{_CONTEXT}{data['organization']}", str(data["description"])[:_LONGEST]
    status = CommitStatus(StatusState(data["state"]), context, words, data["url"])
    try:
        await forge.set_status(str(data["revision"]), status)
    except PenstockError as error:
        later = str(round(error.retry_after_s)) if isinstance(error, Waiting) else None
        waits = isinstance(error, Transient | Waiting)
        return Reply(taken=False, reason=f"{error.code}: {error.message}", retry_after=later, answered=not waits)
    return Reply(taken=True)
