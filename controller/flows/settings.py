"""The settings of one element of a flow as a flat table, so that two of them compare in linear time, without secrets.

Architect's value shapes (`{lit: ...}`, `{exp: ...}`, `{noValue: true}`) are one value each. Items of lists are named by
their kind and name, not by their position, so an insertion at the top changes one line and not all.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from controller.domain.redaction import MASK, is_secret_name
from controller.flows.diff_model import DiffEntry, DiffKind, one_line
from controller.flows.flow_references import CALLED_BY_KEY
from controller.flows.resource_references import KEYED

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


SHOWN = 80
"""Number of characters of a value that an entry shows."""
_CONTEXT = 20
_NAME_KEYS = frozenset({*CALLED_BY_KEY, *KEYED, "category", "dataAction"})
"""Keys that hold names as keys: another name there is a change of target, not a removal and an addition."""
_NAMES_BELOW = _NAME_KEYS | {"inputs", "outputs", "successOutputs", "failureOutputs", "foundOutputs"}
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_CAMEL = re.compile(r"[a-z][a-zA-Z0-9]*\Z")


@dataclass(frozen=True, slots=True)
class Shower:
    """Formats values and names: masks secrets, escapes control characters, shortens long texts."""

    mask: Callable[[str], str]
    renamed: Mapping[str, str]
    """Old titles, and the new titles of the same elements."""

    def pair(self, before: Setting, after: Setting) -> tuple[str, str]:
        """Two values, cut so that the first difference is visible."""
        texts = [self._whole(before), self._whole(after)]
        start = 0
        if max(map(len, texts)) > SHOWN:
            same = next((i for i, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), min(map(len, texts)))
            start = max(0, same - _CONTEXT)
        shown = [_cut(("\u2026" if start else "") + text[start:]) for text in texts]
        return shown[0], shown[1]

    def value(self, setting: Setting) -> str:
        return _cut(self._whole(setting))

    def clean(self, entry: DiffEntry) -> DiffEntry:
        """The entry without secrets and control characters."""
        return replace(
            entry,
            what=self._safe(entry.what),
            where=self._safe(entry.where),
            setting=self._safe(entry.setting),
            before=None if entry.before is None else self._safe(entry.before),
            after=None if entry.after is None else self._safe(entry.after),
        )

    def _safe(self, text: str) -> str:
        return one_line(self.mask(text))

    def _whole(self, setting: Setting) -> str:
        return MASK if setting.secret else self._safe(setting.text)


def table_entries(before: FlatSettings, after: FlatSettings, shower: Shower) -> Iterator[DiffEntry]:
    """The differences between two tables; `what` and `where` stay empty."""
    before, renames = _with_names_of(before, after)
    for path, old, new in renames:
        yield DiffEntry(DiffKind.CHANGED, "", "", _words(path), *shower.pair(Setting(old), Setting(new)))
    for path, setting in before.values.items():
        now = after.values.get(path)
        if now is not None and now.text != setting.text and not _same_target(path, setting, now, shower):
            yield DiffEntry(DiffKind.CHANGED, "", "", _words(path), *shower.pair(setting, now))
    yield from _one_sided(before, after, shower)
    yield from _reordered(before, after)


def _same_target(path: Path, before: Setting, after: Setting, shower: Shower) -> bool:
    renamed = shower.renamed.get(before.text.strip('"'))
    return path[-1].endswith("Ref") and renamed is not None and renamed == after.text.strip('"')


def _one_sided(before: FlatSettings, after: FlatSettings, shower: Shower) -> Iterator[DiffEntry]:
    """Settings that only one side has, one entry for each outermost setting."""
    gone, new = _groups(before, after), _groups(after, before)
    for path in dict.fromkeys((*gone, *new)):
        old, now = _summary(path, gone.get(path), shower), _summary(path, new.get(path), shower)
        kind = DiffKind.ADDED if old is None else DiffKind.REMOVED if now is None else DiffKind.CHANGED
        yield DiffEntry(kind, "", "", _words(path), old, now)


def _groups(side: FlatSettings, other: FlatSettings) -> dict[Path, list[tuple[Path, Setting]]]:
    """The values that `other` lacks, by the outermost setting that it lacks or that is a plain value on a side."""
    known = {path[:length] for path in (*other.values, *other.orders) for length in range(len(path) + 1)}
    groups: dict[Path, list[tuple[Path, Setting]]] = {}
    for path, setting in side.values.items():
        if path not in other.values:
            lengths = range(1, len(path) + 1)
            top = next((n for n in lengths if path[:n] not in known or path[:n] in other.values), len(path))
            groups.setdefault(path[:top], []).append((path, setting))
    return groups


def _summary(path: Path, group: list[tuple[Path, Setting]] | None, shower: Shower) -> str | None:
    if group is None:
        return None
    if len(group) > 1:
        return f"{len(group)} settings"
    below, setting = group[0]
    label = _words(below[len(path) :])
    return f"{label} {shower.value(setting)}" if label else shower.value(setting)


def _reordered(before: FlatSettings, after: FlatSettings) -> Iterator[DiffEntry]:
    for path, labels in before.orders.items():
        now = after.orders.get(path, ())
        common = set(labels) & set(now)
        kept = [label for label in labels if label in common]
        order = [label for label in now if label in common]
        if kept != order:
            yield DiffEntry(DiffKind.MOVED, "", "", _words(path), _cut(", ".join(kept)), _cut(", ".join(order)))


def _with_names_of(before: FlatSettings, after: FlatSettings) -> tuple[FlatSettings, list[tuple[Path, str, str]]]:
    """The older table under the newer names of targets, with the changed names."""
    renames: list[tuple[Path, str, str]] = []
    while True:
        change = _renamed_target(before, after)
        if change is None:
            return before, renames
        path, _, new = change
        renames.append(change)
        size = len(path)

        def moved(old: Path, path: Path = path, new: str = new, size: int = size) -> Path:
            return (*path, new, *old[size + 1 :]) if old[:size] == path and len(old) > size else old

        before = FlatSettings(
            {moved(key): setting for key, setting in before.values.items()},
            {moved(key): order for key, order in before.orders.items()},
        )


def _renamed_target(before: FlatSettings, after: FlatSettings) -> tuple[Path, str, str] | None:
    old, new = _names(before.values), _names(after.values)
    for path, names in old.items():
        others = new.get(path, set())
        if len(names) == 1 and len(others) == 1 and names != others:
            return path, next(iter(names)), next(iter(others))
    return None


def _names(paths: Iterable[Path]) -> dict[Path, set[str]]:
    names: dict[Path, set[str]] = {}
    for path in paths:
        for index, key in enumerate(path[:-1]):
            if key in _NAME_KEYS:
                names.setdefault(path[: index + 1], set()).add(path[index + 1])
    return names


def _words(path: Path) -> str:
    """A setting's path as text: `target queue`, `inputs > ClientId`."""
    words = []
    for index, key in enumerate(path):
        named = index > 0 and path[index - 1] in _NAMES_BELOW
        if key != "lit" or named:
            words.append(key if named or not _CAMEL.match(key) else _HUMP.sub(" ", key).lower())
    return " > ".join(words)


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}\u2026"
