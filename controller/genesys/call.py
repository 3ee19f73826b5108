"""One request to the organisation's API and its answer, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

from controller.domain.errors.organization import BadAnswer
from controller.domain.platform import Priority
from controller.domain.waiting import http_date

QueryValue = str | int | bool | Sequence[str]

_READS = frozenset({"GET", "HEAD"})
_NO_IDS = frozenset({"", ".", ".."})


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A request by its route template, so that latencies, permissions and errors name the route without ids."""

    method: str
    route: str
    """`/api/v2/flows/{flowId}`."""
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, QueryValue | None] = field(default_factory=dict)
    """None values are left out."""
    body: object = None
    """Sent as JSON unless None."""
    priority: Priority = Priority.OBSERVE
    repeatable: bool = False
    """Whether a write may be sent again after a lost answer. Reads always may."""
    limit_bytes: int | None = None
    """Largest answer in bytes; None for the settings' limit for JSON."""

    @property
    def reads(self) -> bool:
        """Whether the call changes nothing."""
        return self.method in _READS

    @property
    def safe(self) -> bool:
        """Whether a second request has no further effect."""
        return self.repeatable or self.reads

    @property
    def name(self) -> str:
        """`GET /api/v2/flows/{flowId}`, as used by errors, metrics and tables of permissions."""
        return f"{self.method} {self.route}"

    def target(self) -> str:
        """The path with escaped ids. Raises BadAnswer for an id that would change the path."""
        filled = self.route
        for name, value in self.path.items():
            if value in _NO_IDS:
                raise BadAnswer(f"{self.name}: {value!r} cannot be used as {name}")
            filled = filled.replace(f"{{{name}}}", quote(value, safe=""))
        return filled

    def params(self) -> list[tuple[str, str]]:
        """The query as pairs, repeated for lists, in the order of the mapping."""
        return [(name, text) for name, value in self.query.items() for text in _texts(value)]


def _texts(value: QueryValue | None) -> list[str]:
    if value is None:
        return []
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, str | int):
        return [str(value)]
    return list(value)


def iso_utc(moment: datetime) -> str:
    """A time as queries name it: `2026-08-10T14:50:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer within its limits."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    content: bytes = field(repr=False)

    @property
    def correlation_id(self) -> str | None:
        """The correlation id, which Genesys' support asks for."""
        return self.headers.get("inin-correlation-id")

    @property
    def sent_at(self) -> datetime | None:
        """The time of the answer by the organisation's clock, to the second."""
        return http_date(self.headers.get("date", ""))
