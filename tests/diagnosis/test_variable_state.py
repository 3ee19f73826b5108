"""The state at any step: scopes hide and end as they do in Architect."""

from __future__ import annotations

from copy import deepcopy
from types import SimpleNamespace

from controller.diagnosis.model import ScopeKind
from controller.diagnosis.state import StateTracker
from tests.diagnosis.traces import event, execution, read_execution, write

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
        out.append(SimpleNamespace(scopes=deepcopy(tracker._stack.scopes), variables=tracker.variables))
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
