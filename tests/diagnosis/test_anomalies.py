"""Anomalies: exactly those that were put in are found, each with its step and the old and new value."""

from __future__ import annotations

import pytest
from hypothesis import given

from controller.diagnosis.analysis import Analysis
from controller.diagnosis.anomalies import AnomalyKind
from controller.diagnosis.state import StateTracker
from tests.diagnosis.traces import Written, detect, event, execution, read_execution, read_trace, write, written_traces
from tests.support.examples import examples


def found(trace) -> list[tuple[int, str, str | None]]:
    return sorted(((each.step_index, each.kind.value, each.variable) for each in detect(trace)), key=str)


@examples(250)
@given(written_traces())
def test_exactly_the_anomalies_that_were_put_in_are_found(written: Written) -> None:
    trace = read_trace({"id": "t"}, [written.steps])
    assert found(trace) == sorted(written.expected, key=str)


@examples(150)
@given(written_traces())
def test_the_state_after_each_captured_step_is_what_was_written(written: Written) -> None:
    tracker = StateTracker()
    for step in read_trace({"id": "t"}, [written.steps]).steps:
        tracker.apply(step)
        if step.index in written.states:
            hidden = {name for scope in tracker._stack.scopes for name in scope.hidden_by}
            shown = {name: variable.value for name, variable in tracker.variables.items() if name not in hidden}
            assert shown == written.states[step.index]


@examples(100)
@given(written_traces())
def test_the_summary_counts_what_is_found(written: Written) -> None:
    summary = Analysis(read_trace({"id": "t"}, [written.steps])).summary()
    counted = {kind.value: count for kind, count in summary.anomalies.items() if count}
    expected: dict[str, int] = {}
    for _, kind, _ in written.expected:
        expected[kind] = expected.get(kind, 0) + 1
    assert counted == expected
    assert summary.anomalous == len(written.expected)
    assert summary.steps == len(written.steps)
    assert summary.resolved == summary.steps


def versioned(*snapshots: tuple[str, dict | None]) -> list[dict]:
    return [
        {"id": f"s{place}", "type": kind, "status": "success", "variables": variables, "outputPathId": "x"}
        for place, (kind, variables) in enumerate(snapshots)
    ]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ({"v": 1}, {"v": 2}, "value_change"),
        ({"v": 1}, {"v": "1"}, "type_change"),
        ({"v": 1}, {"v": True}, "type_change"),
        ({"v": [1]}, {"v": [True]}, "value_change"),
        ({"v": 1}, {"v": None}, "value_change"),
        ({}, {"v": 1}, "injection"),
        ({"v": 1}, {}, "scope_exit"),
    ],
)
def test_each_kind_of_drift_has_the_old_and_the_new_value(before: dict, after: dict, kind: str) -> None:
    (anomaly,) = detect(read_trace({}, [versioned(("play", before), ("play", after))]))
    assert anomaly.kind.value == kind
    assert (anomaly.step_index, anomaly.step_id, anomaly.variable) == (1, "s1", "v")
    assert (anomaly.old.value if anomaly.old else None) == before.get("v")
    assert (anomaly.new.value if anomaly.new else None) == after.get("v")


@pytest.mark.parametrize("after", [{"v": 1.0}, {"v": 1}])
def test_the_same_number_written_otherwise_is_no_drift(after: dict) -> None:
    assert not found(read_trace({}, [versioned(("play", {"v": 1}), ("play", after))]))


def test_a_step_that_can_write_explains_a_change_that_is_seen_later() -> None:
    """The writer's own snapshot was not captured: the next one shows its work."""
    steps = versioned(("play", {"v": 1}), ("setVariable", None), ("play", {"v": 2, "w": 1}))
    assert not found(read_trace({}, [steps]))


def test_a_writer_explains_nothing_after_its_work_was_seen() -> None:
    steps = versioned(("play", {"v": 1}), ("setVariable", {"v": 2}), ("play", {"v": 3}))
    assert found(read_trace({}, [steps])) == [(2, "value_change", "v")]


def test_a_step_that_names_its_writes_explains_only_those() -> None:
    steps = versioned(("play", {"v": 1, "w": 1}), ("setVariable", {"v": 2, "w": 2}))
    steps[1]["writes"] = [{"name": "v", "value": 2}]
    assert found(read_trace({}, [steps])) == [(1, "value_change", "w")]


def test_variables_that_a_module_hides_come_back_unharmed() -> None:
    steps = versioned(
        ("play", {"v": 1}), ("startModule", {"m": 1}), ("play", {"m": 1}), ("endModule", {"v": 1}), ("play", {"v": 1})
    )
    assert not found(read_trace({}, [steps]))


def test_a_variable_that_came_back_changed_from_a_module_is_drift() -> None:
    steps = versioned(("play", {"v": 1}), ("startModule", {}), ("endModule", {"v": 2}))
    assert found(read_trace({}, [steps])) == [(2, "value_change", "v")]


