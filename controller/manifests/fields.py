"""The types of single fields (durations, percentages, slugs, schedules), each with the message of its mistake."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt, StrictStr, WithJsonSchema
from pydantic_core import PydanticCustomError

from controller.manifests.wording import did_you_mean, quoted

PATH_SEGMENT = re.compile(r"(?!\.{1,2}\Z)[^\s/\\?#%\x00-\x1f\x7f]{1,128}")
"""Characters that a path of the versioned dialect may hold; the organisation defines the ids."""
SLUG_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
DURATION_PATTERN = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"
PERCENT_PATTERN = r"^[0-9]+(\.[0-9]+)?\s?%$"
_LONGEST_S = 31 * 24 * 3600
_DURATION = re.compile(r"(?=.)(?:(\d{1,7})h)?(?:(\d{1,7})m)?(?:(\d{1,7})s)?", re.ASCII)
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s?%", re.ASCII)


def mistaken(expectation: str, hint: str | None = None) -> PydanticCustomError:
    """What a field's validator raises: `<path> <expectation> (<hint>)` is what people read."""
    return PydanticCustomError("expectation", "{expectation}", {"expectation": expectation, "hint": hint})


def _duration(value: object) -> float:
    if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        total = hours * 3600 + minutes * 60 + seconds
        if total > _LONGEST_S:
            raise mistaken("must not be longer than 31 days (744h)")
        return float(total)
    hint = None
    if isinstance(value, int) and not isinstance(value, bool):
        hint = f"add the unit: {value}s or {value}m"
    raise mistaken("must be a duration such as 90s, 5m, 10h or 1h30m", hint)


def _some_time(value: float) -> float:
    if value <= 0:
        raise mistaken("must be longer than nothing")
    return value


def written(seconds: float) -> str:
    """A duration as a manifest writes it: `1h30m`."""
    hours, rest = divmod(int(seconds), 3600)
    minutes, left = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "m"), (left, "s"))
    return "".join(f"{amount}{unit}" for amount, unit in parts if amount) or "0s"


def _percent(value: object) -> float:
    if isinstance(value, str) and (match := _PERCENT.fullmatch(value)):
        value = float(match[1])
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise mistaken("must be a percentage from 0 to 100, such as 2% or 2")
    return float(value)


def _slug(value: str) -> str:
    if re.fullmatch(SLUG_PATTERN, value):
        return value
    close = re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-")[:63].rstrip("-")
    hint = f"for example {quoted(close)}" if close else None
    raise mistaken("must be 1 to 63 lower-case letters, digits and inner dashes", hint)


def _schedule(value: str) -> str:
    if len(value.split()) != 5:
        raise mistaken("must be a cron expression of five fields: minute hour day month weekday")
    try:
        next(CronSim(value, datetime.now(UTC)))
    except CronSimError as error:
        raise mistaken(f"is not a cron expression that can come true: {error}") from error
    except StopIteration:
        raise mistaken("is a cron expression that never comes true") from None
    return value


def _timezone(value: str) -> str:
    known = available_timezones()
    if value not in known:
        hint = did_you_mean(value, known) or "for example Europe/Dublin or UTC"
        raise mistaken(f"must be an IANA time zone, and not {quoted(value)}", hint)
    return value


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise mistaken("must be a URL with a host and a valid port") from error
    if parts.scheme not in ("http", "https") or not host or not value.isprintable() or " " in value:
        raise mistaken("must be a URL that begins with https:// or http://")
    if "@" in parts.netloc:
        raise mistaken("must not carry a user or a password", "everyone who clones the repository can read it")
    return value


def _text(value: str) -> str:
    if not value.strip():
        raise mistaken("must not be empty")
    return value


Text = Annotated[StrictStr, AfterValidator(_text), Field(json_schema_extra={"minLength": 1})]
Switch = StrictBool
Slug = Annotated[StrictStr, AfterValidator(_slug), Field(json_schema_extra={"pattern": SLUG_PATTERN})]
Duration = Annotated[
    float,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "minLength": 2, "examples": ["90s", "5m", "1h30m"]}),
]
"""Seconds; written `90s`, `5m`, `10h`, `1h30m`."""
PositiveDuration = Annotated[Duration, AfterValidator(_some_time)]
Percent = Annotated[
    float,
    BeforeValidator(_percent),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0, "maximum": 100}, {"type": "string", "pattern": PERCENT_PATTERN}]}
    ),
]
"""0 to 100; written `2%` or `2`."""
Schedule = Annotated[StrictStr, AfterValidator(_schedule)]
TimeZone = Annotated[StrictStr, AfterValidator(_timezone)]
Url = Annotated[StrictStr, AfterValidator(_url), Field(json_schema_extra={"pattern": "^https?://[^@ ]+$"})]
Count = Annotated[StrictInt, Field(ge=0)]
PositiveCount = Annotated[StrictInt, Field(ge=1)]
