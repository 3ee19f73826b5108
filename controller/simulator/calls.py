"""Counts and a log of the calls, for tests and demonstrations."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from datetime import datetime

from controller.simulator.time import iso

MOST_LOGGED = 10_000
"""Calls that the log keeps; new calls replace the oldest."""


@dataclass(slots=True)
class LoggedCall:
    """One answered call."""

    number: int
    """Number of the call; 1 is the first call since the log was cleared."""
    at: datetime
    """Arrival time by the organisation's clock."""
    method: str
    route: str
    """The route's template, as in the counts."""
    path: str
    query: str
    """The query as received, without the values of signatures; empty without a query."""
    status: int
    """0 when the connection was dropped without an answer."""
    client: str | None = None
    """Id of the client by its token or token request; None if there was none or it is unknown."""
    flows: tuple[str, ...] = ()
    """`type/name` of the flows that the path, query or job names."""
    faults: tuple[str, ...] = ()
    """Names of the faults that hit it."""
    duration_s: float = 0.0
    """Seconds from the request to the end of its answer, by the organisation's clock."""

    def shown(self) -> dict[str, object]:
        shown = asdict(self) | {"at": iso(self.at), "duration_ms": round(self.duration_s * 1000, 3)}
        del shown["duration_s"]
        return shown


@dataclass(slots=True)
class Calls:
    """Counts of all calls, and a log of the latest ones."""

    most: int = MOST_LOGGED
    _counts: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    _log: deque[LoggedCall] = field(default_factory=deque)

    def add(self, call: LoggedCall) -> None:
        """Count and log a call, and assign its number."""
        self._counts[call.method, call.route, call.status] += 1
        call.number = self._counts.total()
        self._log.append(call)
        if len(self._log) > self.most:
            self._log.popleft()

    def clear(self) -> None:
        """Reset the counts and clear the log."""
        self._counts.clear()
        self._log.clear()

    @property
    def dropped(self) -> int:
        """Number of calls that the log has dropped since it was cleared."""
        return self._counts.total() - len(self._log)

    def count(self, method: str | None = None, template: str | None = None, status: int | None = None) -> int:
        """Number of calls that match all given arguments."""
        return sum(
            count
            for (a_method, a_template, a_status), count in self._counts.items()
            if method in (None, a_method) and template in (None, a_template) and status in (None, a_status)
        )

    def log(
        self,
        method: str | None = None,
        route: str | None = None,
        *,
        status: int | None = None,
        client: str | None = None,
        since: int = 0,
    ) -> list[LoggedCall]:
        """The logged calls that match all given arguments, in order of arrival.

        `since` is the number of a call: only later calls are returned.
        """
        return [
            call
            for call in self._log
            if call.number > since
            and method in (None, call.method)
            and route in (None, call.route)
            and status in (None, call.status)
            and client in (None, call.client)
        ]

    def report(self) -> dict[str, object]:
        """`total`, and `calls` by method and route template with the statuses answered."""
        routes: dict[tuple[str, str], dict[str, int]] = {}
        for (method, template, status), count in self._counts.items():
            routes.setdefault((method, template), {})[str(status)] = count
        calls = [
            {"method": method, "route": template, "count": sum(statuses.values()), "statuses": statuses}
            for (method, template), statuses in sorted(routes.items())
        ]
        return {"total": self._counts.total(), "calls": calls}
