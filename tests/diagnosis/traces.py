"""Traces for the tests of this folder: a generator that puts anomalies in, and builders of both wire formats."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from controller.diagnosis.anomalies import Anomaly, anomalies_of
from controller.diagnosis.architect_reader import open_execution
from controller.diagnosis.model import Trace
from controller.diagnosis.modules import CallTracker, LiveModule, ModuleCall, StaleCall, stale_among
from controller.diagnosis.state import StateTracker
from controller.diagnosis.versioned_reader import VersionedReader, versioned_header
from controller.domain.traces import SnapshotRange

GOOD = "success"
BAD = {
    "error": "error",
    "timeout": "timeout",
    "validation_error": "validation_error",
    "service_unavailable": "service_unavailable",
}
VALUES = {"string": ["a", "b", "c", ""], "number": [0, 1, 2.5], "boolean": [True, False], "array": [[1], [True], []]}


@dataclass
class Written:
    """A generated trace: the raw steps, and what must be found in them."""

    steps: list[dict] = field(default_factory=list)
    expected: set[tuple[int, str, str | None]] = field(default_factory=set)
    states: dict[int, dict[str, object]] = field(default_factory=dict)


class Writer:
    """Plays an execution as a list of random choices and writes down each anomaly that it causes."""

    def __init__(self, draw) -> None:
        self.draw = draw
        self.out = Written()
        self.scopes: list[dict[str, object]] = [{}]
        self.names = 0
        self.captured_once = False
        self.wrote = self.scoped = False

    def flat(self) -> dict[str, object]:
        return {name: value for scope in self.scopes for name, value in scope.items()}

    def choose(self, options):
        return self.draw(st.sampled_from(list(options)))

    def fresh(self) -> str:
        self.names += 1
        return self.choose(["Flow.v{}", "v{}", "é {}", "x.y{}"]).format(self.names)

    def place(self, name: str) -> dict[str, object]:
        """The scope that a new variable belongs to: the flow's own for `Flow.`, else the innermost."""
        return self.scopes[0] if name.startswith("Flow.") else self.scopes[-1]

    def other(self, value: object, *, same_type: bool) -> object:
        kind = next(
            kind
            for kind, values in VALUES.items()
            if any(v is value or (v == value and type(v) is type(value)) for v in values)
        )
        if same_type:
            return self.choose([v for v in VALUES[kind] if not (v is value or (v == value and type(v) is type(value)))])
        return self.choose(v for other, values in VALUES.items() if other != kind for v in values)

    def step(self) -> None:
        kind = self.choose(["playAudio", "playAudio", "decision", "updateData", "startTask", "endTask"])
        if kind == "endTask" and len(self.scopes) == 1:
            kind = "playAudio"
        index = len(self.out.steps)
        status = self.choose([GOOD, GOOD, GOOD, *BAD])
        raw = {"id": f"s{index}", "type": kind, "status": status}
        if status != GOOD:
            self.out.expected.add((index, BAD[status], None))
        branch = self.choose([True, True, False]) if kind == "decision" else True
        if kind == "decision":
            if branch:
                raw["outputPathId"] = "yes"
            if status != GOOD:
                self.out.expected.add((index, "failed_decision", None))
        self.act(kind)
        captured = self.choose([True, True, True, False])
        if captured:
            if kind in ("playAudio", "decision") and self.captured_once:
                self.drift(index)
            raw["variables"] = self.flat()
            self.out.states[index] = dict(raw["variables"])
            self.captured_once = True
            self.wrote = self.scoped = False
        self.out.steps.append(raw)

    def act(self, kind: str) -> None:
        """What an execution may do: a step that writes sets values, a scope brings and takes variables."""
        if kind == "updateData":
            self.wrote = True
            for _ in range(self.choose([0, 1, 2])):
                flat = self.flat()
                if flat and self.choose([True, False]):
                    self.assign(name := self.choose(sorted(flat)), self.other(flat[name], same_type=True))
                else:
                    self.place(name := self.fresh())[name] = self.choose(VALUES["string"])
        elif kind == "startTask":
            self.scoped = True
            self.scopes.append({})
            for _ in range(self.choose([0, 1, 2])):
                name = self.fresh().removeprefix("Flow.")
                self.scopes[-1][name] = self.choose(VALUES["number"])
        elif kind == "endTask":
            self.scoped = True
            self.scopes.pop()

    def assign(self, name: str, value: object) -> None:
        next(scope for scope in self.scopes if name in scope)[name] = value

    def drift(self, index: int) -> None:
        """Change what nothing explains, each variable once."""
        flat = self.flat()
        untouched = sorted(set(self.last_seen()) & set(flat))
        for name in untouched:
            kind = self.choose(["", "", "", "value_change", "type_change", "scope_exit"])
            if kind == "type_change":
                self.assign(name, self.other(flat[name], same_type=False))
            elif kind == "value_change" and not self.wrote:
                self.assign(name, self.other(flat[name], same_type=True))
            elif kind == "scope_exit" and not self.scoped:
                del next(scope for scope in self.scopes if name in scope)[name]
            else:
                continue
            self.out.expected.add((index, kind, name))
        if not self.wrote and not self.scoped and self.choose([True, False]):
            name = self.fresh()
            self.place(name)[name] = "injected"
            self.assign(name, self.choose(VALUES["string"]))
            self.out.expected.add((index, "injection", name))

    def last_seen(self) -> dict[str, object]:
        return self.out.states[max(self.out.states)]


