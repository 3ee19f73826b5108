"""Named faults: their kind, the requests that they hit, and how often; read from a file or a request.

A file, or a request to `/_simulator/faults`, is refused with all its mistakes at once.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from controller.domain.errors.manifest import FlowFileInvalid
from controller.domain.errors.process import SettingsInvalid
from controller.flows.loading import load_node
from controller.flows.suggestion import did_you_mean
from controller.flows.yaml_reader import YamlNode


class FaultKind(StrEnum):
    HTTP_429 = "http-429"
    HTTP_5XX = "http-5xx"
    RESET = "reset"
    SLOW_BODY = "slow-body"
    TRUNCATED_JSON = "truncated-json"
    HTML_ERROR = "html-error"
    WRONG_TYPE = "wrong-type"
    MISSING_FIELD = "missing-field"
    HUGE_BODY = "huge-body"
    REDIRECT = "redirect"
    EXPIRED_TOKEN = "expired-token"  # noqa: S105 - a kind of fault
    TOKEN_RATE_LIMITED = "token-rate-limited"  # noqa: S105 - a kind of fault
    PUBLISH_SILENT_NOOP = "publish-silent-noop"
    PUBLISH_FAILS = "publish-fails"
    WRONG_VERSION = "wrong-version"
    JOB_FAILS = "job-fails"
    DISGUISED_429 = "disguised-429"
    STALE_INDEX = "stale-index"


ANSWER_FAULTS = frozenset(
    {
        FaultKind.HTTP_429,
        FaultKind.HTTP_5XX,
        FaultKind.RESET,
        FaultKind.SLOW_BODY,
        FaultKind.TRUNCATED_JSON,
        FaultKind.HTML_ERROR,
        FaultKind.WRONG_TYPE,
        FaultKind.MISSING_FIELD,
        FaultKind.HUGE_BODY,
        FaultKind.REDIRECT,
    }
)
"""Kinds that can hit any request. The others apply only to matching operations."""


class Point(StrEnum):
    """The moment of a reset or an error."""

    BEFORE = "before"
    """Before the request is handled."""
    AFTER = "after"
    """After the request took effect; its answer is lost."""
    MIDDLE = "middle"
    """After the request took effect; half of its answer arrives."""


class Match(BaseModel):
    """Selects requests; a field that is not given matches all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str | None = None
    route: str | None = None
    """The template of a route: `/api/v2/flows/{flowId}`."""
    flow: str | None = None
    """The id, `type/name` or name of a flow."""

    def fits(self, method: str, route: str, subjects: Collection[str]) -> bool:
        return (
            (self.method is None or self.method.upper() == method)
            and (self.route is None or self.route == route)
            and (self.flow is None or self.flow in subjects)
        )


