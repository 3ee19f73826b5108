"""Finds what is to be told: compares what people know with what a pass found. Values only.

A trouble is told when it begins, and once more when it is over. What begins and ends again and again is told
`MOST_STARTS` times within `QUIET`; from then on it is counted, and told with the count once it is quiet for that long.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from controller.domain.notification import NotificationEvent, NotificationSeverity
from controller.notify.troubles import Place, Standing, Told, Topic, Trouble

MOST_STARTS: Final = 3
QUIET: Final = timedelta(hours=1)
_FAILURES: Final = frozenset({NotificationEvent.FAILED, NotificationEvent.ROLLED_BACK})


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncNews:
    """A delivery that has ended."""

    sync_id: int
    troubles: tuple[Trouble, ...] = ()
    """Its flows that failed, were rolled back or were not delivered because of that; all with one event."""
    delivered: frozenset[str] = frozenset()
    """Its flows that are live and healthy now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftNews:
    """Drift that began or ended."""

    trouble: Trouble
    began: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a pass, and the store after it, say about an organisation."""

    at: datetime
    syncs: tuple[SyncNews, ...] = ()
    """Since the last time, oldest first."""
    drift: tuple[DriftNews, ...] = ()
    """Since the last time, in order."""
    troubles: tuple[Trouble, ...] = ()
    """What stands now, of all topics but drift."""
    planned: frozenset[str] | None = None
    """The flows of the plan that is left; None where there is none."""
    settled: frozenset[str] = frozenset()
    """Those that are as git asks, and healthy."""
    undecided: frozenset[str] = frozenset()
    """Flows of which nothing is known to be over: their delivery has not ended, or they are left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something to tell: all that happened in one way at one moment."""

    event: NotificationEvent
    troubles: tuple[Trouble, ...]
    """What began, or what is over."""
    sync_id: int | None = None
    """The delivery in which it happened."""


def what_to_tell(told: Told, found: Findings) -> tuple[Told, tuple[Happening, ...]]:
    """What people know afterwards, and what to tell them: of each delivery, then grouped by event."""
    comparison = _Comparison(dict(told.standing), found.at)
    happenings: list[Happening] = []
    for sync in found.syncs:
        happenings += comparison.sync_ended(sync)
    comparison.drift(found.drift)
    comparison.now(found)
    comparison.settle()
    after = told.advanced(replace(told, standing=comparison.standing))
    return after, (*happenings, *_grouped(comparison.said))


@dataclass(slots=True)
class _Comparison:
    standing: dict[Place, Standing]
    at: datetime
    said: list[tuple[NotificationEvent, Trouble]] = field(default_factory=list)
    delivered: set[str] = field(default_factory=set)
    """Flows whose last delivery went well."""

    def sync_ended(self, sync: SyncNews) -> Iterator[Happening]:
        """Each delivery that failed is told: another commit, or another try, is no flapping."""
        self.delivered |= sync.delivered
        self.delivered -= {trouble.object for trouble in sync.troubles}
        for trouble in sync.troubles:
            known = self.standing.get(trouble.place)
            self.standing[trouble.place] = Standing(
                trouble=trouble, since=self.at, said=True, starts=known.starts if known else (), changed_at=self.at
            )
        if sync.troubles:
            yield Happening(event=sync.troubles[0].event, troubles=sync.troubles, sync_id=sync.sync_id)

    def drift(self, news: Iterable[DriftNews]) -> None:
        """What replaces a drift in the same pass is told, and not that the former one ended."""
        changes = list(news)
        for number, each in enumerate(changes):
            place = each.trouble.place
            if each.began:
                self._begin(each.trouble)
            elif not any(later.began and later.trouble.place == place for later in changes[number + 1 :]):
                self._end(place, each.trouble)

    def now(self, found: Findings) -> None:
        """Compare with what stands now."""
        here = {trouble.place: trouble for trouble in found.troubles}
        for trouble in here.values():
            self._seen(trouble)
        stands = {place: each.trouble for place, each in self.standing.items() if not each.over}
        over = {place for place, each in stands.items() if place not in here and _is_over(each, found, self.delivered)}
        left = {each.group for place, each in stands.items() if each.group and place not in over}
        for place in sorted(over):
            if stands[place].group not in left:
                self._end(place)

    def settle(self) -> None:
        """Tell what changed often and is quiet by now, and forget what is over."""
        for place, standing in list(self.standing.items()):
            if self.at - standing.changed_at < QUIET:
                continue
            if standing.unsaid:
                self._tell(standing.trouble, over=standing.over, changes=standing.unsaid)
                self.standing[place] = replace(standing, unsaid=0, starts=(), said=True)
            if standing.over:
                del self.standing[place]

    def _seen(self, trouble: Trouble) -> None:
        known = self.standing.get(trouble.place)
        if known is None or known.over:
            self._begin(trouble)
        elif trouble.event is NotificationEvent.BLOCKED and _explains(known.trouble, trouble):
            pass
        elif not known.trouble.is_same(trouble):
            self._begin(trouble)
        elif not known.said and not known.unsaid and self._has_lasted(known.since, trouble):
            self._start(trouble, known)

    def _begin(self, trouble: Trouble) -> None:
        known = self.standing.get(trouble.place)
        if trouble.hold_s > 0:
            starts, unsaid = (known.starts, known.unsaid) if known else ((), 0)
            self.standing[trouble.place] = Standing(
                trouble=trouble, since=self.at, said=False, starts=starts, unsaid=unsaid, changed_at=self.at
            )
            return
        self._start(trouble, known)

    def _has_lasted(self, since: datetime, trouble: Trouble) -> bool:
        return (self.at - since).total_seconds() >= trouble.hold_s

    def _start(self, trouble: Trouble, known: Standing | None) -> None:
        """Tell that it began, or count it where it began too often lately."""
        before = tuple(each for each in known.starts if self.at - each < QUIET) if known else ()
        often = len(before) >= MOST_STARTS
        self.standing[trouble.place] = Standing(
            trouble=trouble,
            since=known.since if known and not known.said and not known.over else self.at,
            said=not often,
            starts=(*before, self.at)[-MOST_STARTS:],
            unsaid=(known.unsaid if known else 0) + often,
            changed_at=self.at,
        )
        if not often:
            self._tell(trouble, changes=0 if len(before) + 1 == MOST_STARTS else None)

    def _end(self, place: Place, last: Trouble | None = None) -> None:
        known = self.standing.get(place)
        if known is None or known.over:
            return
        if not known.said and not known.unsaid:
            del self.standing[place]
            return
        often = len([each for each in known.starts if self.at - each < QUIET]) >= MOST_STARTS
        self.standing[place] = replace(
            known, over=True, said=known.said or often, unsaid=known.unsaid + often, changed_at=self.at
        )
        if not often:
            self._tell(replace(known.trouble, why=last.why if last else ""), over=True)

    def _tell(self, trouble: Trouble, *, over: bool = False, changes: int | None = None) -> None:
        event = trouble.event
        if over:
            if event is NotificationEvent.APPROVAL_WANTED or trouble.severity is NotificationSeverity.INFO:
                return  # nothing was wrong
            drifted = trouble.topic is Topic.DRIFT
            event = NotificationEvent.DRIFT_ENDED if drifted else NotificationEvent.RECOVERED
        self.said.append((event, replace(trouble, changes=changes)))


def _explains(known: Trouble, block: Trouble) -> bool:
    """Whether people know why the flow is blocked: the delivery of the same content failed."""
    return known.event in _FAILURES and known.digest == block.digest


def _is_over(trouble: Trouble, found: Findings, delivered: Collection[str]) -> bool:
    """Whether the pass proves it. What was not looked at is not over."""
    if trouble.topic is Topic.PASS or (trouble.topic is Topic.DELIVERY and trouble.object in delivered):
        return True
    if found.planned is None or trouble.topic is Topic.DRIFT:
        return False
    if trouble.topic is Topic.POLICY:
        return True
    if trouble.object in found.undecided:
        return False
    if trouble.event in _FAILURES:
        return trouble.object in found.settled or trouble.object not in found.planned
    return True


def _grouped(said: Iterable[tuple[NotificationEvent, Trouble]]) -> Iterator[Happening]:
    """One happening for each event, apart for flows and for the organisation."""
    groups: dict[tuple[NotificationEvent, bool], list[Trouble]] = {}
    for event, trouble in said:
        groups.setdefault((event, bool(trouble.object)), []).append(trouble)
    for (event, _), troubles in groups.items():
        yield Happening(event=event, troubles=tuple(sorted(troubles, key=lambda each: each.place)))
