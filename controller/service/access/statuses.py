"""The HTTP status of each error that refuses a request."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from controller.domain.errors import (
    Forbidden,
    LoginFailed,
    LoginUnavailable,
    PenstockError,
    RequestForged,
    TooManyRequests,
    Unauthenticated,
)

STATUSES: Final[Mapping[type[PenstockError], HTTPStatus]] = {
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    RequestForged: HTTPStatus.FORBIDDEN,
    LoginFailed: HTTPStatus.FORBIDDEN,
    LoginUnavailable: HTTPStatus.BAD_GATEWAY,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
}
"""The errors that `Access` raises. Of other errors the API knows the status."""
