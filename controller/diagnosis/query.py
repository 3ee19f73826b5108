"""Validates requests for traces before any call is made. Each refusal says how to correct the request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.domain.capabilities import ARCHITECT
from controller.domain.errors.organization import TraceRequestInvalid
from controller.domain.traces import ActionTraceRequest, SnapshotRange, TraceRequest
from controller.domain.versions import is_number

_CLOCK_SKEW = timedelta(minutes=1)
"""Tolerance before an end time counts as the future, because the organisation's clock may be ahead of ours."""
_DEEPEST = 50
_DAYS = {"standard": 30, "enterprise": 90}
_ARCHITECT_DAYS = 10


@dataclass(frozen=True, slots=True)
class Retention:
    """How long an organisation keeps executions, and the longest range that one request may span."""

    kept: timedelta
    max_span: timedelta
    max_page_size: int = 100
    version_ids: bool = False
    """Whether a version id also identifies the flow."""


def retention(dialect: str, tier: str = "standard") -> Retention:
    """The limits of a dialect: architect keeps 10 days; versioned 30, or 90 on the `enterprise` tier.

    Sources: Genesys' resource centre on historical flow execution data; the versioned dialect's own rules. Raises
    TraceRequestInvalid for an unknown tier.
    """
    if tier not in _DAYS:
        raise TraceRequestInvalid(f"there is no retention tier {tier!r}", hint=f"use one of {', '.join(_DAYS)}")
    if dialect == ARCHITECT:
        kept = timedelta(days=_ARCHITECT_DAYS)
        return Retention(kept, kept, max_page_size=200)
    kept = timedelta(days=_DAYS[tier])
    return Retention(kept, kept, version_ids=True)


def check_trace_request(request: TraceRequest, *, now: datetime, rules: Retention) -> None:
    """Raise TraceRequestInvalid with all mistakes of the request, or return."""
    mistakes = [*_time_mistakes(request, now, rules), *_range_mistakes(request.snapshot_ranges)]
    version_alone = request.flow_version and not request.flow_id
    if not any((request.flow_id, request.session_token, request.conversation_id, version_alone)):
        mistakes.append("nothing says which executions: give a flow, a session or a conversation")
    if version_alone and (not rules.version_ids or is_number(request.flow_version or "")):
        mistakes.append(f"version {request.flow_version} is of no flow: give the flow too")
    if not 1 <= request.page_size <= rules.max_page_size:
        mistakes.append(f"page size {request.page_size} is not between 1 and {rules.max_page_size}")
    _refuse(mistakes, "the trace request cannot be answered")


def check_action_trace_request(request: ActionTraceRequest) -> None:
    """Raise TraceRequestInvalid with all mistakes of a request for an action trace, or return."""
    mistakes = []
    if not 1 <= request.trace_depth <= _DEEPEST:
        mistakes.append(f"trace depth {request.trace_depth} is not between 1 and {_DEEPEST}")
    if not (request.capture_context or request.capture_data):
        mistakes.append("nothing would be captured: ask for the context, the data, or both")
    if not request.flow_id:
        mistakes.append("the flow is missing")
    if not request.action_invocation_id:
        mistakes.append("the action invocation is missing")
    _refuse(mistakes, "the action trace cannot be started")


def merged_ranges(ranges: Sequence[SnapshotRange]) -> tuple[SnapshotRange, ...]:
    """The same steps as ascending ranges that neither overlap nor touch."""
    merged: list[SnapshotRange] = []
    for wanted in sorted(ranges):
        if merged and wanted.start_step_index <= merged[-1].end_step_index + 1:
            end = max(merged[-1].end_step_index, wanted.end_step_index)
            merged[-1] = SnapshotRange(merged[-1].start_step_index, end)
        else:
            merged.append(wanted)
    return tuple(merged)


def _time_mistakes(request: TraceRequest, now: datetime, rules: Retention) -> list[str]:
    start, end = request.start, request.end
    if start.tzinfo is None or end.tzinfo is None:
        return ["start and end need a time zone: write 2026-08-10T14:50:00Z"]
    mistakes = []
    if end <= start:
        mistakes.append(f"the range is reversed or empty: it starts {start.isoformat()} and ends {end.isoformat()}")
    elif end - start > rules.max_span:
        mistakes.append(f"the range spans {_days(end - start)}, at most {_days(rules.max_span)} are allowed: split it")
    if now - start > rules.kept:
        oldest = (now - rules.kept).isoformat(timespec="seconds")
        mistakes.append(
            f"the range starts {_days(now - start)} ago, but executions are kept {_days(rules.kept)}: "
            f"start at {oldest} or later"
        )
    if start > now + _CLOCK_SKEW:
        mistakes.append(f"the range starts in the future: {start.isoformat()}, now is {now.isoformat()}")
    elif end > now + _CLOCK_SKEW:
        mistakes.append(f"the range ends in the future: {end.isoformat()}, now is {now.isoformat()}")
    return mistakes


def _range_mistakes(ranges: Sequence[SnapshotRange]) -> list[str]:
    mistakes = []
    for wanted in ranges:
        name = f"variable snapshot range {wanted.start_step_index}..{wanted.end_step_index}"
        if wanted.start_step_index < 0:
            mistakes.append(f"{name} starts below 0: steps count from 0")
        elif wanted.end_step_index < wanted.start_step_index:
            mistakes.append(f"{name} is reversed")
    return mistakes


def _refuse(mistakes: Sequence[str], lead: str) -> None:
    if mistakes:
        raise TraceRequestInvalid(f"{lead}: " + "; ".join(mistakes))


def _days(span: timedelta) -> str:
    return f"{span / timedelta(days=1):.4g} days"
