"""Values for `{{name}}` in flow files: text, or an environment variable that is meant to be read from a repository.

A pull request can name any variable, so only those of one prefix are read, and never a file: otherwise anyone who
may propose a manifest could publish the controller's own secrets in a flow.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Discriminator, Field, StrictStr, Tag

from controller.manifests.fields import mistaken
from controller.manifests.shape import Shape

VALUE_PREFIX = "PENSTOCK_VALUE_"
"""Only environment variables with this prefix can be substituted into a flow."""


def _value_variable(value: str) -> str:
    if not re.fullmatch(rf"{VALUE_PREFIX}[A-Z0-9_]+", value):
        raise mistaken(
            f"must be the name of a variable that begins with {VALUE_PREFIX}",
            "other variables of the controller cannot be read into a flow",
        )
    return value


class VariableShape(Shape):
    """A value that the controller's environment holds."""

    env: Annotated[
        StrictStr, AfterValidator(_value_variable), Field(json_schema_extra={"pattern": f"^{VALUE_PREFIX}[A-Z0-9_]+$"})
    ]
    """An environment variable with a name that begins with `PENSTOCK_VALUE_`."""


def _form(value: object) -> str | None:
    if isinstance(value, str):
        return TEXT_FORM
    return VARIABLE_FORM if isinstance(value, dict | VariableShape) else None


TEXT_FORM, VARIABLE_FORM = "<text>", "<variable>"
"""How pydantic tells the two forms apart in an error's path."""
SubstitutionValue = Annotated[
    Annotated[StrictStr, Tag(TEXT_FORM)] | Annotated[VariableShape, Tag(VARIABLE_FORM)],
    Discriminator(
        _form,
        custom_error_type="expectation",
        custom_error_message="{expectation}",
        custom_error_context={
            "expectation": "must be text or {env: PENSTOCK_VALUE_…}",
            "hint": "put a number, true or false in quotes",
        },
    ),
]
