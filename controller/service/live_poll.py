"""Asks the store once a second what changed, for all workers of this process, and says that the process is alive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from controller.domain.errors.process import StoreFailed
from controller.domain.status import Health
from controller.reconcile.services import Services
from controller.store.actions import Verb
from controller.store.live_marks import LiveChanges, LiveTopic

log = structlog.get_logger()

LIVE_POLL_S: Final = 1.0
"""Between two looks at the store."""
_BEATS_PER_TTL: Final = 3
"""How often a controller says in the time of a lease that it is alive."""
_REASONS: Final = {LiveTopic.APPROVAL: "approved", LiveTopic.SUSPENSION: "suspended or resumed"}


@dataclass(frozen=True, slots=True)
class LiveHandlers:
    """What is called with the news of the store."""

    health: Callable[[str, Health], None]
    """The health of an organisation, as some controller found it."""
    nudge: Callable[[str, str], None]
    """An organisation, and why to look at it now."""
    asked: Callable[[str, frozenset[Verb]], None]
    """An organisation, and what people asked of it that no controller has taken."""
    viewed: Callable[[frozenset[str]], None]
    """Organisations over which some controller's pass has ended with something new."""
    assigned: Callable[[], None]
    """Called when organisations changed hands."""
    pushed: Callable[[LiveChanges], None]
    """Called with changes that may tell of pushes, of which a replica heard."""
    catch_up: Callable[[], None]
    """Writes what the store did not take before. Raises StoreFailed."""


class LivePoll:
    """Runs as long as the service. Faults of the store are logged once, until it answers again."""

    def __init__(self, services: Services, handlers: LiveHandlers) -> None:
        self._services = services
        self._handlers = handlers
        self._began_s = services.clock.monotonic()
        self._mark: int | None = None
        self._waiting = True
        """Whether actions may wait that no change tells of: at first, and as long as some do."""
        self._beat_s = 0.0
        self._sound = True
        self.moving: frozenset[str] = frozenset()
        """The organisations of which some controller changes flows."""

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            try:
                self._poll()
                self._sound = True
            except StoreFailed as error:
                if self._sound:
                    log.warning("live.not-read", error=error.message)
                self._sound = False
            await self._services.clock.sleep(LIVE_POLL_S)

    def _poll(self) -> None:
        store, now_s = self._services.store, self._services.clock.monotonic()
        if self._mark is None:
            # What an earlier run of this process left behind would otherwise look alive.
            # It may have begun a pass before the store answered for the first time.
            holder, since_s = self._services.holder, now_s - self._began_s
            store.running.end_of(holder, older_than_s=since_s)
            store.actions.close_abandoned(holder, older_than_s=since_s)
        changes = store.marks.changed_since(self._mark)
        first, self._mark = self._mark is None, changes.mark
        self._tell(changes, first=first)
        if self._waiting or changes.organizations(LiveTopic.ACTION):
            waiting = store.actions.waiting()
            self._waiting = bool(waiting)
            for organization, verbs in waiting.items():
                self._handlers.asked(organization, verbs)
        if now_s - self._beat_s >= self._services.settings.lease_ttl / _BEATS_PER_TTL:
            self._beat_s = now_s
            store.running.beat(self._services.holder)
            store.actions.beat(self._services.holder)
            store.actions.close_abandoned()
        self._handlers.catch_up()

    def _tell(self, changes: LiveChanges, *, first: bool) -> None:
        seen = changes.organizations(LiveTopic.VIEW, LiveTopic.RUNNING)
        if seen or first:
            healths = self._services.store.views.healths()
            self.moving = frozenset(name for name, health in healths.items() if health is Health.PROGRESSING)
            for organization, health in healths.items():
                if first or organization in seen:
                    self._handlers.health(organization, health)
        if viewed := changes.organizations(LiveTopic.VIEW):
            self._handlers.viewed(viewed)
        if changes.organizations(LiveTopic.ASSIGNMENT):
            self._handlers.assigned()
        self._handlers.pushed(changes)
        for topic, reason in _REASONS.items():
            for organization in sorted(changes.organizations(topic)):
                self._handlers.nudge(organization, reason)
