"""Reads answers: JSON of the promised shape, or an error that names the endpoint and the field."""

from __future__ import annotations

import json
from typing import TypeVar

from pydantic import ValidationError

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.organization import BadAnswer, ServerFault
from controller.domain.excerpt import first_words
from controller.genesys.call import Answer, ApiCall
from controller.genesys.errors import lost
from controller.genesys.wire.model import WireModel

Model = TypeVar("Model", bound=WireModel)

_NO_OBJECT = "model_type"
"""pydantic's error type for a wrong shape; its message would name our class."""


def parse(call: ApiCall, answer: Answer, model: type[Model]) -> Model:
    """Parse the answer as that model.

    Raises BadAnswer for JSON of another shape: a read may be tried again. Raises AnswerLost for a write that must not
    be repeated, because it probably took effect. Raises like `read_json` for anything but JSON.
    """
    try:
        return model.model_validate(read_json(call, answer))
    except ValidationError as error:
        reason = f"{_wrong_field(error)}{_correlation(answer)}"
        raise _misshapen(call, reason) from None


def read_object(call: ApiCall, answer: Answer) -> dict[str, object]:
    """The answer as a JSON object with any fields. Raises like `parse`."""
    found = read_json(call, answer)
    if isinstance(found, dict):
        return found
    raise _misshapen(call, f"the answer is not a JSON object{_correlation(answer)}")


def read_json(call: ApiCall, answer: Answer) -> object:
    """The answer's JSON of any shape.

    Raises ServerFault for a proxy's page or half an answer, which is worth another try. Raises AnswerLost for a write.
    """
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError):
        words = first_words(answer.content)
        reason = f"answered {answer.status} with something that is not JSON: {words}{_correlation(answer)}"
        raise (ServerFault(f"{call.name}: {reason}") if call.safe else lost(call, reason)) from None


def _misshapen(call: ApiCall, reason: str) -> PenstockError:
    """The error for JSON of another shape. No write is repeated for it: it was answered, so a read shows the result."""
    return BadAnswer(f"{call.name}: {reason}", again=call.reads) if call.safe else lost(call, reason)


def _correlation(answer: Answer) -> str:
    return f" (correlation id {answer.correlation_id})" if answer.correlation_id else ""


def _wrong_field(error: ValidationError) -> str:
    """The first wrong field with its place, without its value, which may be secret."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    shown = f"the answer's field {place}" if place else "the answer"
    words = "it should be an object" if first["type"] == _NO_OBJECT else first["msg"].lower()
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{shown} is not as promised: {words}{more}"
