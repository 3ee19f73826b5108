"""One request, as route handlers receive it, and the routes: method, path template, required rights, handler."""

from __future__ import annotations

import hmac
import json
import re
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import compile_path

from controller.domain.identity import FlowKey
from controller.simulator.calls import LoggedCall
from controller.simulator.faults import Fault, FaultKind
from controller.simulator.flow import Actor, SimulatedFlow
from controller.simulator.oauth import Usage
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.problem import ApiError, bad_request
from controller.simulator.settings import SimulatedClient
from controller.simulator.simulator import Simulator
from controller.simulator.state import SimulatedJob

_MOST_DIGITS = 19
"""Digits of a number in a query; a longer number fits no field of the API."""
_RESOURCE_ID = re.compile(r"[0-9a-fA-F-]{36}")
_SIGNATURE = re.compile(r"(?i)((?:^|&)[^=&]*signature=)[^&]*")


@dataclass(slots=True)
class ServedCall:
    simulator: Simulator
    request: Request
    route: str
    """The route's template."""
    path: Mapping[str, str]
    """Path parameters by their names in the route's template."""
    raw: bytes
    now: datetime
    client: SimulatedClient | None = None
    """The calling client; None on routes that need no token."""
    usage: Usage | None = None
    """The rate limit of the caller's token; None on routes that need no token."""
    correlation_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    hits: list[str] = field(default_factory=list)
    """Names of the faults that have hit it so far."""
    began_s: float = field(init=False)
    """Arrival time on the organisation's monotonic clock."""

    def __post_init__(self) -> None:
        self.began_s = self.simulator.clock.monotonic()

    @property
    def organization(self) -> SimulatedOrganization:
        return self.simulator.organization

    @property
    def actor(self) -> Actor:
        if self.client is None:
            raise ApiError(401, "authentication.required", "No authentication bearer token specified.")
        return self.client.actor

    def url(self, path: str) -> str:
        """An absolute URL on the host that the caller used."""
        return f"{self.request.url.scheme}://{self.request.url.netloc}{path}"

    def flow(self) -> SimulatedFlow:
        """The flow that the path or the query identifies. Raises 400, 404, 410."""
        return self.organization.flow(self.path.get("flowId") or self.required("flow"))

    def fault(self, kinds: Collection[FaultKind], *flows: SimulatedFlow | FlowKey | None) -> Fault | None:
        """The fault of one of these kinds that hits this call, by the given flows and those that the call names."""
        subjects = {subject for flow in (*flows, *self._named_flows()) if flow for subject in _subjects(flow)}
        fault = self.simulator.faults.take(kinds, self.request.method, self.route, subjects, self.now)
        if fault:
            self.hits.append(fault.name)
        return fault

    def logged(self, status: int) -> LoggedCall:
        """The entry for the call log. The log assigns the number."""
        named = (flow.key if isinstance(flow, SimulatedFlow) else flow for flow in self._named_flows() if flow)
        return LoggedCall(
            number=0,
            at=self.now,
            method=self.request.method,
            route=self.route,
            path=self.request.url.path,
            query=_SIGNATURE.sub(r"\1…", self.request.url.query),
            status=status,
            client=self.client.id if self.client else None,
            flows=tuple(dict.fromkeys(str(key) for key in named)),
            faults=tuple(dict.fromkeys(self.hits)),
            duration_s=self.simulator.clock.monotonic() - self.began_s,
        )

    def _named_flows(self) -> Iterator[SimulatedFlow | FlowKey | None]:
        state = self.organization.state
        yield state.flows.get(self.path.get("flowId") or self.text("flow") or "")
        job = state.jobs.get(self.path.get("jobId", ""))
        if job:
            yield job.flow_key
            yield from (state.flows.get(item.flow_id) for item in job.items)

    # --- Query --------------------------------------------------------------------------------------------------

    def text(self, name: str) -> str | None:
        """A query parameter; None when it is absent or empty."""
        return self.request.query_params.get(name) or None

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise bad_request(f"The required query parameter [{name}] is missing.")
        return value

    def many(self, name: str) -> tuple[str, ...]:
        """A parameter that may be repeated or hold a list with commas, as Genesys' SDK sends it."""
        values = self.request.query_params.getlist(name)
        return tuple(part for value in values for part in value.split(",") if part)

    def flag(self, name: str) -> bool:
        return (self.text(name) or "").lower() == "true"

    def number(self, name: str, default: int, *, minimum: int = 1, maximum: int | None = None) -> int:
        """A whole number from the minimum to the maximum. Raises 400 for anything else."""
        value = self.text(name)
        if value is None:
            return default
        known = value.isascii() and value.isdigit() and len(value) < _MOST_DIGITS
        if not known or int(value) < minimum or (maximum and int(value) > maximum):
            raise bad_request(
                f"Value [{value}] is not valid for query parameter [{name}].", code="invalid.query.param.value"
            )
        return int(value)

    def moment(self, name: str) -> datetime | None:
        """A point in time. Raises 400 when it is not ISO 8601."""
        value = self.text(name)
        return parse_moment(value) if value else None

    # --- Body ---------------------------------------------------------------------------------------------------

    def json(self) -> Mapping[str, object]:
        """The JSON object that was sent; empty for no body and for `null`. Raises 400."""
        value = self.json_value()
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise bad_request("The request body must be a JSON object.")
        return value

    def json_value(self) -> object:
        """The request body; None where it is empty. Raises 400 when it is not JSON."""
        try:
            value: object = json.loads(self.raw) if self.raw.strip() else None
            if b"\\u" in self.raw:
                # Half of a surrogate pair: JSON can express it, but no answer can carry it.
                json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise bad_request("The request could not be understood by the server due to malformed syntax.") from error
        return value

    def string(self, name: str) -> str | None:
        """A text in the body; None when it is absent, null or empty. Raises 400 when it is anything else."""
        value = self.json().get(name)
        if value is not None and not isinstance(value, str):
            raise bad_request(f"[{name}] must be a text.")
        return value or None

    def mapping(self, name: str) -> Mapping[str, object]:
        """An object in the body; empty when it is absent or null. Raises 400 when it is anything else."""
        value = self.json().get(name)
        if value is not None and not isinstance(value, dict):
            raise bad_request(f"[{name}] must be an object.")
        return value or {}


