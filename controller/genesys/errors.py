"""Maps httpx's exceptions and the organisation's answers to errors of the domain, in one table."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto

import httpx

from controller.domain.capabilities import VERSIONED
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.manifest import HostNotAllowed
from controller.domain.errors.organization import (
    UNCERTAIN,
    AnswerLost,
    AuthenticationFailed,
    BadAnswer,
    NotFound,
    PermissionMissing,
    RateLimited,
    RequestRejected,
    ServerFault,
    Unreachable,
)
from controller.domain.excerpt import excerpt, first_words
from controller.domain.waiting import retry_after_s
from controller.genesys.call import Answer, ApiCall
from controller.genesys.permissions import needed_by

DEFAULT_RETRY_AFTER_S = 60.0
VERSIONED_RETRY_AFTER_S = 2.0
_PERMISSION = re.compile(r"\b[a-z][A-Za-z0-9]*(?::[A-Za-z0-9*]+){1,2}", re.ASCII)


class RequestReach(Enum):
    """How far an unanswered request came."""

    NO = auto()
    """Certainly not processed: any request may be sent again."""
    MAYBE = auto()
    """It may have taken effect."""
    BAD_ANSWER = auto()
    """An answer came, but it is not HTTP."""


# The order matters: the first matching class decides. Base classes come last.
HTTPX_FAULTS: Mapping[type[Exception], RequestReach] = {
    httpx.ConnectError: RequestReach.NO,
    httpx.ConnectTimeout: RequestReach.NO,
    httpx.PoolTimeout: RequestReach.NO,
    httpx.ProxyError: RequestReach.NO,
    httpx.UnsupportedProtocol: RequestReach.NO,
    httpx.LocalProtocolError: RequestReach.NO,
    httpx.InvalidURL: RequestReach.NO,
    httpx.CookieConflict: RequestReach.NO,
    httpx.ReadError: RequestReach.MAYBE,
    httpx.ReadTimeout: RequestReach.MAYBE,
    httpx.WriteError: RequestReach.MAYBE,
    httpx.WriteTimeout: RequestReach.MAYBE,
    httpx.CloseError: RequestReach.MAYBE,
    httpx.RemoteProtocolError: RequestReach.MAYBE,
    httpx.DecodingError: RequestReach.BAD_ANSWER,
    httpx.TooManyRedirects: RequestReach.BAD_ANSWER,
    httpx.HTTPStatusError: RequestReach.BAD_ANSWER,
    httpx.StreamError: RequestReach.BAD_ANSWER,
    httpx.HTTPError: RequestReach.MAYBE,
}


def fault_of(call: ApiCall, error: Exception, host: str) -> PenstockError:
    """The domain's error for an exception of httpx. It never shows a URL, which may be presigned."""
    reached = next(far for kind, far in HTTPX_FAULTS.items() if isinstance(error, kind))
    kind = type(error).__name__
    if reached is RequestReach.NO:
        words = excerpt(str(error), limit=200) if isinstance(error, httpx.TransportError) else ""
        return Unreachable(
            f"{call.name}: {host} could not be reached ({': '.join(part for part in (kind, words) if part)})",
            hint="check the network, the certificates (PENSTOCK_CA_FILE), the proxy settings and the host",
        )
    if not call.safe:
        return lost(call, f"the connection to {host} broke ({kind})")
    if reached is RequestReach.BAD_ANSWER:
        return BadAnswer(f"{call.name}: {host} sent an answer that cannot be read ({kind})", again=call.reads)
    return Unreachable(f"{call.name}: the connection to {host} broke before the whole answer was there ({kind})")


def lost(call: ApiCall, reason: str) -> AnswerLost:
    """The error for a write that may or may not have taken effect."""
    return AnswerLost(f"{call.name}: {reason}{UNCERTAIN}", hint="read the flow's state before writing again")


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The organisation's words about a rejected request, redacted and shortened."""

    status: int
    message: str
    code: str | None
    permissions: tuple[str, ...]
    correlation_id: str | None

    @property
    def text(self) -> str:
        """`404 architect.flow.not.found: Could not find flow (correlation id x)`."""
        code = f" {self.code}" if self.code else ""
        correlation = f" (correlation id {self.correlation_id})" if self.correlation_id else ""
        return f"{self.status}{code}: {self.message}{correlation}"


