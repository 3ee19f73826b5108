"""Masks secrets in everything that is made from a trace.

A variable is secret when the source marks it secure, when it belongs to a secure step or execution, or when its name
matches a pattern. Its values are masked everywhere in the trace, also in texts and in other variables. A first pass
over the trace learns these values before anything is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import translate
from functools import lru_cache

from controller.diagnosis.anomalies import Anomaly
from controller.diagnosis.changes import VariableChange
from controller.diagnosis.model import StepOutline, StepOutput, Trace, TraceHeader, TraceStep, Variable
from controller.diagnosis.nested import rewrite
from controller.domain.redaction import MASK, masked_patterns

DEFAULT_PATTERNS = (
    "*passw*",
    "*secret*",
    "*token*",
    "*authorization*",
    "*credential*",
    "*api[-_]key*",
    "*apikey*",
    "*privatekey*",
    "*signature*",
    "*presigned*",
    "*ssn*",
    "*cvv*",
    "*cvc",
    "*card*number*",
    "*iban*",
    "*pin",
    "*pincode*",
)
"""Always masked. Shell patterns that match the whole name of a variable, regardless of case."""

_SHORTEST = 4
"""Shorter secret values also occur in ordinary text, so they are masked only under their own names."""
_MOST = 2000
"""With more secret values than this, all values of the trace are masked, which is just as safe and faster."""
_ORDINARY = frozenset({"true", "false", "null", "none", MASK})
_NAMES = ("variableName", "inputName", "outputName", "name", "variableId", "key")
_STRUCTURE = re.compile(
    r"(id|name|type|status|dateTime|startTime|endTime|timestamp|nextStepId|\w+(Id|Name|Version|DateTime|Style|Tag))$"
)
"""Fields for the place and time of an event, shown even for secure steps."""


class Masking:
    """The secrets of one trace, and functions that copy its parts without them."""

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        globs = "|".join(translate(pattern) for pattern in (*DEFAULT_PATTERNS, *patterns))
        self._pattern = re.compile(globs, re.IGNORECASE)
        self._names: set[str] = set()
        self._values: set[str] = set()
        self._everything = False
        self._secret_text: re.Pattern[str] | None = None
        self._clean = lru_cache(maxsize=1024)(self._redact)
        self._secret_name = lru_cache(maxsize=1024)(self._matches)

    def learn(self, trace: Trace) -> None:
        """Walk the trace and collect its secret names and values."""
        self._everything = self._everything or trace.header.secure
        known = -1
        # A variable may be marked secure only after its first value: a second pass then knows all names.
        while known != len(self._names):
            known = len(self._names)
            self._secret_name.cache_clear()
            for step in trace.steps:
                self._learn_step(step)
        self._learned()

    def _learn_step(self, step: TraceStep) -> None:
        for variable in (*step.writes, *(step.observed or ())):
            if variable.secure or step.secure:
                self._names.add(variable.name)
        self._learn_values((*step.writes, *(step.observed or ())))
        self._learn_fields(step.detail, secure=step.secure)

    def learn_payloads(self, payloads: Iterable[Mapping[str, object]]) -> None:
        """Collect the secret values of payloads that are not steps of a trace."""
        for payload in payloads:
            self._learn_fields(payload, secure=False)
        self._learned()

    def _learned(self) -> None:
        self._secret_name.cache_clear()
        if len(self._values) > _MOST:
            self._everything = True
        longest_first = sorted(self._values, key=lambda value: (-len(value), value))[:_MOST]
        self._secret_text = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
        self._clean.cache_clear()

    def text(self, text: str) -> str:
        """The text with secret values, bearer tokens and signed URLs masked."""
        return self._clean(text)

    def variable(self, variable: Variable) -> Variable:
        if self._is_secret(variable):
            return replace(variable, value=MASK, secure=True)
        value = variable.value
        masked = rewrite_named(value, self) if isinstance(value, dict | list) else self.leaf(value)
        return variable if masked is value else replace(variable, value=masked)

    def step(self, step: TraceStep) -> TraceStep:
        """The step masked."""
        return replace(
            step,
            name=self.text(step.name),
            branch=self._branch(step.branch),
            writes=tuple(map(self.variable, step.writes)),
            observed=None if step.observed is None else tuple(map(self.variable, step.observed)),
            errors=tuple(map(self.text, step.errors)),
            warnings=tuple(map(self.text, step.warnings)),
            detail=self.fields(step.detail, secure=step.secure or self._everything),
        )

    def outline(self, step: TraceStep) -> StepOutline:
        """The outline of the step, masked."""
        return StepOutline(
            step.index,
            step.type,
            self.text(step.name),
            step.depth,
            step.start,
            step.duration_ms,
            step.span_ms,
            self._branch(step.branch),
            step.closes,
            tuple(map(self.text, step.warnings)),
            step.problems,
        )

    def _branch(self, branch: StepOutput | None) -> StepOutput | None:
        return branch and StepOutput(self.text(branch.id), branch.name and self.text(branch.name))

    def change(self, change: VariableChange) -> VariableChange:
        old = self.variable(change.old) if change.old else None
        new = self.variable(change.new) if change.new else None
        return VariableChange(change.name, change.kind, change.cause, old, new)

    def anomaly(self, anomaly: Anomaly) -> Anomaly:
        old = self.variable(anomaly.old) if anomaly.old else None
        new = self.variable(anomaly.new) if anomaly.new else None
        return replace(anomaly, message=self.text(anomaly.message), old=old, new=new)

    def header(self, header: TraceHeader) -> TraceHeader:
        return replace(header, extra=self.fields(header.extra, secure=False))

    def fields(self, fields: Mapping[str, object], *, secure: bool) -> dict[str, object]:
        """A masked copy of a payload; for a secure one only the structure stays."""
        result = rewrite_named(fields, self, secure=secure)
        return result if isinstance(result, dict) else {}

    def hides(self, name: str) -> bool:
        """Whether values under this name are secret."""
        return self._secret_name(name)

    def leaf(self, value: object) -> object:
        """A plain value; masked when it is or contains a secret value."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and str(value) in self._values:
            return MASK
        return value

    def _is_secret(self, variable: Variable) -> bool:
        return self._everything or variable.secure or self._secret_name(variable.name)

    def _matches(self, name: str) -> bool:
        return name in self._names or self._pattern.match(name) is not None

    def _learn_values(self, variables: Iterable[Variable]) -> None:
        for variable in variables:
            if len(self._values) <= _MOST and self._is_secret(variable):
                rewrite(variable.value, self._learn_value)

    def _learn_fields(self, fields: Mapping[str, object], *, secure: bool) -> None:
        """Collect the values under secret names at any depth."""
        for value in secret_values(fields, self, secure=secure or self._everything):
            if len(self._values) <= _MOST:
                rewrite(value, self._learn_value)

    def _learn_value(self, value: object, _key: str | int) -> object:
        text = str(value)
        if len(text) >= _SHORTEST and text.lower() not in _ORDINARY:
            self._values.add(text)
        return value

    def _redact(self, text: str) -> str:
        if self._secret_text is not None:
            text = self._secret_text.sub(MASK, text)
        return masked_patterns(text)


