"""Errors as RFC 9457 problem documents, with our code and hint as further members."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from starlette.responses import JSONResponse

from controller.domain.documents import optional, plain
from controller.domain.errors.api import Unauthenticated
from controller.domain.errors.branches import PenstockError, Waiting

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputMistakeDocument:
    """A mistake in a request."""

    place: str
    """Where: `query.limit`, `body.reason`."""
    message: str
    """What is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemDocument:
    """Why a request was refused (RFC 9457)."""

    type: Literal["about:blank"] = "about:blank"
    """The kind of problem is in `code`; this says that there is no page about it at an address."""
    title: str
    """The phrase of the status."""
    status: int
    """The HTTP status."""
    detail: str
    """What is wrong, for people."""
    code: str
    """The error's code, a heading of the reference of errors."""
    hint: str | None
    """What to do about it."""
    mistakes: Sequence[InputMistakeDocument] | None = optional()
    """Only with `request-invalid`, where parameters or the body are wrong."""


def problem_document(
    error: PenstockError, status: HTTPStatus, mistakes: Sequence[InputMistakeDocument] | None = None
) -> ProblemDocument:
    """An error as a document."""
    return ProblemDocument(
        title=status.phrase,
        status=status.value,
        detail=error.message,
        code=error.code,
        hint=error.hint,
        mistakes=mistakes,
    )


def problem_response(error: PenstockError, status: HTTPStatus) -> JSONResponse:
    """An error as an answer, with the headers that belong to its status."""
    return JSONResponse(
        plain(problem_document(error, status)),
        status_code=status,
        headers=dict(error_headers(error)),
        media_type=MEDIA_TYPE,
    )


def error_headers(error: PenstockError) -> Mapping[str, str]:
    """The headers that tell a program what to do: how to authenticate (RFC 6750), or when to ask again."""
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": 'Bearer realm="penstock"'}
    return {"Retry-After": str(math.ceil(error.retry_after_s))} if isinstance(error, Waiting) else {}
