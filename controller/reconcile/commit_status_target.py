"""Sets the status of commits on a forge, as a receiver of messages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from controller.domain.clock import Clock
from controller.domain.errors.branches import PenstockError, Transient, Waiting
from controller.forges.port import CommitStatus, Forge, StatusState
from controller.notify.chat import not_for_people
from controller.notify.outbox import COMMIT_STATUS, OutgoingMessage
from controller.notify.target import Reply, Send
from controller.reconcile.forge import forge_of
from controller.reconcile.settings import Settings

_CONTEXT: Final = "penstock/"
_LONGEST: Final = 140
"""Characters that every forge shows of a status."""


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