def learned(trace: Trace, patterns: Sequence[str] = ()) -> Masking:
    """A masking that knows the trace's secrets."""
    masking = Masking(patterns)
    masking.learn(trace)
    return masking


def secret_values(value: object, masking: Masking, *, secure: bool = False) -> Iterator[object]:
    """The values within a nested value that `rewrite_named` masks because of their names."""
    pending: list[tuple[object, str]] = [(value, "")]
    while pending:
        item, key = pending.pop()
        if item is None or isinstance(item, str | int | float):
            if secure and not _STRUCTURE.match(key):
                yield item
        elif isinstance(item, Mapping):
            secrets = _secret_members(item, masking)
            yield from (item[name] for name in secrets)
            pending.extend((child, str(name)) for name, child in item.items() if name not in secrets)
        elif isinstance(item, list | tuple):
            pending.extend((child, "") for child in item)
        elif secure and not _STRUCTURE.match(key):  # a value that JSON does not have
            yield item


def rewrite_named(value: object, masking: Masking, *, secure: bool = False) -> object:
    """A copy of a nested value; values under a secret name, or the `value` beside one, are masked as a whole."""

    def leaf(item: object, key: str | int) -> object:
        structural = isinstance(key, str) and _STRUCTURE.match(key)
        return MASK if secure and item is not None and not structural else masking.leaf(item)

    return rewrite(value, leaf, lambda item: _secret_members(item, masking))


def _secret_members(item: Mapping[str, object], masking: Masking) -> set[str]:
    """The keys with secret values in an object: secret by their own name, or `value` beside a secret name or flag."""
    secrets = {
        name
        for name, value in item.items()
        if masking.hides(str(name)) and value is not None and not isinstance(value, bool)
    }
    if item.get("value") is not None and (_is_marked(item) or _has_secret_name(item, masking)):
        secrets.add("value")
    return secrets


def _is_marked(item: Mapping[str, object]) -> bool:
    return item.get("secure") is True or item.get("isSecure") is True


def _has_secret_name(item: Mapping[str, object], masking: Masking) -> bool:
    return any(masking.hides(str(item[name])) for name in _NAMES if isinstance(item.get(name), str))
