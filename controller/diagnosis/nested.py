"""Walks JSON values of any nesting with a stack instead of recursion."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping
from functools import partial

from controller.domain.documents import one_level, plain
from controller.domain.redaction import MASK

DEEPEST = 100
"""Values that nest deeper are kept as JSON text, so that the standard encoder can always write them."""


def depth(value: object) -> int:
    """How deep lists and objects nest; 0 for a plain value."""
    deepest = 0
    pending = [(value, 1)]
    while pending:
        item, level = pending.pop()
        if isinstance(item, Mapping):
            children = list(item.values())
        elif isinstance(item, list | tuple):
            children = list(item)
        else:
            continue
        deepest = max(deepest, level)
        pending.extend((child, level + 1) for child in children)
    return deepest


def rewrite(
    value: object,
    leaf: Callable[[object, str | int], object],
    hidden: Callable[[Mapping[str, object]], Collection[str]] = lambda _: (),
) -> object:
    """A copy with `leaf` applied to every plain value (neither object nor list) and its key or place.

    Members of an object that are `hidden` are masked as a whole.
    """
    root: list[object] = [None]
    pending: list[tuple[object, dict[str, object] | list[object], str | int]] = [(value, root, 0)]
    while pending:
        item, target, key = pending.pop()
        result: object
        if item is None or isinstance(item, str | int | float):
            result = leaf(item, key)
        elif isinstance(item, Mapping):
            new: dict[str, object] = dict.fromkeys(map(str, item), MASK)
            result, left_out = new, hidden(item)
            pending.extend((child, new, str(name)) for name, child in item.items() if name not in left_out)
        elif isinstance(item, list | tuple):
            row: list[object] = [None] * len(item)
            result = row
            pending.extend((child, row, place) for place, child in enumerate(item))
        else:
            result = leaf(item, key)
        target[key] = result  # type: ignore[index] # str for an object, int for a list, paired above
    return root[0]


def same(first: object, second: object) -> bool:
    """Whether two values are equal as JSON: `1` equals `1.0`, but not `true`."""
    pending = [(first, second)]
    while pending:
        one, other = pending.pop()
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            if one.keys() != other.keys():
                return False
            pending.extend((one[key], other[key]) for key in one)
        elif isinstance(one, list | tuple) and isinstance(other, list | tuple):
            if len(one) != len(other):
                return False
            pending.extend(zip(one, other, strict=True))
        elif one != other or isinstance(one, bool) is not isinstance(other, bool):
            return False
    return True


_PLAIN = json.JSONEncoder(ensure_ascii=False, default=str)


def to_text(value: object) -> str:
    """The value as compact JSON, at any depth."""
    out: list[str] = []
    pending: list[tuple[bool, object]] = [(False, value)]
    while pending:
        literal, item = pending.pop()
        if literal:
            out.append(str(item))
        elif isinstance(item, Mapping):
            members = [(f"{json.dumps(str(key))}:", child) for key, child in item.items()]
            pending.extend(_bracketed("{", members, "}"))
        elif isinstance(item, list | tuple):
            pending.extend(_bracketed("[", [("", child) for child in item], "]"))
        else:
            out.append(_PLAIN.encode(item))
    return "".join(out)


def strict_json(value: object, *, indent: int | None = None, separators: tuple[str, str] | None = None) -> str:
    """The value, which may hold documents, as JSON that every parser reads. NaN and infinity become text."""
    how = partial(json.dumps, indent=indent, separators=separators, allow_nan=False)
    try:
        return how(value, default=one_level)
    except ValueError:
        return how(rewrite(plain(value), _known_number))


def _known_number(value: object, _key: str | int) -> object:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def shallow(value: object) -> object:
    """The value, or its JSON text when it nests deeper than `DEEPEST`."""
    return to_text(value) if depth(value) > DEEPEST else value


def _bracketed(opening: str, members: list[tuple[str, object]], closing: str) -> list[tuple[bool, object]]:
    """The parts to write in reverse order, for a stack."""
    stack: list[tuple[bool, object]] = [(True, closing)]
    for place, (label, child) in reversed(list(enumerate(members))):
        stack.append((False, child))
        stack.append((True, ("," if place else "") + label))
    stack.append((True, opening))
    return stack
