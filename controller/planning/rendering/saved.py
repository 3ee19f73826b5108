"""Reads a plan that `penstock plan --out` wrote, from a source that may be hostile: all of it is bounded and checked.

The size, the number of values and their nesting are bounded before anything is parsed, so that a small file cannot
become a large structure. Fields that this version does not know are ignored, as json.md tells programs to do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from controller.domain.errors.delivery import PlanUnreadable
from controller.domain.visible import visible
from controller.domain.wording import counted
from controller.planning.rendering.document_model import PLAN_SCHEMA, OrganizationPlanDocument, PlanDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlanLimits:
    """How much of a saved plan is read; more is refused."""

    length: int
    """Bytes of the file."""
    values: int
    """JSON values in it."""
    organizations: int
    changes: int
    """Changes of all organisations, flows in sync included."""
    differences: int
    """Differences inside all flows."""
    text: int
    """Characters of one text."""


FROM_A_STRANGER = SavedPlanLimits(
    length=16 * 1024**2, values=1_000_000, organizations=100, changes=20_000, differences=100_000, text=65_536
)
"""For a file that anybody may have written."""
FROM_THE_OPERATOR = SavedPlanLimits(
    length=256 * 1024**2,
    values=20_000_000,
    organizations=10_000,
    changes=1_000_000,
    differences=10_000_000,
    text=1024**2,
)
"""For a file that the caller of a command chose and looked at."""

T = TypeVar("T")

_DEEPEST = 32
"""Levels of nesting; a plan has ten."""
_LARGEST = 10**9
_SHOWN = 80
"""Characters of the file that a message repeats."""
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_BRACKET = re.compile(rb"[\[{]|[\]}]")
_DIGEST = re.compile(r"([0-9a-f]{8})[0-9a-f]{56,}", re.IGNORECASE)
_REVISION = re.compile(r"[0-9a-f]{7,64}")
_FORMS = {
    "digest": re.compile(r"sha256:[0-9a-f]{64}"),
    "code": re.compile(r"[a-z0-9-]{1,64}"),
    "revision": _REVISION,
    "base_revision": _REVISION,
    "head_revision": _REVISION,
}
"""The texts that are shown as code, or that decide something, have one form only."""


@dataclass(frozen=True, slots=True)
class _Form:
    """What says which document it is."""

    schema: str


def saved_document(content: bytes, name: str, limits: SavedPlanLimits = FROM_A_STRANGER) -> PlanDocument:
    """The document in the content of a file. `name` is the file's, for messages.

    Raises PlanUnreadable with the place of the first mistake.
    """
    try:
        return _read(content, limits)
    except ValueError as error:
        raise PlanUnreadable(f"{name} is not a plan of the form {PLAN_SCHEMA}: {error}") from error


def _read(content: bytes, limits: SavedPlanLimits) -> PlanDocument:
    _bound(content, limits)
    form = _validated(_form_adapter(), content)
    if form.schema != PLAN_SCHEMA:
        raise ValueError(f"schema: this is {_shown(form.schema)}")
    document = _validated(_plan_adapter(), content)
    _count(document, limits)
    for place, field, value in _values(document):
        _check(place, field, value, limits)
    return document


@cache
def _form_adapter() -> TypeAdapter[_Form]:
    return TypeAdapter(_Form)


@cache
def _plan_adapter() -> TypeAdapter[PlanDocument]:
    return TypeAdapter(PlanDocument)


def _bound(content: bytes, limits: SavedPlanLimits) -> None:
    """Bounds what parsing would make of the content, by its structure outside of strings."""
    if len(content) > limits.length:
        raise ValueError(f"it is longer than {limits.length:,} bytes")
    structure = _STRING.sub(b"", content)
    values = structure.count(b",") + structure.count(b"[") + structure.count(b"{") + 1
    if values > limits.values:
        raise ValueError(f"it has more than {limits.values:,} values")
    depth = 0
    for bracket in _BRACKET.finditer(structure):
        depth += 1 if bracket.group() in b"[{" else -1
        if depth > _DEEPEST:
            raise ValueError(f"it is nested more than {_DEEPEST} levels deep")
        if depth < 0:
            raise ValueError("it is not JSON")


def _validated(adapter: TypeAdapter[T], content: bytes) -> T:
    """Strictly, so that no value becomes one of another type. Raises ValueError with the place and no content."""
    try:
        return adapter.validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise ValueError(f"{_place(first['loc'])}{first['msg']}") from None


def _place(parts: Sequence[int | str]) -> str:
    """`organizations[0].changes[3].wave: `; empty for the whole document."""
    found = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return f"{_shown(found[1:])}: " if found else ""


def cut_digests(text: str) -> str:
    """The text with only the beginning of whatever has the form of a digest, so that nobody can copy one from it."""
    return _DIGEST.sub(r"\1…", text)


def _shown(text: str) -> str:
    text = visible(cut_digests(text)[: _SHOWN + 1])
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _count(document: PlanDocument, limits: SavedPlanLimits) -> None:
    def bound(what: str, most: int, number: Callable[[OrganizationPlanDocument], int]) -> None:
        found = sum(map(number, document.organizations))
        if found > most:
            raise ValueError(f"it has {counted(found, what)}, and at most {most:,} are read")

    bound("organisation", limits.organizations, lambda _: 1)
    bound("change", limits.changes, lambda each: len(each.changes) + (len(each.view.vanished) if each.view else 0))
    bound("difference", limits.differences, lambda each: sum(len(flow.entries) for flow in each.differences or ()))
    _once("organizations", [each.name for each in document.organizations])
    for number, each in enumerate(document.organizations):
        _once(f"organizations[{number}].changes", [change.flow for change in each.changes])


def _once(place: str, names: Sequence[str]) -> None:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            raise ValueError(f"{place}[{number}]: {_shown(name)} is there twice")
        seen.add(name)


def _values(value: Any, place: str = "", field: str = "") -> Iterator[tuple[str, str, str | int]]:
    """Place, field and value of each text and number; a document is as deep as its classes."""
    if isinstance(value, str | int):
        yield place, field, value
    elif is_dataclass(value):
        for each in fields(value):
            yield from _values(getattr(value, each.name), f"{place}.{each.name}" if place else each.name, each.name)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _values(item, f"{place}[{number}]", field)


def _check(place: str, field: str, value: str | int, limits: SavedPlanLimits) -> None:
    if isinstance(value, str):
        if len(value) > limits.text:
            raise ValueError(f"{place}: it is longer than {limits.text:,} characters")
        form = _FORMS.get(field)
        if form is not None and not form.fullmatch(value):
            raise ValueError(f"{place}: {_shown(value)} has not the form of a {field.replace('_', ' ')}")
    elif not 0 <= value <= _LARGEST:
        raise ValueError(f"{place}: it is not between 0 and {_LARGEST:,}")
