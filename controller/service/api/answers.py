"""Documents as responses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from controller.domain.documents import plain
from controller.domain.redaction import SECRETS

JSON: Final = "application/json"
_NOT_KEPT: Final = {"cache-control": "no-store"}


def answer(
    document: object,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    media_type: str = JSON,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The document as JSON in ASCII, with secrets masked: a name that is no valid Unicode breaks no response."""
    text = json.dumps(SECRETS.texts(plain(document)), separators=(",", ":"))
    return Response(text, status, {**_NOT_KEPT, **(headers or {})}, media_type)
