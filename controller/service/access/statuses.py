"""The HTTP status of each error that refuses a request."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from controller.domain.errors.api import (
    Forbidden,
    LoginFailed,
    LoginUnavailable,
    RequestForged,
    TooManyRequests,
    Unauthenticated,
)
from controller.domain.errors.branches import PenstockError

STATUSES: Final[Mapping[type[PenstockError], HTTPStatus]] = {
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    RequestForged: HTTPStatus.FORBIDDEN,
    LoginFailed: HTTPStatus.FORBIDDEN,
    LoginUnavailable: HTTPStatus.BAD_GATEWAY,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
}
"""The errors that `Access` raises. Of other errors the API knows the status."""


def status_of(
    error: PenstockError,
    statuses: Mapping[type[PenstockError], HTTPStatus] = STATUSES,
    other: HTTPStatus = HTTPStatus.INTERNAL_SERVER_ERROR,
) -> HTTPStatus:
    """The status of the most exact class of an error that has one; `other` where none has."""
    return next((statuses[kind] for kind in type(error).__mro__ if kind in statuses), other)