def test_what_a_module_changes_in_its_own_copy_is_no_drift_when_the_caller_has_its_value_back() -> None:
    steps = versioned(
        ("play", {"v": 1, "Flow.w": 1}),
        ("startedCommonModule", {"v": 1, "Flow.w": 1}),
        ("updateData", {"v": 2, "Flow.w": 2, "new": 3}),
        ("startTask", {"v": 2, "Flow.w": 2, "new": 3, "t": 1}),
        ("endTask", {"v": 2, "Flow.w": 2, "new": 3}),
        ("endedCommonModule", {"v": 1, "Flow.w": 1}),
        ("play", {"v": 1, "Flow.w": 1}),
    )
    assert not found(read_trace({}, [steps]))


def test_what_a_module_hands_out_is_no_drift_either() -> None:
    steps = versioned(
        ("play", {"v": 1}),
        ("startModule", {"v": 1}),
        ("updateData", {"v": 2}),
        ("endModule", {"v": 2}),
        ("play", {"v": 2}),
    )
    assert not found(read_trace({}, [steps]))


def test_a_third_value_after_a_module_is_drift() -> None:
    steps = versioned(("play", {"v": 1}), ("startModule", {"v": 1}), ("updateData", {"v": 2}), ("endModule", {"v": 3}))
    assert found(read_trace({}, [steps])) == [(3, "value_change", "v")]


def test_drift_in_a_module_is_found_where_it_happens_and_only_there() -> None:
    steps = versioned(
        ("play", {"v": 1, "w": 1}),
        ("startModule", {"v": 1, "w": 1}),
        ("play", {"v": 2}),
        ("play", {"v": 2}),
        ("endModule", {"v": 1, "w": 1}),
    )
    assert found(read_trace({}, [steps])) == [(2, "scope_exit", "w"), (2, "value_change", "v")]


def test_a_variable_that_a_module_swallowed_is_drift() -> None:
    steps = versioned(("play", {"v": 1}), ("startModule", {}), ("endModule", {}))
    assert found(read_trace({}, [steps])) == [(2, "scope_exit", "v")]


def test_statements_explain_changes_in_an_execution_file() -> None:
    file = execution(
        event("startedFlow", 0, variables=[write("Flow.a", "1")]),
        event("startedTask", 1, variables=[write("Task.b", "1")]),
        event("actionUpdateData", 2, statements=[write("Flow.a", "2"), write("Task.b", "2"), write("Task.c", "3")]),
        event("endedTask", 3, outputVariables=[]),
        event("startedTask", 4, variables=[write("Flow.a", "2"), write("Task.b", "other")]),
    )
    assert not found(read_execution(file))


def test_a_value_that_no_event_set_is_drift_in_an_execution_file() -> None:
    file = execution(
        event("startedFlow", 0, variables=[write("Flow.a", "1")]),
        event("startedTask", 1, variables=[write("Flow.a", "2")]),
    )
    (anomaly,) = detect(read_execution(file))
    assert (anomaly.kind, anomaly.step_index) == (AnomalyKind.VALUE_CHANGE, 1)
    assert "Flow.a changed at startedTask" in anomaly.message


def test_a_withheld_value_is_never_compared() -> None:
    file = execution(
        event("startedFlow", 0, variables=[write("Flow.a", "1")]),
        event("startedTask", 1, variables=[{"variableName": "Flow.a", "valueIsTooLarge": True}]),
        event("startedTask", 2, variables=[write("Flow.a", "2")]),
    )
    assert not found(read_execution(file))


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"errors": [{"reason": "boom"}]}, "error"),
        ({"errors": ["Request timed out"]}, "timeout"),
        ({"error": {"errorCode": "validation.failed"}}, "validation_error"),
        ({"errorReason": "503 from the data action"}, "service_unavailable"),
        ({"outputPathId": "__FAILURE__"}, "error"),
        ({"outputPathId": "__TIMEOUT__"}, "timeout"),
    ],
)
def test_errors_of_an_execution_file_are_classified(fields: dict, kind: str) -> None:
    assert found(read_execution(execution(event("actionCallData", 1, **fields)))) == [(0, kind, None)]


def test_an_error_event_and_a_bad_exit_are_anomalies() -> None:
    file = execution(event("eventError", 1, reason="oops"), event("endedFlow", 2, flowExitReason="FLOW_ERROR"))
    kinds = [anomaly.kind for anomaly in detect(read_execution(file))]
    assert kinds == [AnomalyKind.ERROR, AnomalyKind.ERROR]


def test_a_status_that_nobody_knows_is_never_taken_for_a_good_one() -> None:
    steps = [{"id": "a", "type": "play", "status": "SUCCESS"}, {"id": "b", "type": "play", "status": "glorious"}]
    assert found(read_trace({}, [steps])) == [(1, "unknown_status", None)]


def test_an_action_that_calls_a_module_is_one_decision_at_most() -> None:
    """The two steps of an action with a nested execution do not count its branch twice."""
    inner = [event("startedTask", 2)]
    file = execution(event("actionSwitch", 1, execution=inner, outputPathId="a"))
    assert not found(read_execution(file))
