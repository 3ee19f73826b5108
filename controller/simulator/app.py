"""The ASGI application that serves a simulated organisation.

The gateway receives every request. It finds the endpoint, checks token, limit and permission, injects faults, and adds
the common headers to every answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from email.utils import format_datetime

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from controller.flows.suggestion import did_you_mean
from controller.simulator import conditions, control, mishaps
from controller.simulator.architect import account, dependencies, executions, flows, jobs, notifications, recording
from controller.simulator.call import Routes, ServedCall, ServedEndpoint, answer
from controller.simulator.faults import ANSWER_FAULTS, FaultKind
from controller.simulator.mishaps import DroppedResponse
from controller.simulator.oauth import IssuedToken, Usage
from controller.simulator.problem import ApiError, bad_request, not_found, too_many_requests
from controller.simulator.resources import control as resource_control
from controller.simulator.resources import listings, prompts, queues, tables, writing
from controller.simulator.simulator import Simulator
from controller.simulator.versioned import action_traces, traces
from controller.simulator.versioned import flows as versioned_flows

VERSIONED = (*versioned_flows.ENDPOINTS, *traces.ENDPOINTS, *action_traces.ENDPOINTS)
ARCHITECT = (
    *account.ENDPOINTS,
    *dependencies.ENDPOINTS,
    *jobs.ENDPOINTS,
    *notifications.ENDPOINTS,
    *recording.ENDPOINTS,
    *executions.ENDPOINTS,
    *flows.ENDPOINTS,
    *listings.ENDPOINTS,
    *writing.ENDPOINTS,
    *tables.ENDPOINTS,
    *prompts.ENDPOINTS,
    *queues.ENDPOINTS,
)
"""Fixed paths come before paths with parameters that match them too."""
CONTROL = (*control.ENDPOINTS, *conditions.ENDPOINTS, *resource_control.ENDPOINTS)
"""The routes below `/_simulator`."""
CORRELATION = "ININ-Correlation-Id"
NO_ANSWER = 0
"""The status that counts for calls with a dropped connection."""


def create_app(simulator: Simulator) -> Starlette:
    """The application for this organisation. Absolute URLs in answers use the scheme and host of the request.

    Raises `SettingsInvalid` for a fault on a route that is not served.
    """
    routes = Routes()
    # The dialects share two routes, which the versioned one answers.
    routes.add((*account.LOGIN, *CONTROL, *VERSIONED, *ARCHITECT))
    simulator.faults.serve(routes.served())
    notifications.announce_to(simulator)
    simulator.begin()
    return Starlette(
        routes=[
            WebSocketRoute("/_channels/{channelId}", notifications.Streaming(simulator).__call__),
            Route("/{path:path}", Gateway(simulator, routes)),
        ]
    )


@dataclass(slots=True)
class Gateway:
    """An ASGI application."""

    simulator: Simulator
    routes: Routes = field(default_factory=Routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            raw = await request.body()
        except ClientDisconnect:
            return
        found = self.routes.find(request)
        endpoint, path = found or (self._unrouted(request), {})
        call = ServedCall(self.simulator, request, endpoint.template, path, raw, self.simulator.settle())
        response = self._respond(call, endpoint)
        if request.method not in ("GET", "HEAD"):
            self.simulator.save()
        if endpoint.internal:
            await response(scope, receive, send)
            return
        # Logged before it is sent, so that the client finds its call in the log as soon as it has the answer.
        logged = call.logged(NO_ANSWER if isinstance(response, DroppedResponse) else response.status_code)
        self.simulator.calls.add(logged)
        try:
            await response(scope, receive, send)
        finally:
            logged.duration_s = self.simulator.clock.monotonic() - call.began_s

    def _unrouted(self, request: Request) -> ServedEndpoint:
        """The endpoint for requests that no route matches."""
        allowed = self.routes.methods(request.scope["path"])

        def refuse(_: ServedCall) -> Response:
            what = f"{request.method} {request.url.path}"
            if not allowed:
                raise not_found(f"The requested resource was not found: the simulator does not answer {what}.")
            listed = ", ".join(allowed)
            message = f"The requested method is not allowed for this resource: the simulator answers {listed} here."
            raise ApiError(405, "method.not.allowed", message, headers={"Allow": listed})

        return ServedEndpoint(request.method, "(unknown route)", refuse, open=True)

    def _respond(self, call: ServedCall, endpoint: ServedEndpoint) -> Response:
        fault = None if endpoint.internal else call.fault(ANSWER_FAULTS)
        early: Response | None = None
        try:
            early = mishaps.before(fault, call.now) if fault else None
            response = early or self._handle(call, endpoint)
        except ApiError as error:
            response = answer(error.body(call.correlation_id), error.status, error.headers)
            early = response if fault and fault.kind is FaultKind.HTTP_429 else None
        _dress(call, response)
        if fault is None or early is not None:
            return response
        try:
            return mishaps.after(fault, response, self.simulator.clock)
        except ApiError as error:
            lost = answer(error.body(call.correlation_id), error.status, error.headers)
            _dress(call, lost)
            return lost

    def _handle(self, call: ServedCall, endpoint: ServedEndpoint) -> Response:
        if not (endpoint.open or endpoint.internal):
            token = self._token(call)
            call.client = token.client
            call.usage = self._count(token)
            _refuse_without_permission(endpoint, token)
        if endpoint.internal:
            _refuse_unknown(endpoint, call)
        return endpoint.handler(call)

    def _token(self, call: ServedCall) -> IssuedToken:
        scheme, _, value = call.request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not value.strip():
            message = "No authentication bearer token specified in authorization header."
            raise ApiError(401, "authentication.required", message)
        if call.fault({FaultKind.EXPIRED_TOKEN}):
            self.simulator.tokens.expire(call.now, value.strip())
        token = self.simulator.tokens.get(value.strip())
        if token is None:
            raise ApiError(401, "bad.credentials", "Invalid login credentials.")
        if token.expires_at <= call.now:
            message = "The supplied credentials are expired and cannot be used."
            raise ApiError(401, "credentials.expired", message)
        return token

    def _count(self, token: IssuedToken) -> Usage:
        usage = self.simulator.limit.count(token.value, self.simulator.clock.monotonic())
        if usage.exceeded:
            raise too_many_requests(usage.reset_s, {"Retry-After": str(usage.reset_s), **usage.headers()})
        return usage


def _dress(call: ServedCall, response: Response) -> None:
    """Add the headers of every answer."""
    response.headers[CORRELATION] = call.correlation_id
    response.headers["Date"] = format_datetime(call.now.astimezone(UTC), usegmt=True)
    if call.usage:
        response.headers.update(call.usage.headers())


def _refuse_unknown(endpoint: ServedEndpoint, call: ServedCall) -> None:
    """Raise 400 for an unknown field or filter, which would otherwise silently do nothing."""
    given = [("query parameter", name, endpoint.filters) for name in call.request.query_params]
    if endpoint.fields is not None:
        given += [("field", name, endpoint.fields) for name in call.json()]
    for kind, name, known in given:
        if name not in known:
            listed = f"it takes {', '.join(known)}" if known else "it takes none"
            hint = did_you_mean(name, known) or listed
            raise bad_request(f"There is no {kind} [{name}] of {endpoint.method} {endpoint.template}; {hint}")


def _refuse_without_permission(endpoint: ServedEndpoint, token: IssuedToken) -> None:
    needed = endpoint.permissions
    scopes = set(token.scope.split())
    missing = [one for one in needed if not token.client.holds(one) or (scopes and one not in scopes)]
    if not missing or (not endpoint.every and len(missing) < len(needed)):
        return
    if endpoint.every or len(needed) == 1:
        names = ", ".join(missing)
        message = f"Unable to perform the requested action. You are missing the following permission(s): {names}"
        raise ApiError(403, "missing.permissions", message, params={"permissions": names})
    listed = f"[{', '.join(needed)}]"
    message = (
        "Unable to perform the requested action. "
        f"You must have at least one of the following permissions assigned: {listed}"
    )
    raise ApiError(403, "missing.any.permissions", message, params={"permissions": listed})
