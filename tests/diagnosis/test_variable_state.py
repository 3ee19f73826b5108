"""The state at any step: scopes hide and end as they do in Architect, and checkpoints answer like a replay does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.diagnosis import (
    ScopeKind,
    StateIndex,
    StateTracker,
    open_execution,
    read_execution,
    read_trace,
    snapshots,
)
from controller.domain.errors import TraceRequestInvalid
from controller.domain.traces import SnapshotRange
from tests.diagnosis.traces import Written, event, execution, write, written_traces

NESTED = execution(
    event("startedFlow", 0, variables=[write("Flow.a", 1)]),
    event("startedTask", 1, taskName="Outer", variables=[write("Task.b", 1)]),
    event(
        "actionCallCommonModule",
        2,
        execution=[
            event("startedCommonModule", 3, variables=[write("Common.c", 1)]),
            event("startedTask", 4, taskName="Inner", variables=[write("Task.b", "module's own")]),
            event("actionUpdateData", 5, statements=[write("Task.b", 2), write("Flow.a", "module's own")]),
        ],
        outputVariables=[write("Task.d", "result")],
    ),
    event("endedTask", 6, outputVariables=[write("Task.b", 9)]),
)


def values(state) -> dict[str, object]:
    return {name: variable.value for name, variable in state.variables.items()}


def states(document: dict) -> list:
    tracker, out = StateTracker(), []
    for step in read_execution(document).steps:
        tracker.apply(step)
        out.append(tracker.state)
    return out


def test_a_module_has_variables_of_its_own() -> None:
    inside = states(NESTED)[5]
    assert [scope.kind for scope in inside.scopes] == [
        ScopeKind.FLOW, ScopeKind.FLOW, ScopeKind.TASK, ScopeKind.MODULE, ScopeKind.TASK,
    ]  # fmt: skip
    assert values(inside) == {"Flow.a": "module's own", "Task.b": 2, "Common.c": 1}
    assert inside.scopes[2].variables["Task.b"].value == 1, "the caller's own is untouched"


def test_what_a_module_leaves_open_ends_with_its_call() -> None:
    assert values(states(NESTED)[6]) == {"Flow.a": 1, "Task.b": 1, "Task.d": "result"}


def test_a_tasks_variables_end_with_it() -> None:
    assert values(states(NESTED)[-1]) == {"Flow.a": 1}


def long_execution(steps: int) -> dict:
    return execution(
        *[
            event("actionUpdateData", place / 100, statements=[write(f"Flow.v{place % 7}", place)])
            for place in range(steps)
        ]
    )


@pytest.mark.parametrize("every", [1, 3, 100])
def test_checkpoints_answer_like_a_replay(every: int) -> None:
    document = long_execution(300)
    index = StateIndex(read_execution(document), every=every)
    assert index.length == 300
    replayed = states(document)
    for place in (0, 1, 2, 98, 99, 100, 255, 299):
        assert index.at(place) == replayed[place]


@settings(max_examples=40, deadline=None)
@given(written_traces(), st.integers(1, 5))
def test_checkpoints_answer_like_a_replay_for_any_trace(written: Written, every: int) -> None:
    trace = read_trace({}, [written.steps])
    index, tracker = StateIndex(trace, every=every), StateTracker()
    for step in trace.steps:
        tracker.apply(step)
        assert index.at(step.index) == tracker.state


def test_the_number_of_checkpoints_is_bounded() -> None:
    index = StateIndex(read_execution(long_execution(2000)), every=1)
    assert len(index._checkpoints) <= 129
    assert values(index.at(1999))["Flow.v4"] == 1999


@pytest.mark.parametrize("place", [-1, 5])
def test_a_step_that_does_not_exist_has_no_state(place: int) -> None:
    with pytest.raises(TraceRequestInvalid, match=f"there is no step {place}: the trace has steps 0 to 4"):
        StateIndex(read_execution(long_execution(5))).at(place)


def test_snapshots_are_those_of_the_ranges() -> None:
    trace = read_execution(long_execution(50))
    wanted = [SnapshotRange(40, 41), SnapshotRange(3, 4), SnapshotRange(4, 5), SnapshotRange(49, 99)]
    found = list(snapshots(trace, wanted))
    assert [state.step_index for state in found] == [3, 4, 5, 40, 41, 49]
    assert values(found[0])["Flow.v3"] == 3
    assert not list(snapshots(trace, []))


def test_snapshots_stop_reading_where_the_ranges_end() -> None:
    read = 0

    def steps():
        nonlocal read
        for step in read_execution(long_execution(50)).steps:
            read += 1
            yield step

    trace = read_execution(long_execution(50))
    list(snapshots(type(trace)(trace.header, steps()), [SnapshotRange(0, 2)]))
    assert read <= 4


def test_a_stream_is_replayed_from_its_beginning() -> None:
    trace = open_execution(lambda: ['{"flow":{"execution":[{"actionA":{}},{"actionB":{}},{"actionC":{}}]}}'])
    assert [step.type for step in trace.since(1)] == ["actionB", "actionC"]
