"""Reads variables and times in the formats of the two dialects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from controller.diagnosis.model import Variable, Withheld

_EPOCH_MS = 100_000_000_000
"""Larger numbers are milliseconds since 1970, smaller ones are seconds."""


def listed_variables(entries: object) -> Iterator[Variable]:
    """Variables of a list `[{value, variableId, variableName}]`. Skips entries with neither id nor name."""
    for entry in entries if isinstance(entries, list | tuple) else ():
        if not isinstance(entry, dict):
            continue
        name = entry.get("variableName") or entry.get("name") or entry.get("variableId") or entry.get("id")
        if name:
            yield _variable(str(name), entry)


def named_variables(variables: Mapping[str, object]) -> Iterator[Variable]:
    """Variables of an object `{name: value}`. A value may also be `{"value": …, "secure": true}`."""
    for name, raw in variables.items():
        if isinstance(raw, Mapping) and _is_wrapped(raw):
            yield _variable(str(name), raw)
        else:
            yield Variable(str(name), raw)


def text_of(value: object) -> str | None:
    """The value as text; None stays None."""
    return None if value is None else str(value)


def flag(fields: Mapping[str, object], *names: str) -> bool:
    """Whether one of these fields is true; `"true"` counts as true."""
    for name in names:
        found = fields.get(name)
        if found is True or (found is not None and str(found).lower() == "true"):
            return True
    return False


def moment(value: object) -> datetime | None:
    """A time from ISO 8601 text, or from seconds or milliseconds since 1970; else None. Without a zone it is UTC.

    The year 1 is None: Go writes a time that was never set like this.
    """
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value / 1000 if abs(value) >= _EPOCH_MS else value, UTC)
        if not isinstance(value, str):
            return None
        parsed = datetime.fromisoformat(value)
    except (ValueError, OverflowError, OSError):
        return None
    if parsed.year == 1:
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed


def milliseconds(start: datetime | None, end: datetime | None) -> float | None:
    """Milliseconds between two times; None when one is missing."""
    return None if start is None or end is None else (end - start).total_seconds() * 1000


def _variable(name: str, entry: Mapping[str, object]) -> Variable:
    value, identity = entry.get("value"), text_of(entry.get("variableId") or entry.get("id"))
    withheld = _withheld(entry) or (_withheld(value) if isinstance(value, dict) else None)
    secure = flag(entry, "secure", "isSecure")
    return Variable(name, None if withheld else value, identity, withheld, secure)


def _withheld(entry: Mapping[str, object]) -> Withheld | None:
    if flag(entry, "valueIsTooLarge"):
        return Withheld.TOO_LARGE
    return Withheld.REDACTED if flag(entry, "valueIsRedacted") else None


def _is_wrapped(raw: Mapping[str, object]) -> bool:
    """Whether the object describes a variable (as opposed to being its value)."""
    return _withheld(raw) is not None or (
        "value" in raw and bool({"secure", "isSecure", "type", "variableId"} & set(raw))
    )
