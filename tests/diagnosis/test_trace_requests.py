"""A request for traces that cannot be answered is refused before any call, with every mistake and the way out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from controller.diagnosis.query import check_action_trace_request, check_trace_request, merged_ranges, retention
from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.errors.organization import TraceRequestInvalid
from controller.domain.traces import ActionTraceRequest, SnapshotRange, TraceRequest

NOW = datetime(2026, 8, 10, 12, tzinfo=UTC)


def asked(days_ago: float = 1, days: float = 0.5, **more: object) -> TraceRequest:
    start = NOW - timedelta(days=days_ago)
    return TraceRequest(**({"start": start, "end": start + timedelta(days=days), "flow_id": "f"} | more))


@pytest.mark.parametrize(
    ("dialect", "tier", "days"),
    [
        (ARCHITECT, "standard", 10),
        (ARCHITECT, "enterprise", 10),
        (VERSIONED, "standard", 30),
        (VERSIONED, "enterprise", 90),
    ],
)
def test_the_age_is_bounded_by_what_is_kept(dialect: str, tier: str, days: int) -> None:
    rules = retention(dialect, tier)
    check_trace_request(asked(days), now=NOW, rules=rules)
    with pytest.raises(TraceRequestInvalid, match=f"executions are kept {days} days: start at 2026-"):
        check_trace_request(asked(days + 0.01), now=NOW, rules=rules)


def test_the_span_is_bounded() -> None:
    rules = retention(VERSIONED)
    check_trace_request(asked(30, 30), now=NOW, rules=rules)
    with pytest.raises(TraceRequestInvalid, match="spans 31 days, at most 30 days are allowed: split it"):
        check_trace_request(asked(31, 31), now=NOW, rules=rules)


def test_only_the_id_of_a_version_tells_its_flow() -> None:
    """A number is one of a flow in either dialect, and the architect dialect knows nothing else."""
    check_trace_request(asked(1, flow_id=None, flow_version="aaaa-0001"), now=NOW, rules=retention(VERSIONED))
    for version, dialect in (("1.0", VERSIONED), ("1.0", ARCHITECT), ("aaaa-0001", ARCHITECT)):
        with pytest.raises(TraceRequestInvalid, match="give the flow too"):
            check_trace_request(asked(1, flow_id=None, flow_version=version), now=NOW, rules=retention(dialect))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (asked(1, -0.1), "reversed or empty"),
        (asked(1, 0), "reversed or empty"),
        (asked(-1), "starts in the future"),
        (asked(0.1, 0.2), "ends in the future"),
        (asked(flow_id=None), "give a flow, a session or a conversation"),
        (asked(page_size=0), "page size 0 is not between 1 and 100"),
        (asked(page_size=101), "page size 101"),
        (asked(snapshot_ranges=(SnapshotRange(-1, 3),)), "starts below 0"),
        (asked(snapshot_ranges=(SnapshotRange(4, 3),)), r"range 4\.\.3 is reversed"),
        (asked(start=datetime(2026, 8, 9)), "need a time zone"),  # noqa: DTZ001 - that is the mistake
    ],
)
def test_each_mistake_is_named(request_: TraceRequest, message: str) -> None:
    with pytest.raises(TraceRequestInvalid, match=message) as caught:
        check_trace_request(request_, now=NOW, rules=retention(VERSIONED))
    assert caught.value.code == "trace-request-invalid"


def test_all_mistakes_are_named_at_once() -> None:
    bad = asked(40, -1, flow_id=None, page_size=500, snapshot_ranges=(SnapshotRange(2, 1),))
    with pytest.raises(TraceRequestInvalid) as caught:
        check_trace_request(bad, now=NOW, rules=retention(VERSIONED))
    assert caught.value.message.count(";") == 4


def test_a_clock_that_is_a_little_ahead_is_no_mistake() -> None:
    check_trace_request(asked(0.1, 0.1 + 30 / 86400), now=NOW, rules=retention(VERSIONED))


def test_a_tier_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TraceRequestInvalid, match="no retention tier 'gold'"):
        retention(VERSIONED, "gold")


@pytest.mark.parametrize("depth", [1, 50])
@pytest.mark.parametrize("captured", [(True, False), (False, True), (True, True)])
def test_an_action_trace_may_be_this_deep(depth: int, captured: tuple[bool, bool]) -> None:
    check_action_trace_request(ActionTraceRequest("f", "a", depth, *captured))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (ActionTraceRequest("f", "a", 0), "trace depth 0 is not between 1 and 50"),
        (ActionTraceRequest("f", "a", 51), "trace depth 51"),
        (ActionTraceRequest("f", "a", 5, capture_context=False, capture_data=False), "nothing would be captured"),
        (ActionTraceRequest("", "a"), "the flow is missing"),
        (ActionTraceRequest("f", ""), "the action invocation is missing"),
    ],
)
def test_an_action_trace_that_would_be_refused_is_not_sent(request_: ActionTraceRequest, message: str) -> None:
    with pytest.raises(TraceRequestInvalid, match=message):
        check_action_trace_request(request_)


def test_ranges_are_merged_where_they_touch() -> None:
    ranges = [SnapshotRange(5, 9), SnapshotRange(0, 2), SnapshotRange(3, 3), SnapshotRange(6, 7), SnapshotRange(20, 30)]
    assert merged_ranges(ranges) == (SnapshotRange(0, 3), SnapshotRange(5, 9), SnapshotRange(20, 30))