def _subjects(flow: SimulatedFlow | FlowKey) -> tuple[str, ...]:
    key = flow if isinstance(flow, FlowKey) else flow.key
    return (str(key), key.name, *(() if isinstance(flow, FlowKey) else (flow.id,)))


def parse_moment(value: str) -> datetime:
    """An ISO 8601 moment in UTC. Raises 400."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        message = "Dates must be specified as ISO-8601 strings. For example: yyyy-MM-ddTHH:mm:ss.SSSZ"
        raise bad_request(message, code="invalid.date") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def refuse_unsigned(call: ServedCall, job: SimulatedJob, parameter: str) -> None:
    """Raise 403 for a download whose query parameter is not the job's signature, or that comes too late."""
    valid_s = call.simulator.settings.download_valid_s
    signed = hmac.compare_digest(call.text(parameter) or "", job.key)
    if not signed or not job.ends_at or call.now > job.ends_at + timedelta(seconds=valid_s):
        raise ApiError(403, "forbidden", "The download link is not valid or has expired.")


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return JSONResponse(value, status, headers=headers)


def texts(value: object, what: str) -> list[str]:
    """A list of strings from a body. Raises 400."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise bad_request(f"[{what}] must be a list of strings.")
    return [str(item) for item in value]


def records(value: object, what: str) -> list[Mapping[str, object]]:
    """A list of objects from a body. Raises 400."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise bad_request(f"[{what}] must be a list of objects.")
    return [item for item in value if isinstance(item, dict)]


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


@dataclass(slots=True)
class Routes:
    """Finds the endpoint of a request: the first match in the order of addition."""

    _compiled: dict[str, list[tuple[re.Pattern[str], ServedEndpoint]]] = field(default_factory=dict)
    """By method."""

    def add(self, endpoints: Sequence[ServedEndpoint]) -> None:
        for endpoint in endpoints:
            self._compiled.setdefault(endpoint.method, []).append((_pattern(endpoint.template), endpoint))

    def find(self, request: Request) -> tuple[ServedEndpoint, Mapping[str, str]] | None:
        """The endpoint, and the path parameters by their names."""
        path = request.scope["path"]
        for pattern, endpoint in self._compiled.get(request.method, ()):
            match = _match(pattern, path)
            if match and (endpoint.when is None or endpoint.when(request)):
                return endpoint, match.groupdict()
        return None

    def served(self) -> frozenset[tuple[str, str]]:
        """Methods and templates of the organisation's routes, without the control routes."""
        every = (endpoint for compiled in self._compiled.values() for _, endpoint in compiled)
        return frozenset((one.method, one.template) for one in every if not one.internal)

    def methods(self, path: str) -> list[str]:
        """The methods that are answered at this path."""
        found = (
            method for method, compiled in self._compiled.items() if any(_match(each, path) for each, _ in compiled)
        )
        return sorted(found)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return compile_path(template)[0]


def _match(pattern: re.Pattern[str], path: str) -> re.Match[str] | None:
    """The match of a whole path. A fixed name, below `/flows` or a listing of resources, does not count as an id."""
    match = pattern.match(path)
    if match is None:
        return None
    flow, resource = match.groupdict().get("flowId"), match.groupdict().get("resourceId")
    beside = flow in BESIDE_FLOWS or (resource is not None and not _RESOURCE_ID.fullmatch(resource))
    return None if beside else match
