"""Reads traces of the versioned dialect, page by page, into the trace model.

A step is `{id, type, status, variables, nextStepId}`. `variables` holds all variables after the step. These optional
fields are read too: a name, times, an error message, the branch of a decision, a parent, nested steps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from controller.diagnosis.model import ScopeKind, StepOutput, StepStatus, TraceHeader, TraceStep, Variable
from controller.diagnosis.nested import shallow, to_text
from controller.diagnosis.statuses import status_of, status_of_path
from controller.diagnosis.variables import flag, listed_variables, milliseconds, moment, named_variables, text_of
from controller.domain.capabilities import VERSIONED
from controller.domain.errors.organization import TraceUnreadable
from controller.domain.traces import SnapshotRange

_SCOPES = {
    "": ScopeKind.FLOW,
    "flow": ScopeKind.FLOW,
    "execution": ScopeKind.FLOW,
    "module": ScopeKind.MODULE,
    "commonmodule": ScopeKind.MODULE,
    "subflow": ScopeKind.MODULE,
    "bot": ScopeKind.BOT,
    "botflow": ScopeKind.BOT,
    "task": ScopeKind.TASK,
    "scope": ScopeKind.TASK,
    "state": ScopeKind.STATE,
    "loop": ScopeKind.LOOP,
}
_NOUN = "|".join(sorted(filter(None, _SCOPES), key=len, reverse=True))
_OPEN, _CLOSE = "started|start|begin|enter", "ended|end|exit|leave|return|finish"
_OPENS = re.compile(rf"(?:{_OPEN})({_NOUN})?$|({_NOUN})(?:{_OPEN})$")
_CLOSES = re.compile(rf"(?:{_CLOSE})({_NOUN})?$|({_NOUN})(?:{_CLOSE})$")
_DECIDES = re.compile(r"decision|switch|condition|choice|branch|evaluateschedule")
WRITERS = frozenset(
    {
        "askforintent", "askforslot", "assign", "assignment", "callaction", "callbotflow", "callcommonmodule",
        "calldata", "callmodule", "collect", "collectinput", "createvariable", "dataaction", "datatablelookup",
        "findqueue", "findskill", "finduser", "getparticipantdata", "input", "loop", "nextloop", "script", "setdata",
        "setvariable", "setvariables", "transform", "updatedata", "updatevariable",
    }
)  # fmt: skip
"""Types that set variables without listing them, in lower-case letters and without the prefix `action`."""


@dataclass(frozen=True, slots=True)
class TypeMeaning:
    opens: ScopeKind | None = None
    closes: ScopeKind | None = None
    decision: bool = False
    may_write: bool = False


def meaning_of(step_type: str) -> TypeMeaning:
    """The meaning of a step type, regardless of case, dashes, underscores and the prefix `action`."""
    letters = re.sub(r"[^a-z]", "", step_type.lower())
    letters = letters.removeprefix("action") or letters
    if opening := _OPENS.match(letters):
        return TypeMeaning(opens=_SCOPES[opening[1] or opening[2] or ""])
    if closing := _CLOSES.match(letters):
        return TypeMeaning(closes=_SCOPES[closing[1] or closing[2] or ""])
    if _DECIDES.search(letters):
        return TypeMeaning(decision=True)
    return TypeMeaning(may_write=letters in WRITERS)


_NESTED = ("steps", "children", "execution")


@dataclass(frozen=True, slots=True)
class _OpenScope:
    step: TraceStep
    meaning: TypeMeaning
    by_name: bool = False
    """Opened because a later step named it as parent."""


class VersionedReader:
    """Reads the pages of one trace in order; call `finish` at the end. Holds one step and the open scopes.

    `ranges` are the requested variable snapshot ranges. Outside of them variables were not captured, so an empty
    `variables` has no meaning there.
    """

    def __init__(self, ranges: Sequence[SnapshotRange] = ()) -> None:
        self._ranges = ranges
        self._open: list[_OpenScope] = []
        self._waiting: TraceStep | None = None
        self._count = 0

    def page(self, entities: Iterable[object]) -> Iterator[TraceStep]:
        """The steps that this page completes. Each step is held until the next one confirms the chain.

        Raises TraceUnreadable for a step that is not an object.
        """
        pending: list[tuple[Iterator[object], int]] = [(iter(entities), len(self._open))]
        while pending:
            raw = next(pending[-1][0], None)
            if raw is None:
                _, level = pending.pop()
                if pending:
                    del self._open[level:]
                continue
            if not isinstance(raw, Mapping):
                raise TraceUnreadable(f"step {self._count} of the trace is no object but {type(raw).__name__}")
            step = self._step(raw)
            if self._waiting is not None:
                yield _linked(self._waiting, step)
            self._waiting = step
            nested = next((raw[key] for key in _NESTED if isinstance(raw.get(key), list)), None)
            if nested is not None:
                pending.append((iter(nested), len(self._open)))
                self._open.append(_OpenScope(step, TypeMeaning()))

    def finish(self) -> Iterator[TraceStep]:
        """The last step."""
        if self._waiting is not None:
            step, self._waiting = self._waiting, None
            yield _linked(step, None)

    def _step(self, raw: Mapping[str, object]) -> TraceStep:
        step_type = text_of(raw.get("type")) or ""
        meaning = meaning_of(step_type)
        problems, left = self._place(raw)
        ended = self._closed_by(meaning)
        closed = ended or left
        index = self._count
        identity = text_of(raw.get("id"))
        if not identity:
            problems.append("has no id")
        if not step_type:
            problems.append("has no type")
        step = self._build(raw, meaning, identity or f"#{index}")
        start = step.start
        step = replace(
            step,
            type=step_type or "(untyped)",
            closes=closed.index if closed else None,
            span_ms=milliseconds(ended.start, start) if ended else None,
            problems=tuple(problems),
            resolved=bool(identity and step_type),
        )
        self._count += 1
        if meaning.opens:
            self._open.append(_OpenScope(step, meaning))
        return step

    def _build(self, raw: Mapping[str, object], meaning: TypeMeaning, identity: str) -> TraceStep:
        start = moment(_first(raw, "startTime", "startDateTime", "dateTime", "timestamp"))
        end = moment(_first(raw, "endTime", "endDateTime"))
        observed = self._observed(raw)
        status, status_text, branch = _outcome(raw, meaning)
        return TraceStep(
            index=self._count,
            id=identity,
            type="",
            name=text_of(_first(raw, "name", "nodeName", "actionName")) or "",
            depth=len(self._open),
            parent=self._open[-1].step.index if self._open else None,
            start=start,
            end=end,
            duration_ms=milliseconds(start, end),
            status=status,
            status_text=status_text,
            decision=meaning.decision,
            decision_failed=status is not StepStatus.SUCCESS,
            branch=branch,
            writes=tuple(listed_variables(raw.get("writes"))),
            observed=observed,
            complete=observed is not None,
            may_write=meaning.may_write and "writes" not in raw,
            opens=meaning.opens,
            errors=_texts(raw, "errorMessage", "error", "errors"),
            warnings=_texts(raw, "warningMessage", "warning", "warnings"),
            secure=flag(raw, "secure", "isSecure"),
            next_id=text_of(raw.get("nextStepId")),
            detail={key: shallow(value) for key, value in raw.items() if key not in _NESTED},
        )

    def _observed(self, raw: Mapping[str, object]) -> tuple[Variable, ...] | None:
        variables = raw.get("variables")
        inside = any(wanted.start_step_index <= self._count <= wanted.end_step_index for wanted in self._ranges)
        if self._ranges and not inside and not variables:
            return None
        if isinstance(variables, Mapping):
            secure = raw.get("secureVariables")
            names = set(map(str, secure)) if isinstance(secure, list) else set()
            return tuple(
                replace(variable, secure=True) if variable.name in names else variable
                for variable in named_variables(variables)
            )
        return tuple(listed_variables(variables)) if isinstance(variables, list) else None

    def _place(self, raw: Mapping[str, object]) -> tuple[list[str], TraceStep | None]:
        """Find the step's parent among the open steps, if the source names one.

        Leaves everything above the parent, except for scopes directly above it: those end by steps of their own.
        Returns problems, and the outermost scope-opening step that was left without an end step.
        """
        parent = text_of(raw.get("parentId"))
        if parent is None:
            return [], self._leave(0)
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place].step.id == parent:
                return [], self._leave(place + 1)
        if self._waiting is not None and self._waiting.id == parent:
            self._open.append(_OpenScope(self._waiting, TypeMeaning(), by_name=True))
            return [], None
        return [f"its parent {parent} is not open"], None

    def _leave(self, lowest: int) -> TraceStep | None:
        for place in range(lowest, len(self._open)):
            if self._open[place].by_name:
                left = self._open[place:]
                del self._open[place:]
                return next((opened.step for opened in left if opened.meaning.opens), None)
        return None

    def _closed_by(self, meaning: TypeMeaning) -> TraceStep | None:
        if meaning.closes is None:
            return None
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place].meaning.opens is meaning.closes:
                step = self._open[place].step
                del self._open[place:]
                return step
        return None


def versioned_header(raw: Mapping[str, object]) -> TraceHeader:
    """The header from the answer of `GET /api/v2/flows/debug/traces/{traceId}`. Unknown fields go to `extra`."""
    names = {
        "flow_id": ("flowId",),
        "flow_name": ("flowName",),
        "flow_type": ("flowType",),
        "flow_version": ("flowVersion", "flowVersionId", "flow_version_id"),
        "conversation_id": ("conversationId",),
        "started_at": ("startTime", "startDateTime", "start_date_time"),
        "ended_at": ("endTime", "endDateTime", "end_date_time"),
    }
    used = {"id", *(name for spellings in names.values() for name in spellings)}
    return TraceHeader(
        id=text_of(raw.get("id")) or "unknown",
        dialect=VERSIONED,
        flow_id=text_of(_first(raw, *names["flow_id"])),
        flow_name=text_of(_first(raw, *names["flow_name"])),
        flow_type=text_of(_first(raw, *names["flow_type"])),
        flow_version=text_of(_first(raw, *names["flow_version"])),
        conversation_id=text_of(_first(raw, *names["conversation_id"])),
        started_at=moment(_first(raw, *names["started_at"])),
        ended_at=moment(_first(raw, *names["ended_at"])),
        truncated=flag(raw, "truncated", "isTruncated"),
        secure=flag(raw, "secure", "isSecure"),
        extra={key: shallow(value) for key, value in raw.items() if key not in used},
    )


def _linked(step: TraceStep, following: TraceStep | None) -> TraceStep:
    """Check that the step's `nextStepId` names the following step, and set a missing end to the next start."""
    if following is not None and step.end is None and (gap := milliseconds(step.start, following.start)) is not None:
        step = replace(step, end=following.start, duration_ms=max(gap, 0.0))
    if step.next_id is None or (following is not None and step.next_id == following.id):
        return step
    found = f"{following.id} follows" if following else "the trace ends"
    return replace(step, resolved=False, problems=(*step.problems, f"names {step.next_id} as next, but {found}"))


def _outcome(raw: Mapping[str, object], meaning: TypeMeaning) -> tuple[StepStatus, str, StepOutput | None]:
    status_text = text_of(raw.get("status")) or ""
    status = status_of(status_text) if status_text else StepStatus.UNKNOWN
    path = text_of(_first(raw, "outputPathId", "branch", "branchId", "outcome"))
    if status is StepStatus.SUCCESS:
        status = status_of_path(path)
    if path is None and meaning.decision:
        path = text_of(raw.get("nextStepId"))
    return status, status_text, StepOutput(path, text_of(_first(raw, "outputPathName", "branchName"))) if path else None


def _texts(raw: Mapping[str, object], *names: str) -> tuple[str, ...]:
    values: list[object] = []
    for name in names:
        value = raw.get(name)
        values.extend(value if isinstance(value, list) else [value])
    return tuple(to_text(item) if isinstance(item, Mapping) else str(item) for item in values if item)


def _first(raw: Mapping[str, object], *names: str) -> object:
    return next((raw[name] for name in names if raw.get(name) is not None), None)
