"""How often each route was called, for tests and demonstrations that count."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Calls:
    _counts: Counter[tuple[str, str, int]] = field(default_factory=Counter)

    def add(self, method: str, template: str, status: int) -> None:
        self._counts[method, template, status] += 1

    def clear(self) -> None:
        self._counts.clear()

    def count(self, method: str | None = None, template: str | None = None, status: int | None = None) -> int:
        """Calls that match everything that is given."""
        return sum(
            count
            for (a_method, a_template, a_status), count in self._counts.items()
            if method in (None, a_method) and template in (None, a_template) and status in (None, a_status)
        )

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
