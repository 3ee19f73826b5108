"""A call to an organisation: the connection, the limits, the answer and its content."""

from __future__ import annotations

from controller.domain.errors.branches import BY_THE_SERVICE, Invalid, Permanent, Transient, Waiting


class Unreachable(Transient):
    """The organisation could not be reached, or the connection broke before anything was sent."""

    usual_hint = "check the address and the network, then run it again" + BY_THE_SERVICE


class CircuitOpen(Transient):
    """Too many faults in a row: calls fail at once until a probe succeeds."""

    usual_hint = "run it again once the organisation answers" + BY_THE_SERVICE


class RateLimited(Waiting):
    """The organisation's or the token endpoint's request limit is used up."""

    usual_hint = "wait; another program may use the same client"

    def __init__(self, message: str, *, retry_after_s: float, backs_off: bool = False, hint: str | None = None) -> None:
        """`backs_off` makes each further wait longer, for a response without a waiting time."""
        super().__init__(message, retry_after_s=retry_after_s, hint=hint)
        self.backs_off = backs_off


class ServerFault(Transient):
    """The organisation answered 5xx, or with something that is not an answer of its API."""

    usual_hint = "run it again in a while" + BY_THE_SERVICE

    def __init__(self, message: str, *, retry_after_s: float | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s
        """Seconds that the organisation asks to wait; None if it gives no time."""


UNCERTAIN = "; the write may or may not have taken effect"
"""The end of the message about a lost response, until the state has been read."""


class AnswerLost(Transient):
    """A write was sent and its response was lost: it may or may not have taken effect. Read before any repetition."""

    usual_hint = "run it again: it looks first whether the call took effect"


class BadAnswer(Transient):
    """The answer does not have the shape that the API promises, so it carries no information."""

    usual_hint = "run it again; where it stays, look for a proxy that changes answers, or for a change of the API"

    def __init__(self, message: str, *, again: bool = False, hint: str | None = None) -> None:
        """`again` is whether another try may succeed and does no harm."""
        super().__init__(message, hint=hint)
        self.again = again


class RequestRejected(Permanent):
    """The organisation rejected a request (4xx). The fields hold the content of its error body."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        api_code: str | None = None,
        correlation_id: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.api_code = api_code
        self.correlation_id = correlation_id


class AuthenticationFailed(RequestRejected):
    """The client id or secret is wrong, or the token is not accepted even after one refresh."""


class PermissionMissing(RequestRejected):
    """The client lacks a permission or scope; `permission` names it if it is known."""

    def __init__(
        self, message: str, *, permission: str | None, correlation_id: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, status=403, correlation_id=correlation_id, hint=hint)
        self.permission = permission


class NotFound(RequestRejected):
    """The requested object does not exist or was deleted."""


class TraceRequestInvalid(Invalid):
    """A trace request outside the retention, or one that the organisation would refuse."""


class TraceUnreadable(Permanent):
    """A fetched trace does not have the shape that its dialect promises. The message says where."""