class Fault(BaseModel):
    """One fault. `name` identifies it; a new fault replaces an older one with the same name."""

    model_config = ConfigDict(extra="forbid")

    name: str
    kind: FaultKind
    match: Match = Match()
    nth: Annotated[int, Field(ge=1)] = 1
    """Number of the first matching request that it hits."""
    times: Annotated[int, Field(ge=1)] | None = None
    """Number of requests that it hits; None for all."""
    for_s: Annotated[float, Field(gt=0)] | None = None
    """Seconds until it expires; None for no limit."""
    rate: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The share of requests that it hits. The choice repeats for the same sequence of requests."""
    point: Point = Point.BEFORE
    """For `reset` and `http-5xx`."""
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    """For `http-5xx` (503), `html-error` (200) and `redirect` (307)."""
    retry_after_s: Annotated[int, Field(ge=0)] | None = None
    """For `http-429` (1) and `http-5xx` (no header)."""
    retry_after_date: bool = False
    """Whether `Retry-After` is an HTTP date instead of seconds."""
    delay_s: Annotated[float, Field(ge=0)] = 30.0
    """For `slow-body`: seconds between the headers and the body."""
    message: str | None = None
    """For `publish-fails` and `job-fails`; empty for a failure without a message."""
    version: str | None = None
    """For `wrong-version`: the version that goes live instead; by default the previously live one."""
    field: str | None = None
    """For `wrong-type` and `missing-field`: the name of the field, at any depth of the answer."""
    size: Annotated[int, Field(ge=1)] = 64_000_000
    """For `huge-body`: bytes."""
    location: str = "https://elsewhere.example/"
    """For `redirect`."""

    _place: str = PrivateAttr("")
    _requests: int = PrivateAttr(0)
    _hits: int = PrivateAttr(0)
    _ends_at: datetime | None = PrivateAttr(None)

    @property
    def place(self) -> str:
        """Its origin, `faults.yaml: line 4: `; empty for a fault that is not from a file."""
        return self._place

    @place.setter
    def place(self, place: str) -> None:
        self._place = place

    def begin(self, now: datetime) -> None:
        """Start the time of `for_s`."""
        self._ends_at = now + timedelta(seconds=self.for_s) if self.for_s else None

    def strikes(self, now: datetime) -> bool:
        """Whether it hits this matching request. Counts the request."""
        if self._ends_at and now >= self._ends_at:
            return False
        # Counted before all other conditions: `nth` means the nth matching request.
        self._requests += 1
        if self._requests < self.nth or (self.times is not None and self._hits >= self.times):
            return False
        # Seeded by name and number, so that the same requests are hit in every run.
        if self.rate < 1 and random.Random(f"{self.name}/{self._requests}").random() >= self.rate:  # noqa: S311 - no secret
            return False
        self._hits += 1
        return True

    def shown(self) -> dict[str, object]:
        """The fault, and the numbers of requests that matched and were hit."""
        return self.model_dump(mode="json", exclude_defaults=True) | {"seen": self._requests, "hits": self._hits}


class Faults:
    """The current faults in the order in which they are tried. The first hit applies."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._served: frozenset[tuple[str, str]] | None = None

    def serve(self, routes: Collection[tuple[str, str]]) -> None:
        """Require every fault to match one of these routes from now on. Raises `SettingsInvalid`, as `set` does."""
        self._served = frozenset(routes)
        self._refuse_unserved(self._faults.values())

    def set(self, faults: Sequence[Fault], now: datetime) -> None:
        """Add all of them or none. Raises `SettingsInvalid` for a call that is not served, which would never match."""
        self._refuse_unserved(faults)
        for fault in faults:
            fault.begin(now)
            self._faults[fault.name] = fault

    def _refuse_unserved(self, faults: Iterable[Fault]) -> None:
        if self._served is not None:
            for fault in faults:
                _refuse_when_unserved(fault, self._served)

    def all(self) -> tuple[Fault, ...]:
        """The current faults with their counts reset."""
        return tuple(Fault(**fault.model_dump()) for fault in self._faults.values())

    def clear(self, name: str | None = None) -> int:
        """Remove one fault or all. Returns how many were removed."""
        chosen = list(self._faults) if name is None else [name] if name in self._faults else []
        for one in chosen:
            del self._faults[one]
        return len(chosen)

    def take(
        self, kinds: Collection[FaultKind], method: str, route: str, subjects: Collection[str], now: datetime
    ) -> Fault | None:
        """The fault of one of these kinds that hits this request."""
        for fault in self._faults.values():
            if fault.kind in kinds and fault.match.fits(method, route, subjects) and fault.strikes(now):
                return fault
        return None

    def shown(self) -> list[dict[str, object]]:
        return [fault.shown() for fault in self._faults.values()]


def _refuse_when_unserved(fault: Fault, served: Collection[tuple[str, str]]) -> None:
    route, method = fault.match.route, (fault.match.method or "").upper()
    methods = sorted({a_method for a_method, a_route in served if route in (None, a_route)})
    never = f"{fault.place}the fault {fault.name!r} would never strike: no call has the"
    if not methods:
        hint = (
            did_you_mean(str(route), {a_route for _, a_route in served}) or "docs/reference/genesys.md lists the routes"
        )
        raise SettingsInvalid(f"{never} route {route!r}", hint=hint)
    if method and method not in methods:
        where = f" on the route {route!r}" if route else ""
        raise SettingsInvalid(f"{never} method {method!r}{where}", hint=f"it is one of {', '.join(methods)}")


