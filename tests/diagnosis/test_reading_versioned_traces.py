"""Traces of the versioned dialect are read page by page, in order, with their branches and their state."""

from __future__ import annotations

import pytest

from controller.diagnosis.model import StepStatus, Withheld
from controller.diagnosis.state import StateTracker
from controller.diagnosis.versioned_reader import VersionedReader
from controller.domain.capabilities import VERSIONED
from controller.domain.errors.organization import TraceUnreadable
from controller.domain.traces import SnapshotRange
from tests.diagnosis.traces import at, detect, read_trace


def chain(*kinds: str, **more: object) -> list[dict]:
    return [
        {"id": f"s{place}", "type": kind, "status": "success", "nextStepId": f"s{place + 1}", **more}
        for place, kind in enumerate(kinds[:-1])
    ] + [{"id": f"s{len(kinds) - 1}", "type": kinds[-1], "status": "success", "nextStepId": None, **more}]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_of_any_size_read_the_same(size: int) -> None:
    steps = chain("start", "decision", "play", "end")
    pages = [steps[place : place + size] for place in range(0, len(steps), size)]
    trace = read_trace({"id": "t"}, pages)
    assert trace == read_trace({"id": "t"}, [steps])
    assert [step.index for step in trace.steps] == [0, 1, 2, 3]
    assert all(step.resolved for step in trace.steps)


def test_a_step_is_given_out_as_soon_as_the_next_one_is_there() -> None:
    reader = VersionedReader()
    assert [step.id for step in reader.page(chain("a", "b", "c"))] == ["s0", "s1"]
    assert [step.id for step in reader.finish()] == ["s2"]
    assert not list(reader.finish())


def test_a_decision_records_the_branch_taken() -> None:
    steps = chain("decision", "switch", "play")
    steps[1]["outputPathId"], steps[1]["outputPathName"] = "p1", "Case 1"
    first, second, third = read_trace({}, [steps]).steps
    assert (first.decision, str(first.branch)) == (True, "s1")
    assert (second.branch.id, str(second.branch)) == ("p1", "Case 1")
    assert (third.decision, third.branch) == (False, None)


@pytest.mark.parametrize(
    ("status", "failed"), [("success", False), ("error", True), ("skipped", True), ("pending", True)]
)
def test_a_decision_fails_by_its_status_and_not_by_its_branch(status: str, failed: bool) -> None:
    """The last one names no next step, and is no failure for it."""
    steps = chain("decision", "play", "decision")
    steps[0]["status"] = status
    kinds = [anomaly.kind.value for anomaly in detect(read_trace({}, [steps]))]
    assert kinds.count("failed_decision") == int(failed)


def test_a_time_that_was_never_set_is_none() -> None:
    """Go writes one as the first of January of the year 1."""
    (step,) = read_trace({}, [chain("play", startTime="0001-01-01T00:00:00Z", endTime="0001-01-01T00:00:00Z")]).steps
    assert (step.start, step.end) == (None, None)


def test_a_step_that_does_not_lead_to_its_successor_is_unresolved() -> None:
    steps = chain("a", "b", "c")
    del steps[1]
    first, second = read_trace({}, [steps]).steps
    assert (first.resolved, first.problems) == (False, ("names s1 as next, but s2 follows",))
    assert second.resolved


def test_a_trace_that_ends_in_the_middle_of_its_chain_says_so() -> None:
    (step,) = read_trace({}, [chain("a", "b")[:1]]).steps
    assert step.problems == ("names s1 as next, but the trace ends",)


def test_a_step_without_id_or_type_is_kept_and_unresolved() -> None:
    (step,) = read_trace({}, [[{"status": "success"}]]).steps
    assert (step.id, step.type, step.resolved) == ("#0", "(untyped)", False)
    assert step.problems == ("has no id", "has no type")


def test_a_step_that_is_no_object_is_refused_with_its_place() -> None:
    with pytest.raises(TraceUnreadable, match="step 1 of the trace is no object but str"):
        read_trace({}, [[{"id": "a"}, "b"]])


def test_scopes_nest_and_close() -> None:
    steps = read_trace({}, [chain("start", "task_start", "play", "endTask", "return")]).steps
    assert [(step.depth, step.closes) for step in steps] == [(0, None), (1, None), (2, None), (1, 1), (0, 0)]


def test_nested_steps_are_flattened_however_deep() -> None:
    nested: list[dict] = []
    for place in range(5000):
        nested = [{"id": f"n{place}", "type": "task", "status": "success", "steps": nested}]
    *_, last = read_trace({}, [nested]).steps
    assert last.depth == 4999


