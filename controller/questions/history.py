"""Which version of a flow was live when: periods, from everything that is known about one flow. Pure, without I/O.

There are two kinds of facts. The organisation's list of versions may date each version: such a span is certain. All
others (records, the journal, drift, what is live now) are sightings: the version was live at that moment, and became so
at some time after the sighting of another one. Between the two it was either. A version that was seen is taken to stay
live until another fact; a version that was live in between and left no trace in any source cannot be found.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

from controller.domain.versions import VersionInfo
from controller.questions.live_origins import SKEW, LiveOrigin, LiveResult, Sighting, origin_of

_HANDOVER = timedelta(seconds=5)
"""The longest time from the end of one version to the begin of the next that is still one change."""


@dataclass(frozen=True, slots=True)
class FlowFacts:
    """Everything that is known about one flow."""

    sightings: tuple[Sighting, ...] = ()
    listed: tuple[VersionInfo, ...] = ()
    """The organisation's list of versions; empty if it was not asked or does not show the flow."""
    observed_at: datetime | None = None
    """When the organisation was asked what is live; None if it was not asked or does not tell."""
    client_id: str | None = None
    """Our own client: what it made is not hand-made."""


@dataclass(frozen=True, slots=True)
class ChangeTime:
    """The time of a change: between the two moments, which are equal if it is known exactly."""

    earliest: datetime
    latest: datetime

    @property
    def exact(self) -> bool:
        return self.earliest == self.latest


@dataclass(frozen=True, slots=True)
class Period:
    """One version live, from one change to another."""

    version: str | None
    """None if nothing was live, as far as is known."""
    began: ChangeTime | None
    """None if it was live already at the first moment that is known, `seen_from`."""
    ended: ChangeTime | None
    """None if no later change is known."""
    seen_from: datetime
    seen_until: datetime
    """The last moment at which it is known to have been live."""
    origin: LiveOrigin = field(default_factory=LiveOrigin)
    certain: bool = True
    """False if another version may have been live meanwhile that the sources do not tell any more."""

    def surely(self, at: datetime) -> bool:
        """Whether it was live at that moment beyond doubt."""
        return self.certain and self.seen_from <= at and (at < self.ended.earliest if self.ended else True)

    def maybe(self, at: datetime) -> bool:
        """Whether it may have been live at that moment."""
        begin = self.began.earliest if self.began else self.seen_from
        return begin <= at and (self.ended is None or at < self.ended.latest)


@dataclass(frozen=True, slots=True)
class LiveAt:
    """The answer for one moment: one version, one of several, or none because the moment is not known."""

    versions: tuple[str | None, ...] = ()
    """The version, or those that it may have been; None stands for no version. Empty if nothing is known."""
    certain: bool = False
    """Whether it was this version beyond doubt."""
    between: ChangeTime | None = None
    """From when to when it was one of several."""
    known_from: datetime | None = None
    """Set if the moment is before everything that is known."""
    known_until: datetime | None = None
    """Set if nothing is known after this moment, and the moment is later."""


_NOTHING = LiveOrigin(LiveResult.NOTHING)


def periods_of(facts: FlowFacts) -> tuple[Period, ...]:
    """The periods of one flow, oldest first. They do not overlap, and have no gaps from the first fact on."""
    spans = _spans(facts.listed)
    loose = [each for each in sorted(facts.sightings, key=lambda found: found.at) if not _covered(each, spans)]
    marks = sorted([*spans, *map(_mark, loose)], key=lambda mark: (mark.seen_from, mark.ended is None))
    periods: list[Period] = []
    for mark in marks:
        _append(periods, mark, facts)
    if periods and periods[-1].ended is not None:
        last = periods[-1].ended
        periods.append(Period(None, last, None, last.latest, last.latest, _NOTHING))
    if periods and facts.observed_at is not None:
        until = max(periods[-1].seen_until, facts.observed_at)
        periods[-1] = replace(periods[-1], seen_until=until)
    return _with_origins(periods, facts)


def live_at(periods: Sequence[Period], at: datetime) -> LiveAt:
    """The version that was live at a moment, from the periods of one flow, oldest first."""
    if not periods or at < periods[0].seen_from:
        return LiveAt(known_from=periods[0].seen_from if periods else None)
    last = periods[-1]
    if at > last.seen_until and last.maybe(at) and last.ended is None and last.seen_from <= at:
        return LiveAt((last.version,), known_until=last.seen_until)
    sure = next((period for period in periods if period.surely(at)), None)
    if sure is not None:
        return LiveAt((sure.version,), certain=True)
    found = [period for period in periods if period.maybe(at)]
    versions = tuple(dict.fromkeys(period.version for period in found))
    return LiveAt(versions, between=_between(found, at))


def _between(found: Sequence[Period], at: datetime) -> ChangeTime | None:
    """The stretch of time, around the moment, in which it is not known which of these was live."""
    bounds = [bound for each in found for bound in (each.began, each.ended) if bound is not None and not bound.exact]
    around = [bound for bound in bounds if bound.earliest <= at < bound.latest]
    if around:
        return ChangeTime(min(each.earliest for each in around), max(each.latest for each in around))
    vague = next((each for each in found if not each.certain), None)
    return ChangeTime(vague.seen_from, vague.ended.latest) if vague is not None and vague.ended is not None else None


