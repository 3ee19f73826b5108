"""Latencies of calls by method and route template, as percentiles; an observer sees every call."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

_KEPT = 2048

CallObserver = Callable[[str, str, float, int], None]
"""Called after each exchange with the method, the route, the seconds that it took, and the status; 0 is no answer."""


@dataclass(frozen=True, slots=True)
class RouteLatency:
    """The calls of a route.

    Percentiles cover the last 2,048 calls, the maximum all calls.
    """

    method: str
    """The HTTP method."""
    route: str
    """The route, with names in place of ids."""
    count: int
    """All calls."""
    p50_ms: float
    """The median of the last 2,048 calls, in milliseconds."""
    p95_ms: float
    """Their 95th percentile."""
    max_ms: float
    """The slowest of all calls."""


@dataclass(slots=True)
class _Samples:
    count: int = 0
    max_ms: float = 0.0
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))


class Latency:
    """Collects the latency of every exchange of one transport."""

    def __init__(self) -> None:
        self.observer: CallObserver | None = None
        self._routes: dict[tuple[str, str], _Samples] = {}

    def record(self, method: str, route: str, seconds: float, status: int) -> None:
        """Record one exchange; `status` is 0 without an answer."""
        samples = self._routes.setdefault((method, route), _Samples())
        samples.count += 1
        samples.max_ms = max(samples.max_ms, seconds * 1000)
        samples.recent.append(seconds * 1000)
        if self.observer is not None:
            self.observer(method, route, seconds, status)

    def snapshot(self) -> tuple[RouteLatency, ...]:
        """All routes called so far, ordered by route and method."""
        return tuple(
            RouteLatency(
                method=method,
                route=route,
                count=samples.count,
                p50_ms=percentile(samples.recent, 0.50),
                p95_ms=percentile(samples.recent, 0.95),
                max_ms=samples.max_ms,
            )
            for (method, route), samples in sorted(self._routes.items(), key=lambda item: (item[0][1], item[0][0]))
        )


def percentile(samples: deque[float] | list[float], fraction: float) -> float:
    """Nearest-rank percentile; 0.0 without samples."""
    if not samples:
        return 0.0
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(fraction * len(ordered)) - 1)]
