"""The base of all kinds: strict, frozen, camelCase, and closed to unknown keys."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel

from controller.manifests.fields import mistaken
from controller.manifests.wording import one_of

API_VERSION = "penstock/v1"


class Shape(BaseModel):
    """A mapping with known keys."""

    model_config = ConfigDict(
        defer_build=True,
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


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
        schema = handler(core_schema)
        handler.resolve_ref_schema(schema)["oneOf"] = [{"required": [name]} for name in cls.choices]
        return schema
