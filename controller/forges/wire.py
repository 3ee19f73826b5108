"""Reads a forge's JSON into models; every field that is not named in a model is ignored."""

from __future__ import annotations

import json
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from controller.domain.errors.forge import ForgeUnavailable
from controller.forges.call import ForgeAnswer, ForgeCall
from controller.forges.errors import lost


class ForgeModel(BaseModel):
    """The part of an answer that Penstock uses."""

    model_config = ConfigDict(extra="ignore", frozen=True)


Model = TypeVar("Model", bound=ForgeModel)

_NO_OBJECT = "model_type"


def one(call: ForgeCall, answer: ForgeAnswer, model: type[Model]) -> Model:
    """The answer as a model. Raises ForgeUnavailable for anything of another shape."""
    try:
        return model.model_validate_json(answer.content)
    except ValidationError as error:
        raise _misshapen(call, error) from None


def many(call: ForgeCall, answer: ForgeAnswer, model: type[Model]) -> list[Model]:
    """The answer as a list of models. Raises like `one`."""
    try:
        found = json.loads(answer.content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise lost(call, "the answer is not a JSON list")
    try:
        return [model.model_validate(item) for item in found]
    except ValidationError as error:
        raise _misshapen(call, error) from None


def _misshapen(call: ForgeCall, error: ValidationError) -> ForgeUnavailable:
    """The error names the first wrong field, without its value."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    words = "it should be an object" if first["type"] == _NO_OBJECT else first["msg"].lower()
    return lost(call, f"the answer{f' at {place}' if place else ''} is not as promised: {words}")
