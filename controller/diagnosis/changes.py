"""Changes of variables at a step, and their causes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from controller.diagnosis.model import Variable
from controller.diagnosis.nested import same


class VariableChangeKind(StrEnum):
    NEW = "new"
    VALUE = "value"
    TYPE = "type"
    GONE = "gone"


class ChangeCause(StrEnum):
    """Why a variable changed."""

    WRITTEN = "written"
    """The step lists the assignment."""
    POSSIBLE = "possible"
    """A step that sets variables without listing them ran since the variable was last observed."""
    DECLARED = "declared"
    """The variable came with a scope that began, or with the first observed values."""
    SCOPE_ENDED = "scope-ended"
    """The variable ended with the scope that owned it."""
    UNEXPLAINED = "unexplained"
    """Nothing in the trace explains it: drift."""


@dataclass(frozen=True, slots=True)
class VariableChange:
    name: str
    kind: VariableChangeKind
    cause: ChangeCause
    old: Variable | None = None
    new: Variable | None = None


def kind_of_change(old: Variable | None, new: Variable) -> VariableChangeKind | None:
    """How two values of one variable differ; None when they are equal or one of them was withheld.

    A change from or to null is a change of value, not of type.
    """
    if old is None:
        return VariableChangeKind.NEW
    if old.withheld or new.withheld or same(old.value, new.value):
        return None
    kinds = {type_name(old.value), type_name(new.value)} - {"null"}
    return VariableChangeKind.TYPE if len(kinds) > 1 else VariableChangeKind.VALUE


def type_name(value: object) -> str:
    """The JSON type: null, boolean, number, string, array or object."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"