def test_parents_that_are_named_are_followed() -> None:
    steps = [
        {"id": "a", "type": "x"}, {"id": "b", "type": "x", "parentId": "a"}, {"id": "c", "type": "x", "parentId": "b"},
        {"id": "d", "type": "x", "parentId": "a"}, {"id": "e", "type": "x", "parentId": "ghost"},
    ]  # fmt: skip
    read = read_trace({}, [steps]).steps
    assert [(step.depth, step.parent) for step in read[:4]] == [(0, None), (1, 0), (2, 1), (1, 0)]
    assert read[4].problems == ("its parent ghost is not open",)


def test_a_module_between_named_parents_begins_and_ends_in_its_call() -> None:
    rows = [
        ("main", "play", None), ("call", "callCommonModule", None), ("in", "startedCommonModule", "call"),
        ("a", "play", "call"), ("call2", "callCommonModule", "call"), ("in2", "startedCommonModule", "call2"),
        ("b", "play", "call2"), ("out2", "endedCommonModule", "call2"), ("c", "play", "call"),
        ("out", "endedCommonModule", "call"), ("end", "play", None),
    ]  # fmt: skip
    steps = [{"id": name, "type": kind} | ({"parentId": parent} if parent else {}) for name, kind, parent in rows]
    read = read_trace({}, [steps]).steps
    assert not [problem for step in read for problem in step.problems]
    assert [step.depth for step in read] == [0, 0, 1, 2, 2, 3, 4, 3, 2, 1, 0]
    assert [(step.id, read[step.closes].id) for step in read if step.closes] == [("out2", "in2"), ("out", "in")]


def test_a_module_that_never_ended_ends_with_its_call() -> None:
    rows = [
        ("call", "callCommonModule", None),
        ("in", "startedCommonModule", "call"),
        ("boom", "play", "call"),
        ("end", "play", None),
    ]
    steps = [{"id": name, "type": kind} | ({"parentId": parent} if parent else {}) for name, kind, parent in rows]
    read = read_trace({}, [steps]).steps
    assert [step.depth for step in read] == [0, 1, 2, 0]
    assert [step.closes for step in read] == [None, None, None, 1]


def test_variables_are_carried_across_steps_that_captured_none() -> None:
    steps = chain("play", "play", "play")
    steps[0]["variables"] = {"v": 1}
    tracker = StateTracker()
    for step in read_trace({}, [steps]).steps:
        assert not [change for change in tracker.apply(step) if step.index]
        assert tracker.variables["v"].value == 1


def test_outside_the_ranges_that_were_asked_for_empty_variables_say_nothing() -> None:
    steps = chain("play", "play", "play", variables={})
    steps[0]["variables"] = {"v": 1}
    first, second, third = read_trace({}, [steps], ranges=[SnapshotRange(0, 0), SnapshotRange(2, 2)]).steps
    assert [step.complete for step in (first, second, third)] == [True, False, True]


def test_variables_come_in_three_shapes() -> None:
    steps = chain("play", "play", "play")
    steps[0]["variables"] = {
        "a": 1,
        "b": {"value": 2, "secure": True},
        "c": {"value": 3},
        "d": {"valueIsTooLarge": True},
    }
    steps[1]["variables"] = [{"name": "a", "value": 1}, {"value": "nameless"}, "odd"]
    steps[2]["variables"], steps[2]["secureVariables"] = {"a": 1}, ["a"]
    first, second, third = read_trace({}, [steps]).steps
    assert [(each.value, each.secure, each.withheld) for each in first.observed] == [
        (1, False, None),
        (2, True, None),
        ({"value": 3}, False, None),
        (None, False, Withheld.TOO_LARGE),
    ]
    assert [each.name for each in second.observed] == ["a"]
    assert third.observed[0].secure


def test_times_errors_and_header_are_read_where_they_are_sent() -> None:
    steps = chain("play", "play")
    steps[0] |= {"startTime": at(1), "errorMessage": "no"}
    steps[1] |= {"startTime": at(3), "endTime": at(3.5), "status": "TIMED-OUT"}
    trace = read_trace({"id": "t", "flowId": "f", "start_date_time": at(0), "region": "eu"}, [steps])
    first, second = trace.steps
    assert (first.duration_ms, first.errors) == (2000, ("no",))
    assert (second.duration_ms, second.status) == (500, StepStatus.TIMEOUT)
    assert (trace.header.dialect, trace.header.flow_id, trace.header.extra) == (VERSIONED, "f", {"region": "eu"})
    assert trace.header.started_at is not None
