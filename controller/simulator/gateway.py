"""What every request passes: routing, token, limit, permission; and what every answer carries."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from controller.simulator.call import Call, answer
from controller.simulator.endpoint import Endpoint, Found, Routes
from controller.simulator.oauth import Token
from controller.simulator.problem import ApiError
from controller.simulator.ratelimit import Usage
from controller.simulator.simulator import Simulator

CORRELATION = "ININ-Correlation-Id"
_UNROUTED = "(unknown route)"


@dataclass(slots=True)
class Gateway:
    """An ASGI application."""

    simulator: Simulator
    routes: Routes = field(default_factory=Routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        correlation_id = str(uuid.uuid4())
        try:
            raw = await request.body()
        except ClientDisconnect:
            return
        found = self.routes.find(request)
        response = self._respond(request, raw, found, correlation_id)
        response.headers[CORRELATION] = correlation_id
        if found is None or not found.endpoint.internal:
            template = found.endpoint.template if found else _UNROUTED
            self.simulator.calls.add(request.method, template, response.status_code)
        await response(scope, receive, send)

    def _respond(self, request: Request, raw: bytes, found: Found | None, correlation_id: str) -> Response:
        usage: list[Usage] = []
        try:
            response = self._handle(request, raw, found, usage)
        except ApiError as error:
            response = answer(error.body(correlation_id), error.status, error.headers)
        for one in usage:
            response.headers.update(one.headers())
        if request.method not in ("GET", "HEAD"):
            self.simulator.save()
        return response

    def _handle(self, request: Request, raw: bytes, found: Found | None, usage: list[Usage]) -> Response:
        if found is None:
            if self.routes.knows(request.scope["path"]):
                raise ApiError(405, "method.not.allowed", "The requested method is not allowed for this resource.")
            raise ApiError(404, "not.found", "The requested resource was not found.")
        endpoint = found.endpoint
        call = Call(self.simulator, request, found.path, raw, self.simulator.settle())
        if not (endpoint.open or endpoint.internal):
            token = self._token(call)
            usage.append(self._count(token))
            call.client = token.client
            _refuse_without_permission(endpoint, token)
        return endpoint.handler(call)

    def _token(self, call: Call) -> Token:
        scheme, _, value = call.request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not value.strip():
            message = "No authentication bearer token specified in authorization header."
            raise ApiError(401, "authentication.required", message)
        token = self.simulator.tokens.get(value.strip())
        if token is None:
            raise ApiError(401, "bad.credentials", "Invalid login credentials.")
        if token.expires_at <= call.now:
            message = "The supplied credentials are expired and cannot be used."
            raise ApiError(401, "credentials.expired", message)
        return token

    def _count(self, token: Token) -> Usage:
        usage = self.simulator.limit.count(token.value, self.simulator.clock.monotonic())
        if usage.exceeded:
            message = f"Rate limit exceeded the maximum. Retry the request in [{usage.reset_s}] seconds"
            raise ApiError(
                429,
                "too.many.requests.retry.after",
                message,
                params={"retryAfter": str(usage.reset_s)},
                headers={"Retry-After": str(usage.reset_s), **usage.headers()},
            )
        return usage


def _refuse_without_permission(endpoint: Endpoint, token: Token) -> None:
    needed = endpoint.permissions
    scopes = set(token.scope.split())
    if not needed or any(token.client.holds(one) and (not scopes or one in scopes) for one in needed):
        return
    if len(needed) == 1:
        message = f"Unable to perform the requested action. You are missing the following permission(s): {needed[0]}"
        raise ApiError(403, "missing.permissions", message, params={"permissions": needed[0]})
    listed = f"[{', '.join(needed)}]"
    message = (
        "Unable to perform the requested action. "
        f"You must have at least one of the following permissions assigned: {listed}"
    )
    raise ApiError(403, "missing.any.permissions", message, params={"permissions": listed})