_FAULTS = TypeAdapter(list[Fault])
_HINT = "docs/reference/simulator.md tells of the kinds and fields of faults"
_UNKNOWN_FIELD = "extra_forbidden"


def parse_faults(value: object, node: YamlNode | None = None) -> list[Fault]:
    """Faults from a list, one fault, or `{"faults": […]}`. Raises `SettingsInvalid` with all mistakes.

    `node` is the YAML source of the value and gives mistakes their line.
    """
    listed = value.get("faults", [value]) if isinstance(value, dict) else value
    try:
        faults = _FAULTS.validate_python(listed)
    except ValidationError as error:
        mistakes = [
            _line(node, _path(value, one["loc"])) + _mistake(listed, one) for one in error.errors(include_url=False)
        ]
        raise SettingsInvalid(f"the faults cannot be read: {'; '.join(mistakes)}", hint=_HINT) from error
    twice = [name for name, count in Counter(fault.name for fault in faults).items() if count > 1]
    if twice:
        message = f"the faults cannot be read: the name {twice[0]!r} is given twice; the second would replace the first"
        raise SettingsInvalid(message, hint="give every fault a name of its own")
    for number, fault in enumerate(faults):
        asked = "route" if fault.match.route is not None else "method"
        fault.place = _line(node, _path(value, (number, "match", asked)))
    return faults


def read_faults(path: Path) -> list[Fault]:
    """Faults from a YAML or JSON file. Raises `SettingsInvalid`."""
    try:
        text = path.read_text(encoding="utf-8")
        node = load_node(text)
        faults = parse_faults(node.plain() if node is not None else None, node)
    except SettingsInvalid as error:
        raise SettingsInvalid(f"{path}: {error.message}", hint=error.hint) from error
    except FlowFileInvalid as error:
        message = f"{path}, line {error.line}, column {error.column}: {error.message}"
        raise SettingsInvalid(message, hint=error.hint) from error
    except UnicodeDecodeError as error:
        raise SettingsInvalid(f"the faults file {path} is not UTF-8", hint=_HINT) from error
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise SettingsInvalid(
            f"the faults file {path} cannot be read: {why}", hint="name a file with faults"
        ) from error
    for fault in faults:
        fault.place = f"{path}: {fault.place}"
    return faults


def _path(value: object, where: Sequence[str | int]) -> Sequence[str | int]:
    """The path from the top of the input to a place that is given relative to the list of faults."""
    if not isinstance(value, dict):
        return where
    return ("faults", *where) if "faults" in value else where[1:]


def _line(node: YamlNode | None, where: Sequence[str | int]) -> str:
    """`line 4: ` for the place or its nearest known parent; empty without a file."""
    return f"line {node.locate(where, at_key=True)[0]}: " if node is not None else ""


def _mistake(value: object, error: ErrorDetails) -> str:
    """`fault 2 ('storm'): kinds: there is no such field; did you mean 'kind'?`."""
    where = [str(part) for part in error["loc"]]
    if not where or not isinstance(value, Sequence):
        return "a list of faults is expected"
    words = error["msg"].lower()
    if error["type"] == "enum":
        words = "; ".join(
            part for part in (words, did_you_mean(str(error["input"]), [str(kind) for kind in FaultKind])) if part
        )
    if error["type"] == _UNKNOWN_FIELD:
        known = Match.model_fields if where[1] == "match" else Fault.model_fields
        words = "; ".join(part for part in ("there is no such field", did_you_mean(where[-1], known)) if part)
    fault = value[int(where[0])]
    name = fault.get("name") if isinstance(fault, dict) else None
    shown = f"fault {int(where[0]) + 1}" + (f" ({name!r})" if isinstance(name, str) else "")
    return ": ".join(part for part in (shown, ".".join(where[1:]), words) if part)
