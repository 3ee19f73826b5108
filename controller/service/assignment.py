"""Decides with the other replicas which organisations this process looks after.

Each replica beats in the store, and claims or gives up organisations until the shares are fair; none leads the others
(`shares`). What a replica that died held expires and is claimed at once. An organisation is given up between two
passes; a pass that takes too long is parked first, as after a shutdown signal, and resumed by the other replica.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from controller.domain.errors.process import StoreFailed
from controller.domain.waiting import first_of
from controller.reconcile.holder import is_dead, may_have_replaced
from controller.reconcile.services import Services
from controller.service.scrape import ShareCounts
from controller.service.shares import Shares, shares
from controller.store.database import SAME_TIME
from controller.store.replicas import Member, Replica, Roster

log = structlog.get_logger()

BEATS_PER_TTL: Final = 3
PATIENCE_S: Final = 300.0
"""For so long a pass may go on over an organisation that another replica should have."""
_RETRY_S: Final = 1.0
"""After the store failed."""
_SHORTLY: Final = timedelta(milliseconds=50)
"""How long after the end of a lease it is taken."""


class Staff(Protocol):
    """The workers of this process."""

    def works_on(self, organization: str) -> bool:
        """Whether a worker of the organisation has not ended."""

    def passes(self, organization: str) -> bool:
        """Whether a pass over the organisation runs."""

    def interrupt(self, organization: str) -> None:
        """End its pass soon, as after a shutdown signal."""


class Assignment:
    """The organisations of this process. Faults of the store are logged once, until it answers again."""

    def __init__(self, services: Services, staff: Staff) -> None:
        self._services = services
        self._staff = staff
        self._member = Member(services.holder, str(uuid.uuid4()))
        self._ttl_s = services.settings.lease_ttl
        self._serves: frozenset[str] = frozenset()
        self._held: frozenset[str] = frozenset()
        self._leaving: dict[str, float] = {}
        """Organisations that others should have, and since when."""
        self._joined = self._superseded = False
        self._own_from: datetime | None = None
        """When a process whose name this one took has found out; until then its organisations are not this one's."""
        self._until_s = 0.0
        """Until when nobody else can have taken what is held; where a server keeps the store."""
        self._pause_s = 0.0
        self._sound = True
        self._lost: frozenset[str] = frozenset()
        """Organisations that another replica took, and whose passes have to end."""
        self._woken = asyncio.Event()
        self.settled = False
        """Whether the replicas agreed for the first time who looks after what."""
        self._unassigned: frozenset[str] = frozenset()
        """Organisations of the manifests that no replica looks after."""
        self._replicas = 0
        """How many replicas are alive."""

    @property
    def organizations(self) -> frozenset[str]:
        """Those that this process looks after."""
        return self._held - self._leaving.keys()

    @property
    def counts(self) -> ShareCounts:
        """For metrics."""
        return ShareCounts(len(self.organizations), len(self._unassigned), self._replicas)

    def holds(self, organization: str) -> bool:
        """Whether no other replica can have taken the organisation: a pass over it may begin, and what it found count.

        Without a server no other machine has the store, and processes of this one see at once who holds what.
        """
        in_time = not self._services.store.database.is_server or self._services.clock.monotonic() < self._until_s
        return organization in self._held and in_time

    def serve(self, organizations: Collection[str]) -> None:
        """These are the organisations that this process could look after; none when it is about to end."""
        self._serves = frozenset(organizations)
        self._try()

    def wake(self) -> None:
        """Look at once: an organisation changed hands, or a worker has ended."""
        self._woken.set()

    async def run(self, changed: Callable[[], None]) -> None:
        """Beat, claim and give up until cancelled; `changed` is called after `organizations` or `settled` changed."""
        while True:
            await first_of(self._services.clock, self._pause_s, self._woken)
            self._woken.clear()
            before = self.organizations, self.settled
            self._try()
            if (self.organizations, self.settled) != before:
                changed()
            self._interrupt()

    def leave(self) -> None:
        """Give everything up at once; without the store, it expires."""
        try:
            self._services.store.replicas.leave(self._member)
        except StoreFailed as error:
            log.warning("assignments.not-given-up", error=error.message)

    def _try(self) -> None:
        try:
            self._look()
        except StoreFailed as error:
            self._pause_s = _RETRY_S
            if self._sound:
                log.warning("assignments.not-renewed", error=error.message)
            self._sound = False
        else:
            self._sound = True

    def _look(self) -> None:
        """One beat, and what follows from it. Raises StoreFailed."""
        replicas, began_s = self._services.store.replicas, self._services.clock.monotonic()
        roster = replicas.beat(self._member, self._serves, ttl_s=self._ttl_s, joined=self._joined)
        self._joined = True
        self._until_s = began_s + max(self._ttl_s / 2, self._ttl_s - 2 * SAME_TIME.total_seconds())
        seen = self._seen(roster)
        due = self._due(seen)
        claimed: frozenset[str] = frozenset()
        if due.claim:
            claimed = replicas.claim(self._member.name, due.claim, seen.dead, ttl_s=self._ttl_s)
        mine = seen.of(self._member.name) if seen.named_alone else frozenset()
        self._note(mine | claimed, due.give_up)
        self._unassigned = frozenset(each for each in self._serves if seen.holders.get(each) is None) - claimed
        self._replicas = len(seen.alive)
        self.settled = self.settled or seen.at >= self._settled_at(seen)
        self._pause_s = self._next_look_s(seen)
        self._give_up()

    def _seen(self, roster: Roster) -> _Seen:
        if roster.superseded and not self._superseded:
            log.error("replica.name-taken", holder=self._member.name, hint="give each replica a PENSTOCK_HOLDER")
        self._superseded = roster.superseded
        if roster.replaced:
            self._own_from = roster.at + self._agreeing
        waits = self._own_from is not None and roster.at < self._own_from
        shared = self._services.store.database.is_server
        others = {each.holder for each in roster.assigned.values()} | roster.replicas.keys()
        dead = frozenset(
            each
            for each in others - {self._member.name, ""}
            if is_dead(each) or (not shared and may_have_replaced(each))
        )
        alive = {name: each for name, each in roster.replicas.items() if name not in dead}
        named = roster.assigned.keys() | frozenset().union(*(each.serves for each in alive.values()))
        holders = {each: None if (holder := roster.holder(each)) in dead else holder for each in named}
        return _Seen(roster, dead, alive, holders, named_alone=not (waits or roster.superseded))

    def _due(self, seen: _Seen) -> Shares:
        """What to claim and to give up; for a while after a start only what this replica held before it was away.

        When all begin at once, or the store was away for all, the first one would otherwise take everything.
        """
        own = self._member.name
        if not seen.named_alone:
            return Shares()
        if seen.at < self._settled_at(seen):
            mine = seen.of(own)
            before = {each for each, known in seen.roster.assigned.items() if known.holder == own}
            return Shares(frozenset(before & self._serves - mine), mine - self._serves)
        serves = {name: each.serves for name, each in seen.alive.items()}
        return shares(own, serves, seen.holders, lambda each: (each not in self._leaving, self._staff.passes(each)))

    def _settled_at(self, seen: _Seen) -> datetime:
        """When the replica that was there first has been there for the time between two beats."""
        return min(each.since for each in seen.alive.values()) + self._agreeing

    @property
    def _agreeing(self) -> timedelta:
        """After so long, all replicas that a server's store joins have beaten."""
        return timedelta(seconds=self._ttl_s / BEATS_PER_TTL if self._services.store.database.is_server else 0.0)

    def _next_look_s(self, seen: _Seen) -> float:
        """Seconds until the next beat, or until something expires that another replica does not renew."""
        ends = [each.expires_at for name, each in seen.alive.items() if name != self._member.name]
        ends += [seen.roster.assigned[each].expires_at for each, holder in seen.holders.items() if holder]
        ends += [self._settled_at(seen), *filter(None, (self._own_from,))]
        next_end = min((end - seen.at for end in ends if end > seen.at), default=timedelta.max - _SHORTLY)
        return min(self._ttl_s / BEATS_PER_TTL, (next_end + _SHORTLY).total_seconds())

    def _note(self, held: frozenset[str], give_up: frozenset[str]) -> None:
        lost, gained = self._held - held, held - self._held
        if lost:
            log.warning("assignments.lost", organizations=sorted(lost))
        if gained:
            log.info("assignments.claimed", organizations=sorted(gained))
        now_s = self._services.clock.monotonic()
        self._held, self._lost = held, (self._lost | lost) - held
        self._leaving = {each: self._leaving.get(each, now_s) for each in give_up & held}

    def _give_up(self) -> None:
        """Give up what others should have, once its worker has ended. Raises StoreFailed."""
        given = frozenset(each for each in self._leaving if not self._staff.works_on(each))
        if not given:
            return
        self._services.store.replicas.give_up(self._member.name, given)
        log.info("assignments.given-up", organizations=sorted(given))
        self._held -= given
        self._leaving = {each: since for each, since in self._leaving.items() if each not in given}

    def _interrupt(self) -> None:
        """End the passes over what was lost, and over what others have waited for too long.

        One over an organisation that is gone from the manifests comes to its end.
        """
        now_s = self._services.clock.monotonic()
        waited = {each for each, since_s in self._leaving.items() if now_s - since_s >= PATIENCE_S}
        late = waited & self._serves
        for each in sorted(self._lost | late):
            self._staff.interrupt(each)
        self._lost = frozenset()


@dataclass(frozen=True, slots=True)
class _Seen:
    """The roster, as far as this process can tell more than the store."""

    roster: Roster
    dead: frozenset[str]
    """Replicas whose process is known to have ended."""
    alive: Mapping[str, Replica]
    """The others of which that is not so."""
    holders: Mapping[str, str | None]
    """By organisation, the replica that looks after it and is not dead."""
    named_alone: bool
    """Whether no other process uses this one's name."""

    @property
    def at(self) -> datetime:
        return self.roster.at

    def of(self, replica: str) -> frozenset[str]:
        """What a replica holds."""
        return frozenset(each for each, holder in self.holders.items() if holder == replica)
