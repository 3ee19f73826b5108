"""The settings of one element of a flow as a flat table, so that two of them compare in linear time.

Architect's value shapes (`{lit: ...}`, `{exp: ...}`, `{noValue: true}`) are one value each. Items of lists are named by
their kind and name, not by their position, so an insertion at the top changes one line and not all.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from controller.domain.redaction import is_secret_name

Path = tuple[str, ...]
View = Callable[[str, object], object]
"""A view of a mapping's entries: given key and value, returns the value to show, or HIDDEN."""
HIDDEN = object()
_UNITS = frozenset({"ms", "seconds", "minutes", "hours", "days"})
_SHAPES = {"lit": "{}", "exp": "= {}", "var": "variable {}", "tts": "speech {}", "prompt": "prompt {}"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One value, whole and typed, and whether its name says that it is a secret."""

    text: str
    secret: bool = False


@dataclass(slots=True)
class FlatSettings:
    """Values by path, and the order of the items of each list."""

    values: dict[Path, Setting] = field(default_factory=dict)
    orders: dict[Path, tuple[str, ...]] = field(default_factory=dict)


def flatten(content: Mapping[str, object], view: View, *, secret: bool = False) -> FlatSettings:
    """The settings below a mapping, seen through `view`; all secret if the mapping's name is."""
    settings = FlatSettings()
    waiting: list[tuple[Path, object, bool]] = [
        ((key,), item, secret or is_secret_name(key)) for key, item in reversed(_shown(content, view))
    ]
    while waiting:
        path, value, hidden = waiting.pop()
        text = _value_text(value)
        if text is not None:
            settings.values[path] = Setting(text, hidden)
        elif isinstance(value, Mapping):
            hidden = hidden or is_secret_name(" ".join(_plain(value.get(key)) for key in ("name", "variable")))
            waiting.extend(
                ((*path, key), item, hidden or is_secret_name(key)) for key, item in reversed(_shown(value, view))
            )
        elif isinstance(value, list):
            settings.orders[path] = labels = _labels(value)
            items = zip(labels, value, strict=True)
            waiting.extend(reversed([((*path, label), item, hidden) for label, item in items]))
    return settings


def _shown(content: Mapping[str, object], view: View) -> list[tuple[str, object]]:
    entries = ((key, view(key, item)) for key, item in content.items())
    return [(key, item) for key, item in entries if item is not HIDDEN]


def _value_text(value: object) -> str | None:
    """A scalar or one of Architect's value shapes as unambiguous text; None for anything else."""
    if isinstance(value, Mapping) and len(value) == 1:
        ((key, inner),) = value.items()
        return _shape_text(key, inner)
    if isinstance(value, Mapping | list):
        return None if value else json.dumps(value)
    return _scalar_text(value)


def _shape_text(key: str, inner: object) -> str | None:
    if key == "lit" and isinstance(inner, Mapping) and len(inner) == 1 and isinstance(inner.get("name"), str):
        return f"'{inner['name']}'"
    if key == "lit" and isinstance(inner, Mapping) and len(inner) == 1 and set(inner) <= _UNITS:
        ((unit, number),) = inner.items()
        return None if isinstance(number, Mapping | list) else f"{_scalar_text(number)} {unit}"
    if isinstance(inner, Mapping | list):
        return None
    if key in ("noValue", "none") and inner is True:
        return "not set" if key == "noValue" else "none"
    text = inner if isinstance(inner, str) and key in ("exp", "var", "prompt") else _scalar_text(inner)
    return _SHAPES[key].format(text) if key in _SHAPES else None


def _scalar_text(value: object) -> str:
    """Text in quotes, anything else bare, so that `"1"` and `1` differ. Unescaped, so that secrets can be found."""
    if isinstance(value, str):
        return f'"{value}"'
    return json.dumps(value) if isinstance(value, int | float | None) else repr(value)


def _plain(value: object) -> str:
    """The text of a string or of `{lit: string}`."""
    if isinstance(value, Mapping):
        value = value.get("lit")
    return value if isinstance(value, str) else ""


def _labels(items: list[object]) -> tuple[str, ...]:
    """A label for each item of a list: its name, with a number where several have the same."""
    seen: Counter[str] = Counter()
    labels = []
    for item in items:
        label = _label(item)
        seen[label] += 1
        labels.append(f"{label} #{seen[label]}" if seen[label] > 1 or not label else label)
    return tuple(labels)


def _label(item: object) -> str:
    """`intent Billing`, `string Task.x`; a scalar is its own name: its change is a removal and an addition."""
    if not isinstance(item, Mapping):
        return "" if isinstance(item, list) else _scalar_text(item)
    inner, prefix = item, ""
    if len(item) == 1:
        ((key, value),) = item.items()
        prefix = key
        inner = value if isinstance(value, Mapping) else {}
    called = next((text for key in ("name", "variable", "value") if (text := _plain(inner.get(key)))), "")
    return " ".join(part for part in (prefix, called) if part)
