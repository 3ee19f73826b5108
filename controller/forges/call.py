"""One request to a forge's API and its answer, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from controller.domain.errors.forge import ForgeRejected

QueryText = str | int | bool
_NO_SEGMENTS = frozenset({"", ".", ".."})


@dataclass(frozen=True, slots=True)
class ForgeCall:
    """A request by its route template, so that errors and logs name the route and no values of strangers."""

    method: str
    route: str
    """Below the API's URL; `{repository}` is filled in by the client: `/repos/{repository}/pulls/{number}`."""
    path: Mapping[str, str | int] = field(default_factory=dict)
    query: Mapping[str, QueryText | None] = field(default_factory=dict)
    """None values are left out."""
    body: object = None
    """Sent as JSON unless None."""
    permission: str = ""
    """What the token needs for it, in the forge's words; for a refusal that names nothing."""
    what: str = ""
    """What a 404 means is missing: `the pull request 7`; empty for the repository."""
    base_url: str | None = None
    """Where the route begins, on the same host; None for the API's URL."""
    repeatable: bool = True
    """Whether a second request has no further effect. Creating something is not."""

    @property
    def name(self) -> str:
        """`GET /repos/{repository}/pulls/{number}`."""
        return f"{self.method} {self.route}"

    def target(self) -> str:
        """The path with escaped values. Raises ForgeRejected for a value that would change the path."""
        filled = self.route
        for name, value in self.path.items():
            if str(value) in _NO_SEGMENTS:
                raise ForgeRejected(f"{self.name}: {value!r} cannot be used as {name}")
            filled = filled.replace(f"{{{name}}}", quote(str(value), safe=""))
        return filled

    def params(self) -> list[tuple[str, str]]:
        """The query as pairs, in the order of the mapping."""
        return [(name, _text(value)) for name, value in self.query.items() if value is not None]


def _text(value: QueryText) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class ForgeAnswer:
    """A complete answer within its limits."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    content: bytes = field(repr=False)

    @property
    def is_redirect(self) -> bool:
        """Whether it names another place for the same thing."""
        return self.status in (301, 302, 303, 307, 308)
