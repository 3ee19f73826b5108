"""Combines state, anomalies and masking in one pass over a trace. Every renderer reads its result.

An `Analysis` yields only masked values, so no renderer can forget to mask.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from controller.diagnosis.anomalies import Anomaly, AnomalyKind, anomalies_of
from controller.diagnosis.changes import VariableChange
from controller.diagnosis.masking import Masking, learned
from controller.diagnosis.model import StepOutline, Trace, TraceHeader, TraceStep, Variable
from controller.diagnosis.modules import CallTracker, LiveModule, StaleCall, StaleCaller, stale_among
from controller.diagnosis.query import merged_ranges
from controller.diagnosis.state import StateTracker
from controller.domain.traces import SnapshotRange


@dataclass(frozen=True, slots=True)
class AnalysedStep:
    """One step with its variable changes and anomalies, masked."""

    step: TraceStep
    changes: tuple[VariableChange, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()
    variables: Mapping[str, Variable] | None = None
    """All variables after the step; only for steps inside the requested snapshot ranges."""


@dataclass(frozen=True, slots=True)
class OutlinedStep:
    """What text shows of an `AnalysedStep`, masked."""

    step: StepOutline
    changes: tuple[VariableChange, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()


@dataclass(frozen=True, slots=True)
class AnalysisSummary:
    """Counts over a whole trace."""

    steps: int = 0
    resolved: int = 0
    """Steps with a complete record."""
    failed: int = 0
    decisions: int = 0
    deepest: int = 0
    without_time: int = 0
    unknown_events: int = 0
    problems: int = 0
    """Steps with a defective record."""
    anomalies: Mapping[AnomalyKind, int] = field(default_factory=dict)
    """Number of anomalies by kind, zeros included."""
    first_failure: int | None = None
    """The index of the first step that failed."""
    stale_callers: tuple[StaleCaller, ...] = ()
    """Callers that ran an older module than the live one; each once, masked."""
    final_variables: Mapping[str, Variable] = field(default_factory=dict)
    """All variables after the last step, masked."""

    @property
    def accuracy(self) -> float:
        """Resolved steps divided by all steps, from 0 to 1; 0 for a trace without steps."""
        return self.resolved / self.steps if self.steps else 0.0

    @property
    def anomalous(self) -> int:
        return sum(self.anomalies.values())


class Analysis:
    """The analysis of one trace. Iterating yields `AnalysedStep`s and can be repeated.

    `patterns` name further variables to mask, beyond the default patterns. `snapshot_ranges` select the steps that
    carry the whole state. `live` maps flow ids to their published versions, as far as they are known. The constructor
    walks the trace once to learn its secrets, unless it gets a `masking` that already knows them.
    """

    def __init__(
        self,
        trace: Trace,
        *,
        patterns: Sequence[str] = (),
        snapshot_ranges: Sequence[SnapshotRange] = (),
        live: Mapping[str, LiveModule] | None = None,
        masking: Masking | None = None,
    ) -> None:
        self._trace = trace
        self._masking = masking or learned(trace, patterns)
        self._ranges = merged_ranges(snapshot_ranges)
        self._live = live or {}
        self._summary: AnalysisSummary | None = None

    def with_snapshots(self, *ranges: SnapshotRange) -> Analysis:
        """The same analysis with the whole state at other steps. It reuses the learned secrets."""
        return Analysis(self._trace, masking=self._masking, snapshot_ranges=ranges, live=self._live)

    @property
    def header(self) -> TraceHeader:
        return self._masking.header(self._trace.header)

    def __iter__(self) -> Iterator[AnalysedStep]:
        look = _Look(self._trace.header, self._live)
        shown: dict[str, tuple[Variable, Variable]] = {}
        for step, changes, anomalies in self._walk(look):
            variables = self._snapshot(step.index, look.tracker, shown)
            yield AnalysedStep(self._masking.step(step), changes, anomalies, variables)

    def outlines(self) -> Iterator[OutlinedStep]:
        """The steps without payloads, which are most of what there is to mask."""
        for step, changes, anomalies in self._walk(_Look(self._trace.header, self._live)):
            yield OutlinedStep(self._masking.outline(step), changes, anomalies)

    def _walk(self, look: _Look) -> Iterator[tuple[TraceStep, tuple[VariableChange, ...], tuple[Anomaly, ...]]]:
        """Each step as it is, with its changes and anomalies masked."""
        masking = self._masking
        for step in self._trace.steps:
            changes, anomalies = look.at(step)
            yield step, tuple(map(masking.change, changes)), tuple(map(masking.anomaly, anomalies))
        self._summary = self._shown(look)

    def summary(self) -> AnalysisSummary:
        """Counts over the whole trace. Walks the trace unless an iteration already did."""
        if self._summary is None:
            look = _Look(self._trace.header, self._live)
            for step in self._trace.steps:
                look.at(step)
            self._summary = self._shown(look)
        return self._summary

    def _shown(self, look: _Look) -> AnalysisSummary:
        text = self._masking.text
        stale = {
            StaleCaller(text(each.caller), text(each.module), text(each.call.version), each.live.version)
            for each in look.stale.values()
        }
        final = {name: self._masking.variable(each) for name, each in sorted(look.tracker.variables.items())}
        return look.tally.summary(tuple(sorted(stale)), final)

    def _snapshot(
        self, index: int, tracker: StateTracker, shown: dict[str, tuple[Variable, Variable]]
    ) -> Mapping[str, Variable] | None:
        """The masked state. `shown` caches masked variables, because most stay unchanged from step to step."""
        if not any(wanted.start_step_index <= index <= wanted.end_step_index for wanted in self._ranges):
            return None
        variables = tracker.variables
        for name, variable in variables.items():
            if name not in shown or shown[name][0] is not variable:
                shown[name] = (variable, self._masking.variable(variable))
        return {name: shown[name][1] for name in sorted(variables)}


class _Look:
    """State of one walk over the steps. Its values are not masked."""

    def __init__(self, header: TraceHeader, live: Mapping[str, LiveModule]) -> None:
        self.tracker, self.tally = StateTracker(), _Tally()
        self.stale: dict[tuple[str, str, str], StaleCall] = {}
        self._calls, self._live = CallTracker(header), live

    def at(self, step: TraceStep) -> tuple[Sequence[VariableChange], tuple[Anomaly, ...]]:
        changes = self.tracker.apply(step)
        stale = tuple(stale_among(self._calls.calls(step), self._live)) if self._live else ()
        self.stale |= {(each.caller, each.module, each.call.version): each for each in stale}
        anomalies = (
            *anomalies_of(step, changes),
            *(Anomaly(AnomalyKind.STALE_MODULE, step.index, step.id, str(each)) for each in stale),
        )
        self.tally.add(step, anomalies)
        return changes, anomalies


class _Tally:
    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._kinds: Counter[AnomalyKind] = Counter()
        self._deepest = 0
        self._first_failure: int | None = None

    def add(self, step: TraceStep, anomalies: Sequence[Anomaly]) -> None:
        self._deepest = max(self._deepest, step.depth)
        self._kinds.update(anomaly.kind for anomaly in anomalies)
        counts = self._counts
        counts["steps"] += 1
        counts["resolved"] += step.resolved
        counts["failed"] += step.status.failed
        counts["decisions"] += step.decision
        counts["without_time"] += step.start is None
        counts["unknown_events"] += not step.known
        counts["problems"] += bool(step.problems)
        if step.status.failed and self._first_failure is None:
            self._first_failure = step.index

    def summary(self, stale_callers: tuple[StaleCaller, ...], final: Mapping[str, Variable]) -> AnalysisSummary:
        counts = self._counts
        return AnalysisSummary(
            steps=counts["steps"],
            resolved=counts["resolved"],
            failed=counts["failed"],
            decisions=counts["decisions"],
            without_time=counts["without_time"],
            unknown_events=counts["unknown_events"],
            problems=counts["problems"],
            final_variables=final,
            deepest=self._deepest,
            anomalies={kind: self._kinds[kind] for kind in AnomalyKind},
            first_failure=self._first_failure,
            stale_callers=stale_callers,
        )
