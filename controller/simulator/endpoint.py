"""A route: method, path template, required rights, and handler."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path

from controller.simulator.call import ServedCall

INTERNAL = "/_simulator"
"""Prefix of the control routes, which have no limits, counts or faults."""
BESIDE_FLOWS = frozenset(
    {
        *("actions", "datatables", "divisionviews", "executions", "export", "instances", "jobs", "lookup"),
        *("milestones", "outcomes", "validate"),
    }
)
"""Names below `/api/v2/flows` that are not ids of flows."""


@dataclass(frozen=True, slots=True)
class ServedEndpoint:
    method: str
    template: str
    """The template under which calls are counted: `/api/v2/flows/{flowId}`."""
    handler: Callable[[ServedCall], Response]
    permissions: tuple[str, ...] = ()
    """The caller needs one of these."""
    every: bool = False
    """Whether all of the permissions are needed instead of one."""
    open: bool = False
    """Whether it needs no token, as for presigned URLs and the token endpoint."""
    when: Callable[[Request], bool] | None = None
    """A further condition, for a route that two dialects share. The first matching endpoint answers."""
    fields: tuple[str, ...] | None = ()
    """Fields that the body of a control request may hold; None leaves it to the handler."""
    filters: tuple[str, ...] = ()
    """Query parameters that a control request may have."""

    @property
    def internal(self) -> bool:
        return self.template.startswith(INTERNAL)


@dataclass(frozen=True, slots=True)
class FoundEndpoint:
    endpoint: ServedEndpoint
    path: Mapping[str, str]


@dataclass(slots=True)
class Routes:
    """Finds the endpoint of a request: the first match in the order of addition."""

    _compiled: list[tuple[re.Pattern[str], ServedEndpoint]] = field(default_factory=list)

    def add(self, endpoints: Sequence[ServedEndpoint]) -> None:
        self._compiled.extend((compile_path(endpoint.template)[0], endpoint) for endpoint in endpoints)

    def find(self, request: Request) -> FoundEndpoint | None:
        path = request.url.path if request.scope.get("path") is None else request.scope["path"]
        for pattern, endpoint in self._compiled:
            match = _match(pattern, path) if endpoint.method == request.method else None
            if match and (endpoint.when is None or endpoint.when(request)):
                return FoundEndpoint(endpoint, match.groupdict())
        return None

    def served(self) -> frozenset[tuple[str, str]]:
        """Methods and templates of the organisation's routes, without the control routes."""
        return frozenset((one.method, one.template) for _, one in self._compiled if not one.internal)

    def methods(self, path: str) -> list[str]:
        """The methods that are answered at this path."""
        return sorted({endpoint.method for pattern, endpoint in self._compiled if _match(pattern, path)})


def _match(pattern: re.Pattern[str], path: str) -> re.Match[str] | None:
    """The match of a whole path. A fixed name below `/flows` does not count as a flow's id."""
    match = pattern.match(path)
    return match if match and match.groupdict().get("flowId") not in BESIDE_FLOWS else None
