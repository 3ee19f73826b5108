"""The OpenAPI 3.1 description: FastAPI describes what comes in, and the schemas of our documents what goes out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from controller.questions.document_schema import schema_of
from controller.service.api.answers import JSON
from controller.service.api.examples import EXAMPLES, PROBLEMS
from controller.service.api.paths import PREFIX
from controller.service.problems import MEDIA_TYPE

Schema = dict[str, Any]
Responses = dict[int | str, dict[str, Any]]
"""By status, as FastAPI takes them."""
_REFERENCE: Final = "#/components/schemas/"
_DESCRIPTION: Final = (
    "What the controller knows and does. Reads cost no call to an organisation, except `diff`. Every action needs the "
    "role `operate` and a reason, and is in the audit log with the person. Errors are problem documents (RFC 9457). "
    "Within a version of a document, fields are added, never renamed."
)
_TOKEN: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token that an operator made with `penstock token`.",
}


_BY_NAME: Final = {document.__name__: example for document, example in EXAMPLES.items()}


def described(document: type, what: str, status: HTTPStatus = HTTPStatus.OK, *others: HTTPStatus) -> Responses:
    """The responses of an operation: the document, and the problems that it may have besides those of all."""
    content = {JSON: {"schema": {"$ref": _REFERENCE + document.__name__}}}
    return {status.value: {"description": what, "content": content}} | problems(*others)


def problems(*statuses: HTTPStatus) -> Responses:
    """The problems with these statuses, and those that every operation may have."""
    return {status.value: _problem(status) for status in sorted({*statuses, *_ALWAYS})}


_ALWAYS: Final = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


def _problem(status: HTTPStatus) -> Schema:
    content = {MEDIA_TYPE: {"schema": {"$ref": f"{_REFERENCE}ProblemDocument"}}}
    return {"description": status.phrase, "content": content}


def description_of(title: str, version: str, routes: Sequence[BaseRoute]) -> Schema:
    """The whole description."""
    found = get_openapi(
        title=title, version=version, description=_DESCRIPTION, routes=routes, servers=[{"url": PREFIX}]
    )
    components = found.setdefault("components", {})
    components["schemas"] = components.get("schemas", {}) | _documents()
    components["securitySchemes"] = {"token": _TOKEN}
    found["security"] = [{"token": []}]
    for item in found["paths"].values():
        for operation in item.values():
            _give_examples(operation["responses"])
    return found


def _give_examples(responses: Schema) -> None:
    """Put the examples in; FastAPI would leave out their nulls."""
    for status, response in responses.items():
        for kind, content in response["content"].items():
            name = content["schema"].get("$ref", "").removeprefix(_REFERENCE)
            example = PROBLEMS.get(HTTPStatus(int(status))) if kind == MEDIA_TYPE else _BY_NAME.get(name)
            if example is not None:
                content["example"] = example


def _documents() -> Schema:
    """The schemas of all documents and of what is in them, by the names of their classes."""
    found: Schema = {}
    for document in EXAMPLES:
        schema = schema_of(document)
        found |= schema.pop("$defs", {}) | {document.__name__: schema}
        schema.pop("$schema", None)
    moved: Schema = json.loads(json.dumps(found).replace("#/$defs/", _REFERENCE))
    return moved
