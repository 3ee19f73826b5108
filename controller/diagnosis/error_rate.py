"""How often executions of one version fail, and whether that is too often: one judgement for gates and for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from controller.domain.desired import ErrorRateGate
from controller.domain.platform import ExecutionSummary, Standing

_ROUNDING = 1e-9
"""A rate that equals its limit passes, whatever binary fractions make of `2%`."""


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    NO_DATA = "no-data"


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """Counts over one range of time. What still runs, or is not told of, is neither good nor bad."""

    failed: int = 0
    total: int = 0
    running: int = 0
    reasons: tuple[tuple[str, int], ...] = ()
    """Why executions failed and how often, the most frequent first."""
    unknown: int = 0
    """Executions of which the organisation does not tell whether they ended, and how."""

    @property
    def rate(self) -> float | None:
        """A fraction from 0 to 1; None when nothing ended."""
        return self.failed / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class ErrorRateVerdict:
    """What the gate says, with everything that it was said from."""

    verdict: Verdict
    current: ErrorRate
    limit: float
    """The highest rate that passes, from 0 to 1: with a baseline its rate plus the allowed increase."""
    message: str
    baseline: ErrorRate | None = None


def measure_error_rate(
    executions: Iterable[ExecutionSummary], *, since: datetime, until: datetime, version: str | None = None
) -> ErrorRate:
    """Count the executions that started in `[since, until)`, each id once, of `version` where one is given."""
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

    Fewer ended executions than `minimum_samples`, or none at all, is `no-data`: what follows from that is the gate's
    `on_no_data`, not this function's business. With `gate.baseline`, `max_rate` is the allowed increase over the
    baseline's rate; a baseline without enough samples counts as zero, because it is no evidence that failing is usual.
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
