"""Errors as problem documents (RFC 9457)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from controller.domain.errors.api import RequestInvalid, TooManyListeners, UnknownResource
from controller.domain.errors.branches import Invalid, PenstockError, Permanent, Refused, Transient, Waiting
from controller.domain.errors.process import InternalFault
from controller.service.access.statuses import STATUSES, status_of
from controller.service.api.answers import answer
from controller.service.problems import MEDIA_TYPE, InputMistakeDocument, error_headers, problem_document

log = structlog.get_logger()

_STATUSES: Final[Mapping[type[PenstockError], HTTPStatus]] = {
    **STATUSES,
    UnknownResource: HTTPStatus.NOT_FOUND,
    TooManyListeners: HTTPStatus.TOO_MANY_REQUESTS,
    InternalFault: HTTPStatus.INTERNAL_SERVER_ERROR,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    Refused: HTTPStatus.CONFLICT,
    Waiting: HTTPStatus.SERVICE_UNAVAILABLE,
    Transient: HTTPStatus.SERVICE_UNAVAILABLE,
    Permanent: HTTPStatus.BAD_GATEWAY,
}


def problem_of(error: PenstockError) -> Response:
    """The response for an error, with the time to wait where that is known."""
    return _problem(error, status_of(error, _STATUSES))


async def of_error(_: Request, error: Exception) -> Response:
    """The response for an error of ours, and for one that nobody foresaw."""
    if isinstance(error, PenstockError):
        return problem_of(error)
    log.error("api.broke", exc_info=error)
    return problem_of(InternalFault("the request could not be answered", hint="look at the log of the controller"))


async def of_input(_: Request, error: Exception) -> Response:
    """The response for parameters or a body that do not have the described form."""
    found = error.errors() if isinstance(error, RequestValidationError) else ()
    mistakes = list(_mistakes(found))
    shown = "; ".join(f"{each.place}: {each.message}" for each in mistakes)
    invalid = RequestInvalid(f"the request is not valid: {shown}", hint=_DESCRIBED)
    return _problem(invalid, HTTPStatus.UNPROCESSABLE_ENTITY, mistakes)


async def of_http(request: Request, error: Exception) -> Response:
    """The response for a path or method that does not exist, or a body that is too large."""
    status = HTTPStatus(error.status_code if isinstance(error, HTTPException) else HTTPStatus.BAD_REQUEST)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if status is HTTPStatus.BAD_REQUEST:
        status = HTTPStatus.UNPROCESSABLE_ENTITY  # the body is no text
    shown: PenstockError = RequestInvalid(f"{request.method}: {status.phrase}", hint=_DESCRIBED)
    if status is HTTPStatus.NOT_FOUND:
        shown = UnknownResource("the API has no such path", hint=_DESCRIBED)
    return _problem(shown, status, headers=headers)


_DESCRIBED: Final = "GET /api/v1/openapi.json describes all requests"


def _mistakes(found: Sequence[Any]) -> Iterator[InputMistakeDocument]:
    for each in found:
        place = ".".join(str(part) for part in each["loc"])
        yield InputMistakeDocument(place=place, message=str(each["msg"]))


def _problem(
    error: PenstockError,
    status: HTTPStatus,
    mistakes: Sequence[InputMistakeDocument] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    document = problem_document(error, status, mistakes)
    return answer(document, status, media_type=MEDIA_TYPE, headers={**error_headers(error), **(headers or {})})
