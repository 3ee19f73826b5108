"""Turns tokens of the architect dialect into steps and tracks how they nest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from controller.diagnosis.architect_events import EventToken, TokenKind
from controller.diagnosis.model import ScopeKind, StepOutput, StepStatus, TraceStep, Variable
from controller.diagnosis.nested import to_text
from controller.diagnosis.statuses import status_of_errors, status_of_path
from controller.diagnosis.variables import flag, listed_variables, milliseconds, moment, text_of

_SCOPES = {
    "Flow": ScopeKind.FLOW,
    "CommonModule": ScopeKind.MODULE,
    "BotFlow": ScopeKind.BOT,
    "DigitalBotFlow": ScopeKind.BOT,
    "Task": ScopeKind.TASK,
    "Menu": ScopeKind.TASK,
    "BotState": ScopeKind.STATE,
    "State": ScopeKind.STATE,
}
_BOUNDARY = re.compile(rf"(started|ended)({'|'.join(_SCOPES)})$")
_KNOWN = re.compile(r"(action|menu|event)[A-Z]|turn$")
_DECISIONS = frozenset({"actionDecision", "actionSwitch", "actionEvaluateSchedule", "actionEvaluateScheduleGroup"})
_NAMES = ("actionName", "taskName", "menuName", "stateName", "flowName", "name")
_ERRORS = ("error", "errors", "errorReason", "flowErrorReason", "errorMessage")
_WARNINGS = ("warning", "warnings", "warningReason", "flowWarningReason")
_WORDS = ("reason", "errorCode", "code", "message", "errorMessage", "text", "description")


@dataclass(frozen=True, slots=True)
class _OpenStep:
    index: int
    kind: str
    """The scope of the boundary (`Task`); empty for an action with a nested execution."""
    step: TraceStep


@dataclass(slots=True)
class _Time:
    """When a step began, and how long it took: until the next one began."""

    start: datetime | None
    end: datetime | None = None
    duration_ms: float | None = None
    backwards_ms: float = 0.0
    """How much earlier than this step the next one began."""

    def until(self, following: datetime | None) -> _Time:
        """The same step once it is known when the next one begins."""
        duration = milliseconds(self.start, following)
        if duration is not None and duration < 0:
            self.end, self.duration_ms, self.backwards_ms = self.start, 0.0, -duration
        elif duration is not None:
            self.end, self.duration_ms = following, duration
        return self


class StepBuilder:
    """Makes the steps of one execution."""

    def __init__(self, *, flow_name: str = "") -> None:
        self._flow_name = flow_name
        self._open: list[_OpenStep] = []
        self._count = 0
        self._last_moment: datetime | None = None
        self._last_type = ""

    def steps(self, tokens: Iterable[EventToken]) -> Iterator[TraceStep]:
        """The step of each token, in order. Each is made when the next token is there, which tells its end."""
        waiting: tuple[EventToken, _Time] | None = None
        for token in tokens:
            time = self._time(token)
            if waiting is not None:
                yield self._step(waiting[0], waiting[1].until(time.start))
            waiting = token, time
        if waiting is not None:
            yield self._step(*waiting)

    def _step(self, token: EventToken, time: _Time) -> TraceStep:
        if token.kind is TokenKind.LEAVE:
            return self._leave(token, time)
        boundary = _BOUNDARY.match(token.type)
        closed = self._closed_by(boundary[1], boundary[2]) if boundary else None
        step = self._build(token, time, boundary, closed)
        self._count += 1
        self._last_type = token.type
        if token.kind is TokenKind.ENTER:
            self._open.append(_OpenStep(step.index, "", step))
        elif boundary and boundary[1] == "started":
            self._open.append(_OpenStep(step.index, boundary[2], step))
        return step

    def _closed_by(self, verb: str, kind: str) -> TraceStep | None:
        """Close the scope that this boundary ends, with everything inside it. Returns the step that opened it."""
        replaces = kind in {"State", "BotState", "Menu"} or (kind == "Task" and "CallTask" not in self._last_type)
        if verb == "started" and not replaces:
            return None
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place].kind == kind:
                step = self._open[place].step
                del self._open[place:]
                return step
            if not self._open[place].kind:
                return None
        return None

    def _leave(self, token: EventToken, time: _Time) -> TraceStep:
        place = max(index for index, opened in enumerate(self._open) if not opened.kind)
        opener = self._open[place].step
        del self._open[place:]
        step = self._build(token, time, None, opener)
        self._count += 1
        self._last_type = token.type
        return step

    def _build(
        self, token: EventToken, time: _Time, boundary: re.Match[str] | None, closed: TraceStep | None
    ) -> TraceStep:
        fields = token.fields
        started = bool(boundary and boundary[1] == "started")
        known = bool(boundary or _KNOWN.match(token.type))
        stray = boundary[2] if boundary and not started and closed is None else ""
        errors, warnings = _complaints(token)
        path = text_of(fields.get("outputPathId"))
        ending = closed if closed is not None and not started else None
        return TraceStep(
            index=self._count,
            id=text_of(fields.get("executionId")) or (ending.id if ending else f"#{self._count}"),
            type=token.type or "(unnamed)",
            name=self._name(token, ending),
            depth=len(self._open),
            parent=self._open[-1].index if self._open else None,
            start=time.start,
            end=time.end,
            duration_ms=time.duration_ms,
            span_ms=milliseconds(ending.start, time.start) if ending else None,
            status=_status(token, errors, path),
            status_text=path if path and status_of_path(path).failed else "",
            decision=token.type in _DECISIONS and token.kind is not TokenKind.ENTER,
            branch=StepOutput(path, text_of(fields.get("outputPathName"))) if path else None,
            writes=_writes(fields),
            observed=tuple(listed_variables(fields["variables"])) if "variables" in fields else None,
            opens=_SCOPES[boundary[2]] if boundary and started else None,
            closes=closed.index if closed else None,
            errors=errors,
            warnings=warnings,
            secure=flag(fields, "isSecure", "secure"),
            known=known,
            problems=tuple(_problems(token, time, stray, known=known)),
            resolved=known,
            detail=fields,
        )

    def _time(self, token: EventToken) -> _Time:
        start = moment(token.fields.get("dateTime"))
        if token.kind is TokenKind.LEAVE and start is None:
            return _Time(self._last_moment)
        self._last_moment = start or self._last_moment
        return _Time(start)

    def _name(self, token: EventToken, ending: TraceStep | None) -> str:
        named = next((str(token.fields[key]) for key in _NAMES if token.fields.get(key)), "")
        if named or ending is None:
            return named or (self._flow_name if token.type == "startedFlow" else "")
        return ending.name


def _problems(token: EventToken, time: _Time, stray: str, *, known: bool) -> Iterator[str]:
    """`stray` is the kind of scope that the step ends although none is open."""
    if time.start is None and token.kind is not TokenKind.LEAVE:
        yield "has no readable dateTime" if "dateTime" in token.fields else "has no dateTime"
    if stray:
        yield f"ends a {stray} that never started"
    if not known:
        yield "an event of an unknown kind" if token.type else "an event without a name"
    if time.backwards_ms:
        yield f"the next event is {time.backwards_ms:g} ms earlier: counted as no time"


def _writes(fields: Mapping[str, object]) -> tuple[Variable, ...]:
    return (*listed_variables(fields.get("statements")), *listed_variables(fields.get("outputVariables")))


def _status(token: EventToken, errors: tuple[str, ...], path: str | None) -> StepStatus:
    if errors:
        return status_of_errors(errors)
    if "ERROR" in str(token.fields.get("flowExitReason", "")).upper():
        return StepStatus.ERROR
    return status_of_path(path)


def _complaints(token: EventToken) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Errors and warnings. No document describes how errors look in the file, so every likely field is read."""
    errors = [text for key in _ERRORS if key in token.fields for text in _texts(token.fields[key])]
    warnings = [text for key in _WARNINGS if key in token.fields for text in _texts(token.fields[key])]
    if token.type == "eventError" and not errors:
        errors = [_words(token.fields) or "error event"]
    if token.type == "eventWarning" and not warnings:
        warnings = [_words(token.fields) or "warning event"]
    return tuple(errors), tuple(warnings)


def _texts(value: object) -> list[str]:
    items = value if isinstance(value, list | tuple) else [value]
    return [
        (_words(item) or to_text(item)) if isinstance(item, Mapping) else str(item)
        for item in items
        if item not in (None, "", False)
    ]


def _words(fields: Mapping[str, object]) -> str:
    return ": ".join(str(fields[key]) for key in _WORDS if isinstance(fields.get(key), str | int) and fields[key])