@st.composite
def written_traces(draw) -> Written:
    writer = Writer(draw)
    for _ in range(draw(st.integers(1, 25))):
        writer.step()
    steps = writer.out.steps
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        step["nextStepId"] = following["id"] if following else None
        if step["type"] == "decision" and "outputPathId" not in step:
            step["nextStepId"] = None
    return writer.out


def at(second: float) -> str:
    """A dateTime of the execution, `second` seconds after its start."""
    whole, part = divmod(round(second * 1000), 1000)
    minutes, seconds = divmod(whole, 60)
    return f"2026-08-10T14:{minutes:02d}:{seconds:02d}.{part:03d}Z"


def event(kind: str, second: float | None = None, **fields) -> dict:
    """One event of an execution file."""
    return {kind: ({} if second is None else {"dateTime": at(second)}) | fields}


def write(name: str, value: object, **more) -> dict:
    return {"variableName": name, "value": value, **more}


def execution(*events: dict, **fields) -> dict:
    """An execution file."""
    head = {
        "executionId": "x1",
        "flowId": "f1",
        "flowName": "Main IVR",
        "flowType": "inboundcall",
        "flowVersion": "13.0",
        "conversationId": "c1",
        "startDateTime": at(0),
        "endDateTime": at(60),
    }
    return {"flow": head | fields | {"execution": list(events)}}


def read_execution(document: Mapping[str, object]) -> Trace:
    """The trace of an execution file that the test wrote as a document."""
    return open_execution(lambda: [json.dumps(document)])


def read_trace(
    header: Mapping[str, object], pages: Iterable[Iterable[object]], *, ranges: Sequence[SnapshotRange] = ()
) -> Trace:
    """The whole trace of some pages, held in memory."""
    reader = VersionedReader(ranges)
    steps = [step for page in pages for step in reader.page(page)]
    return Trace(versioned_header(header), (*steps, *reader.finish()))


def detect(trace: Trace) -> Iterator[Anomaly]:
    """All anomalies of a trace in order; their values are not masked."""
    tracker = StateTracker()
    for step in trace.steps:
        yield from anomalies_of(step, tracker.apply(step))


def module_calls(trace: Trace) -> Iterator[ModuleCall]:
    """All calls with the version that ran."""
    tracker = CallTracker(trace.header)
    for step in trace.steps:
        yield from tracker.calls(step)


def stale_calls(trace: Trace, live: Mapping[str, LiveModule]) -> tuple[StaleCall, ...]:
    """The calls of a whole trace that ran an older version than the live one; `live` are versions by flow id."""
    return tuple(stale_among(module_calls(trace), live))
