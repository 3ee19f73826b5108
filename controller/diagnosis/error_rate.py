"""Measures how often executions of one version fail and judges the rate, for gates and commands alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from controller.domain.desired import ErrorRateGate
from controller.domain.platform import ExecutionSummary, Standing

_ROUNDING = 1e-9
"""Tolerance for binary fractions: a rate equal to its limit (`2%`) passes."""


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    NO_DATA = "no-data"


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """Counts over one range of time. Running executions and unknown ones count as neither good nor bad."""

    failed: int = 0
    total: int = 0
    running: int = 0
    reasons: tuple[tuple[str, int], ...] = ()
    """Failure reasons with their counts, the most frequent first."""
    unknown: int = 0
    """Executions for which the organisation does not report whether or how they ended."""

    @property
    def rate(self) -> float | None:
        """Failed divided by ended executions, from 0 to 1; None when none ended."""
        return self.failed / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class ErrorRateVerdict:
    """The verdict of the gate with the figures behind it."""

    verdict: Verdict
    current: ErrorRate
    limit: float
    """The highest rate that passes, from 0 to 1. With a baseline: its rate plus the allowed increase."""
    message: str
    baseline: ErrorRate | None = None


def measure_error_rate(
    executions: Iterable[ExecutionSummary], *, since: datetime, until: datetime, version: str | None = None
) -> ErrorRate:
    """Count the executions that started in `[since, until)`, each id once; only those of `version` if it is given."""
    seen: set[str] = set()
    failed = total = 0
    others = dict.fromkeys((Standing.RUNNING, Standing.UNKNOWN), 0)
    reasons: dict[str, int] = {}
    for execution in executions:
        if execution.id in seen or not execution.within(since, until):
            continue
        if version is not None and execution.version != version:
            continue
        seen.add(execution.id)
        if execution.failed:
            failed += 1
            reason = execution.reason or "unknown"
            reasons[reason] = reasons.get(reason, 0) + 1
        elif execution.standing is not Standing.ENDED:
            others[execution.standing] += 1
            continue
        total += 1
    ranked = tuple(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
    return ErrorRate(failed, total, others[Standing.RUNNING], ranked, others[Standing.UNKNOWN])


def judge_error_rate(gate: ErrorRateGate, current: ErrorRate, *, baseline: ErrorRate | None = None) -> ErrorRateVerdict:
    """Judge a measurement by a gate.

    The verdict is `no-data` when no execution ended or fewer ended than `minimum_samples`; the gate's `on_no_data` then
    decides, outside this function. With `gate.baseline`, `max_rate` is the allowed increase over the rate of the
    baseline. A baseline with too few samples counts as zero, because it does not prove that failures are usual.
    """
    limit, base_words = gate.max_rate, ""
    if gate.baseline:
        base_rate = _trusted_rate(baseline, gate.minimum_samples)
        limit += base_rate
        base_words = f" (baseline {_percent(base_rate)} + {_percent(gate.max_rate)})"
    counts = f"{current.failed} of {current.total} executions failed"
    if current.rate is None or current.total < gate.minimum_samples:
        unknown = f"; of {current.unknown} the organisation does not tell how they stand" if current.unknown else ""
        message = f"{counts}; at least {max(gate.minimum_samples, 1)} are needed to judge{unknown}"
        return ErrorRateVerdict(Verdict.NO_DATA, current, limit, message, baseline)
    verdict = Verdict.PASS if current.rate <= limit + _ROUNDING else Verdict.FAIL
    reasons = ", ".join(f"{reason} x{count}" for reason, count in current.reasons[:3])
    message = f"{counts}: {_percent(current.rate)}, limit {_percent(limit)}{base_words}"
    return ErrorRateVerdict(verdict, current, limit, f"{message}; {reasons}" if reasons else message, baseline)


def _trusted_rate(baseline: ErrorRate | None, minimum_samples: int) -> float:
    if baseline is None or baseline.rate is None or baseline.total < minimum_samples:
        return 0.0
    return baseline.rate


def _percent(rate: float) -> str:
    return f"{rate * 100:.4g} %"
