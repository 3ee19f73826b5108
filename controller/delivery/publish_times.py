"""How long publishes take, learned from earlier ones: the same flow's, or else those of flows of its type and size.

The mean and its deviation are smoothed as TCP smooths round-trip times (RFC 6298, section 2), with larger weights,
since a flow is published far more rarely than a packet is sent.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from controller.domain.identity import FlowKey
from controller.domain.publish_time import PublishTime, PublishWay

_WEIGHT = 0.25
"""The share of the newest publish in the mean, and of its distance in the deviation."""
_FIRST_DEVIATION = 0.25
"""The deviation after one publish, as a share of its duration."""
_NEIGHBOURS = 8
"""Flows of the same type, nearest in size, that stand for one without publishes of its own."""
_FEWEST = 4
"""Fewer of them say too little."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """When a publish is expected to be done, in seconds after it was sent."""

    expected_s: float
    earliest_s: float
    """A look before it is probably too early."""
    latest_s: float
    """It should be done by then."""


class PublishTimes:
    """The publishes of one organisation, those of the running sync included."""

    def __init__(self, known: Mapping[tuple[FlowKey, PublishWay], PublishTime] | None = None) -> None:
        self._own = dict(known or {})
        self._by_size: defaultdict[tuple[str, PublishWay], list[tuple[int, int, float]]] = defaultdict(list)
        """By type and way: size, number in order of time, and seconds."""
        self._numbers = itertools.count()
        for (key, way), time in self._own.items():
            insort(self._by_size[key.type, way], (time.size, next(self._numbers), time.seconds))

    def of(self, key: FlowKey, way: PublishWay, size: int | None) -> Expectation | None:
        """When the flow's next publish is expected to be done; None where no publish is known that it compares to.

        `size` is that of its file in characters; None before it was read.
        """
        own = self._own.get((key, way))
        if own is not None:
            return _around(own.seconds, own.deviation_s, spread=1.0)
        near = self._nearest(key.type, way, size)
        if len(near) < _FEWEST:
            return None
        mean = fmean(near)
        deviation = fmean(abs(seconds - mean) for seconds in near)
        return _around(mean, deviation, spread=2.0)

    def learn(self, key: FlowKey, way: PublishWay, size: int, seconds: float) -> PublishTime:
        """Take in a publish that ended well, and return what is known of the flow then."""
        before = self._own.get((key, way))
        if before is None:
            learned = PublishTime(seconds, seconds * _FIRST_DEVIATION, size)
        else:
            distance = abs(seconds - before.seconds)
            learned = PublishTime(
                before.seconds + _WEIGHT * (seconds - before.seconds),
                before.deviation_s + _WEIGHT * (distance - before.deviation_s),
                size,
            )
        self._own[key, way] = learned
        insort(self._by_size[key.type, way], (size, next(self._numbers), seconds))
        return learned

    def _nearest(self, flow_type: str, way: PublishWay, size: int | None) -> list[float]:
        neighbours = self._by_size.get((flow_type, way), [])
        if size is None:
            return [seconds for _, _, seconds in neighbours]
        place = bisect_left(neighbours, (size + 1,))
        around = neighbours[max(place - _NEIGHBOURS, 0) : place + _NEIGHBOURS]
        # Many flows may have one size: the newest ones of them, not the quickest ones.
        nearest = sorted(around, key=lambda neighbour: (abs(neighbour[0] - size), -neighbour[1]))[:_NEIGHBOURS]
        return [seconds for _, _, seconds in nearest]


def _around(mean_s: float, deviation_s: float, *, spread: float) -> Expectation:
    return Expectation(mean_s, max(mean_s - spread * deviation_s, 0.0), mean_s + 3 * deviation_s)