def _spans(listed: Iterable[VersionInfo]) -> list[Period]:
    """The dated versions in order of time; where two overlap, the later one counts."""
    dated = sorted(
        ((info.published_at, info) for info in listed if info.published_at is not None), key=lambda pair: pair[0]
    )
    found: list[Period] = []
    for index, (start, info) in enumerate(dated):
        following = dated[index + 1][0] if index + 1 < len(dated) else None
        ends = [moment for moment in (info.published_until, following) if moment is not None]
        end = min(ends, default=None)
        if end is not None and (end <= start or (following is not None and following - end <= _HANDOVER)):
            end = following if following is not None else end
        if end is not None and end <= start:
            continue
        ended = None if end is None else ChangeTime(end, end)
        found.append(Period(info.version, ChangeTime(start, start), ended, start, end or start))
    return found


def _covered(seen: Sighting, spans: Iterable[Period]) -> bool:
    """Whether the organisation dates what was live then; the clocks may differ a little."""
    for span in spans:
        skew = SKEW if span.version == seen.version else timedelta()
        if span.seen_from - skew <= seen.at and (span.ended is None or seen.at < span.ended.latest + skew):
            return True
    return False


def _mark(seen: Sighting) -> Period:
    began = None if seen.not_before is None else ChangeTime(min(seen.not_before, seen.at), seen.at)
    origin = LiveOrigin() if seen.version is not None else _NOTHING
    return Period(seen.version, began, None, seen.at, seen.at, origin)


def _append(periods: list[Period], mark: Period, facts: FlowFacts) -> None:
    """Add the next fact to the periods before it."""
    dated = mark.began is not None and mark.began.exact
    if not periods:
        periods.append(mark if dated else replace(mark, began=None))
        return
    last = periods[-1]
    if last.ended is not None:
        _after_a_dated_end(periods, last.ended, mark, facts)
    elif last.version != mark.version:
        change = ChangeTime(_earliest(last.seen_until, mark), mark.seen_from)
        periods[-1] = replace(last, ended=change, seen_until=max(last.seen_until, change.earliest))
        periods.append(replace(mark, began=change))
    elif not dated:
        periods[-1] = replace(last, seen_until=max(last.seen_until, mark.seen_until))
    else:
        # It was published once more. Another version may have been live before that, unless the publish was ours.
        since = mark.seen_from if _made_again(facts.sightings, mark) else last.seen_until
        periods[-1] = replace(last, ended=ChangeTime(since, mark.seen_from), seen_until=since)
        periods.append(mark)


def _after_a_dated_end(periods: list[Period], end: ChangeTime, mark: Period, facts: FlowFacts) -> None:
    """Add a fact after a version whose end the organisation dates."""
    if mark.version is None:
        periods.append(Period(None, end, None, end.latest, max(end.latest, mark.seen_from), _NOTHING))
        return
    if end.latest >= mark.seen_from:
        periods.append(replace(mark, began=end))
        return
    change = ChangeTime(_earliest(end.latest, mark), mark.seen_from)
    certain = change.exact and not _republished(facts.listed, mark.seen_from)
    periods.append(Period(None, end, change, end.latest, end.latest, _NOTHING, certain))
    periods.append(replace(mark, began=change))


def _earliest(seen_until: datetime, mark: Period) -> datetime:
    """The earliest time of the change to the next fact: after the last sighting, and not before what it says itself."""
    return min(max(seen_until, mark.began.earliest if mark.began else seen_until), mark.seen_from)


def _made_again(sightings: Iterable[Sighting], span: Period) -> bool:
    """Whether a delivery of ours made the same version live again, so that no other was live in between."""
    delivered = (LiveResult.DELIVERED, LiveResult.ADOPTED)
    return any(
        each.version == span.version
        and each.origin is not None
        and each.origin.result in delivered
        and span.seen_from - SKEW <= each.at
        and (span.ended is None or each.at < span.ended.latest + SKEW)
        for each in sightings
    )


def _republished(listed: Iterable[VersionInfo], end: datetime) -> bool:
    """Whether a version was there before that moment and published after it: the list has only its last dates."""
    return any(
        info.published_at is not None
        and info.published_at >= end
        and (info.created_at is None or info.created_at < end - _HANDOVER)
        for info in listed
    )


def _with_origins(periods: Sequence[Period], facts: FlowFacts) -> tuple[Period, ...]:
    told = [replace(each, origin=_origin(each, facts)) for each in periods]
    for index, (before, after) in enumerate(pairwise(told)):
        if after.origin.result is LiveResult.RESTORED and before.origin.result is LiveResult.DELIVERED:
            why = replace(before.origin, result=LiveResult.ROLLED_BACK, cause=after.origin.cause)
            told[index] = replace(before, origin=why)
    return tuple(told)


def _origin(period: Period, facts: FlowFacts) -> LiveOrigin:
    begin = period.began.earliest if period.began else period.seen_from
    end = period.ended.latest if period.ended else None
    mine = [
        each
        for each in facts.sightings
        if each.version == period.version
        and begin - SKEW <= each.at
        and (end is None or each.at < end + SKEW)
        and (each.not_before is None or period.seen_from >= each.not_before - SKEW)
    ]
    info = next((each for each in facts.listed if each.version == period.version), None)
    return origin_of(mine, info, facts.client_id) or period.origin
