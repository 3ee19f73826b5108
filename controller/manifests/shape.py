"""The base of all kinds: strict, frozen, camelCase, and closed to unknown keys."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from textwrap import dedent
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel

from controller.manifests.fields import mistaken
from controller.manifests.wording import one_of

API_VERSION = "penstock/v1"


class Shape(BaseModel):
    """A mapping with known keys. The text below a field is its description in the JSON Schema."""

    model_config = ConfigDict(
        defer_build=True,
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        hide_input_in_errors=True,
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> Any:
        # pydantic can do this itself (`use_attribute_docstrings`), but would parse our source at every start.
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema)["properties"]
        for shape in reversed(cls.__mro__):
            if issubclass(shape, Shape):
                for name, text in _descriptions(shape).items():
                    properties[shape.model_fields[name].alias or to_camel(name)]["description"] = text
        return schema


def _descriptions(shape: type[Shape]) -> dict[str, str]:
    """The texts below the fields that this class itself has."""
    (found,) = ast.parse(dedent(inspect.getsource(shape))).body
    assert isinstance(found, ast.ClassDef)  # noqa: S101 - the source of a class is one
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairwise(found.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and field.target.id in shape.model_fields
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


class Choice(Shape):
    """A mapping that holds exactly one of some keys."""

    choices: ClassVar[tuple[str, ...]]
    """The keys, as they are written."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        fields = type(self).model_fields
        written = {fields[name].alias or name for name in self.model_fields_set}
        given = [name for name in self.choices if name in written]
        if len(given) > 1:
            raise mistaken(f"must hold only one of {one_of(self.choices)}; it holds {' and '.join(given)}")
        if not given:
            raise mistaken(f"must hold {one_of(self.choices)}")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> Any:
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
        handler.resolve_ref_schema(schema)["oneOf"] = [{"required": [name]} for name in cls.choices]
        return schema