def read_error_body(answer: Answer) -> ErrorBody:
    """Read Genesys' ErrorBody, OAuth's `error_description`, or the first words of any other body."""
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        words = first_words(answer.content)
        return ErrorBody(answer.status, words, None, (), answer.correlation_id)
    message = _message(body)
    code = body.get("code") or body.get("error")
    parameters = body.get("messageParams")
    named = f"{parameters.get('permissions', '')} " if isinstance(parameters, dict) else ""
    return ErrorBody(
        status=answer.status,
        message=excerpt(message),
        code=excerpt(str(code), limit=100) if code else None,
        permissions=tuple(dict.fromkeys(_PERMISSION.findall(named + message))),
        correlation_id=answer.correlation_id or _text(body.get("contextId")),
    )


def _message(body: dict[str, object]) -> str:
    message = _text(body.get("message") or body.get("description") or body.get("error_description")) or "no message"
    details = body.get("details")
    shown = []
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, dict):
            parts = [_text(detail.get(name)) for name in ("errorCode", "fieldName", "entityId", "entityName")]
            shown.append(" ".join(part for part in parts if part))
    return f"{message} [{'; '.join(shown)}]" if any(shown) else message


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def error_of(call: ApiCall, answer: Answer, now: datetime, dialect: str | None = None) -> PenstockError:
    """The domain's error for an unsuccessful answer.

    The dialect gives the likely permission for a 403 that names none.
    """
    if 300 <= answer.status < 400:
        return redirect(call, answer)
    body = read_error_body(answer)
    if not body.permissions:
        body = replace(body, permissions=needed_by(call.name, dialect))
    match answer.status:
        case 401:
            hint = "check the client id and secret, and that the client is active in this region"
            return rejected(AuthenticationFailed, call, body, hint)
        case 403:
            return _forbidden(call, body)
        case 404 | 410:
            return rejected(NotFound, call, body)
        case 429:
            return _rate_limited(call, answer, body, now, dialect)
        case status if status == 408 or status >= 500:
            return _server_fault(call, answer, body, now)
    return rejected(RequestRejected, call, body)


def rejected(kind: type[RequestRejected], call: ApiCall, body: ErrorBody, hint: str | None = None) -> RequestRejected:
    """The error of this kind with what the organisation says."""
    message = f"{call.name}: {body.text}"
    return kind(message, status=body.status, api_code=body.code, correlation_id=body.correlation_id, hint=hint)


def presigned_error(call: ApiCall, answer: Answer, now: datetime) -> PenstockError:
    """Like `error_of`, for a presigned URL: 401, 403 and 404 mean that the link is no longer valid."""
    if answer.status not in (400, 401, 403, 404, 410):
        return error_of(call, answer, now)
    return RequestRejected(
        f"{call.name}: {answer.status}: {first_words(answer.content)}",
        status=answer.status,
        hint="the link has expired or was used already: start the upload or export again",
    )


def redirect(call: ApiCall, answer: Answer) -> PenstockError:
    """The error for a redirect, which is never followed, because the token would go along."""
    target = excerpt(answer.headers.get("location", "nowhere"), limit=200)
    return HostNotAllowed(
        f"{call.name}: answered {answer.status}, a redirect to {target}; redirects are never followed,"
        " because the credentials would go along",
        hint="correct the organisation's region or URLs, or the proxy between",
    )


def _rate_limited(call: ApiCall, answer: Answer, body: ErrorBody, now: datetime, dialect: str | None) -> PenstockError:
    """The error for a 429. Without `Retry-After`, Genesys' limit ends with its minute; versioned needs a backoff."""
    asked_s = retry_after_s(answer.headers, now)
    usual_s = VERSIONED_RETRY_AFTER_S if dialect == VERSIONED else DEFAULT_RETRY_AFTER_S
    wait_s = usual_s if asked_s is None else asked_s
    backs_off = asked_s is None and dialect == VERSIONED
    message = f"{call.name}: {body.text}; try again in {wait_s:.0f} s"
    return RateLimited(message, retry_after_s=wait_s, backs_off=backs_off)


def _server_fault(call: ApiCall, answer: Answer, body: ErrorBody, now: datetime) -> PenstockError:
    if not call.safe:
        return lost(call, f"the organisation answered {body.text}")
    return ServerFault(f"{call.name}: {body.text}", retry_after_s=retry_after_s(answer.headers, now))


def _forbidden(call: ApiCall, body: ErrorBody) -> PermissionMissing:
    permission = ", ".join(body.permissions) or None
    named_already = all(one in body.text for one in body.permissions)
    named = f"; missing permission: {permission}" if permission and not named_already else ""
    return PermissionMissing(
        f"{call.name}: {body.text}{named}",
        permission=permission,
        correlation_id=body.correlation_id,
        hint="grant the client this permission, by a role in the flow's division or, on the versioned dialect, as a "
        "scope; it takes up to 5 minutes to work",
    )
