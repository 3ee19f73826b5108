"""Execution files of the architect dialect read without loss, however long, deep or odd they are."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.diagnosis.analysis import Analysis
from controller.diagnosis.anomalies import AnomalyKind
from controller.diagnosis.architect_reader import open_execution
from controller.diagnosis.model import ScopeKind, StepOutline, StepStatus, Withheld
from controller.diagnosis.modules import LiveModule
from controller.diagnosis.timeline import timeline
from controller.domain.errors.organization import TraceUnreadable
from tests.diagnosis.traces import at, detect, event, execution, module_calls, read_execution, stale_calls, write

CALL = event(
    "actionCallCommonModule",
    5,
    actionName="Call Common Module",
    executionId="e5",
    inputData={"commonModule": {"flowId": "f9", "flowName": "Menu", "flowVersion": "8.0"}, "inputs": []},
    execution=[event("startedCommonModule", 6, variables=[write("Common.x", "1")]), event("endedCommonModule", 8)],
    outputData={"outputs": [{"outputId": "v7", "outputName": "Common.Choice", "value": "3"}]},
    outputVariables=[write("Task.Choice", "3", variableId="v8")],
)
FILE = execution(
    event("startedFlow", 0, languageTag="en-us", variables=[write("Flow.Version", "13.0")]),
    event("startedTask", 1, executionId="e1", taskId="t1", taskName="Starting Task", variables=[]),
    event("actionUpdateData", 2, executionId="e2", trackingId=15, statements=[write("Task.Dest", "Q")]),
    event("actionSwitch", 3, executionId="e3", outputPathId="p1", outputPathName="Case 1"),
    event("actionDecision", 4, executionId="e4", actionName="Open?", outputPathId="__NO__"),
    CALL,
    event("endedTask", 9, outputVariables=[]),
    event("endedFlow", 10, flowExitReason="TRANSFER", outputVariables=[]),
    isSecure=False,
    executionInfo={"logLevel": "all"},
)


def both(document: dict) -> list:
    """The trace of a text in one piece, and of one that comes character by character."""
    return [read_execution(document), open_execution(lambda: list(json.dumps(document)))]


@pytest.mark.parametrize("way", range(2))
def test_steps_nest_as_the_events_do(way: int) -> None:
    steps = list(both(FILE)[way].steps)
    assert [(step.type, step.depth, step.parent, step.closes) for step in steps] == [
        ("startedFlow", 0, None, None),
        ("startedTask", 1, 0, None),
        ("actionUpdateData", 2, 1, None),
        ("actionSwitch", 2, 1, None),
        ("actionDecision", 2, 1, None),
        ("actionCallCommonModule", 2, 1, None),
        ("startedCommonModule", 3, 5, None),
        ("endedCommonModule", 3, 5, 6),
        ("actionCallCommonModule", 2, 1, 5),
        ("endedTask", 1, 0, 1),
        ("endedFlow", 0, None, 0),
    ]
    assert [step.opens for step in steps if step.opens] == [ScopeKind.FLOW, ScopeKind.TASK, ScopeKind.MODULE]
    assert [str(step.branch) for step in steps if step.decision] == ["Case 1", "__NO__"]
    assert not any(step.problems for step in steps)


def test_a_step_lasts_until_the_next_one_begins() -> None:
    steps = list(read_execution(FILE).steps)
    assert [step.duration_ms for step in steps[:5]] == [1000] * 5
    assert steps[8].span_ms == 3000, "the call took from its beginning to the last event in it"
    assert steps[10].duration_ms is None
    assert steps[10].span_ms == 10_000


def test_the_header_is_what_the_file_says() -> None:
    for trace in both(FILE):
        assert (trace.header.id, trace.header.flow_version, trace.header.log_level) == ("x1", "13.0", "all")
        assert trace.header.extra == {"executionInfo": {"logLevel": "all"}}


def leaves(value: object) -> list[str]:
    if isinstance(value, dict):
        return [f"{key}={leaf}" for key, child in value.items() for leaf in leaves(child)]
    return [leaf for child in value for leaf in leaves(child)] if isinstance(value, list) else [repr(value)]


@pytest.mark.parametrize("way", range(2))
def test_nothing_of_the_file_is_lost(way: int) -> None:
    """Every plain value of every payload is in the detail of a step."""
    trace = both(FILE)[way]
    kept = [leaf for step in trace.steps for leaf in leaves(dict(step.detail))]
    assert sorted(kept) == sorted(
        leaf.split("execution=")[-1].partition("=")[2] if "=" in leaf else leaf for leaf in _events(FILE)
    )


def _events(document: dict) -> list[str]:
    out, pending = [], list(document["flow"]["execution"])
    while pending:
        for kind, payload in pending.pop().items():
            pending.extend(payload.get("execution", []))
            plain = {key: value for key, value in payload.items() if key != "execution"}
            out += [f"{kind}={leaf}" for leaf in leaves(plain)]
    return out


def test_results_take_effect_after_the_nested_execution_wherever_they_stand() -> None:
    payload = CALL["actionCallCommonModule"]
    early = {"outputVariables": payload["outputVariables"], **payload}
    for trace in both(execution({"actionCallCommonModule": early})):
        opening, *_, closing = trace.steps
        assert not opening.writes
        assert [variable.name for variable in closing.writes] == ["Task.Choice"]


def test_keys_in_any_order_read_the_same() -> None:
    ordered = json.dumps(FILE, sort_keys=True)
    trace = open_execution(lambda: [ordered])
    assert trace.header.flow_name == "Main IVR", "it stands after the steps in such a file"
    assert [step.type for step in trace.steps] == [step.type for step in read_execution(FILE).steps]


def test_unknown_events_are_kept_and_marked() -> None:
    odd = [event("quantumLeap", 1, to="elsewhere"), {}, "text", {"a": 1, "b": {"dateTime": at(2)}}, None, 7]
    for trace in both(execution(*odd)):
        steps = list(trace.steps)
        assert [step.type for step in steps] == [
            "quantumLeap",
            "(unnamed)",
            "(unnamed)",
            "a",
            "b",
            "(unnamed)",
            "(unnamed)",
        ]
        assert not any(step.known or step.resolved for step in steps)
        assert steps[0].detail["to"] == "elsewhere"
        assert steps[2].detail == {"value": "text"}


def test_missing_and_unreadable_times_are_reported() -> None:
    file = execution(
        event("actionA"), event("actionB", 1), event("actionC", None, dateTime="soon"), event("actionD", 3)
    )
    steps = list(read_execution(file).steps)
    assert [step.problems for step in steps] == [("has no dateTime",), (), ("has no readable dateTime",), ()]
    assert [step.duration_ms for step in steps] == [None, None, None, None]


def test_a_clock_that_goes_back_is_reported_and_counts_as_no_time() -> None:
    first, second = read_execution(execution(event("actionA", 2), event("actionB", 1))).steps
    assert first.duration_ms == 0
    assert first.problems == ("the next event is 1000 ms earlier: counted as no time",)
    assert second.duration_ms is None


def test_withheld_values_say_why() -> None:
    file = execution(
        event(
            "actionUpdateData",
            1,
            statements=[
                {"variableName": "Flow.a", "valueIsTooLarge": True},
                {"variableName": "Flow.b", "value": {"valueIsTooLarge": True}},
                {"variableName": "Flow.c", "valueIsRedacted": True, "value": "?"},
                {"variableId": "only-an-id", "value": 1},
            ],
        )
    )
    (step,) = read_execution(file).steps
    assert [(each.name, each.value, each.withheld) for each in step.writes] == [
        ("Flow.a", None, Withheld.TOO_LARGE),
        ("Flow.b", None, Withheld.TOO_LARGE),
        ("Flow.c", None, Withheld.REDACTED),
        ("only-an-id", 1, None),
    ]


def test_an_end_without_a_beginning_is_reported() -> None:
    (step,) = read_execution(execution(event("endedTask", 1))).steps
    assert step.problems == ("ends a Task that never started",)


def test_tasks_that_jump_to_each_other_do_not_nest() -> None:
    """An IVR that loops through menus for an hour stays flat."""
    steps = list(read_execution(execution(event("startedFlow", 0), *[event("startedTask", 1)] * 50)).steps)
    assert {step.depth for step in steps[1:]} == {1}
    assert steps[2].closes == 1


def test_a_called_task_stands_in_its_caller() -> None:
    file = execution(
        event("startedTask", 1),
        event("actionCallTask", 2),
        event("startedTask", 3),
        event("endedTask", 4),
        event("endedTask", 5),
    )
    assert [(step.depth, step.closes) for step in read_execution(file).steps] == [
        (0, None), (1, None), (1, None), (1, 2), (0, 0),
    ]  # fmt: skip


DEEP = 3000


def deep_text() -> str:
    opening = '{"actionCallCommonModule":{"dateTime":"2026-08-10T14:50:35Z","execution":['
    return '{"flow":{"executionId":"x","execution":[' + opening * DEEP + "]}}" * DEEP + "]}}"


def test_nesting_deeper_than_any_stack_is_read() -> None:
    steps = list(open_execution(lambda: [deep_text()]).steps)
    assert len(steps) == 2 * DEEP
    assert steps[DEEP - 1].depth == DEEP - 1
    assert steps[-1].closes == 0


def test_a_value_that_nests_too_deep_is_kept_as_its_text() -> None:
    value = "[" * 5000 + '"]"' + "]" * 5000
    text = f'{{"flow":{{"execution":[{{"actionX":{{"inputData":{value},"after":1}}}}]}}}}'
    for size in (1, 997, len(text)):
        pieces = [text[place : place + size] for place in range(0, len(text), size)]
        (step,) = open_execution(lambda pieces=pieces: pieces).steps
        assert step.detail == {"inputData": value, "after": 1}


def test_numbers_that_json_cannot_say_again_stay_text() -> None:
    huge = "9" * 5000
    text = f'{{"flow":{{"execution":[{{"actionX":{{"a":NaN,"b":1e999,"c":{huge}}}}}]}}}}'
    (step,) = open_execution(lambda: [text]).steps
    assert step.detail == {"a": "NaN", "b": "1e999", "c": huge}


@given(st.integers(1, 40))
def test_any_cut_into_chunks_reads_the_same(size: int) -> None:
    text = json.dumps(FILE, indent=1)
    trace = open_execution(lambda: [text[place : place + size] for place in range(0, len(text), size)])
    assert list(trace.steps) == list(read_execution(FILE).steps)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "nonsense", '{"flow":{"execution":[', '{"flow":{"execution":[{"a":{}}', '{"flow":{}} trailing',
     '{"flow":{"execution":[{"a":{"b":}}]}}', '{"flow":{"execution":[{"a":{"b":"unclosed}}]}}', "{}", '{"flow":{}}',
     '{"flow":{"execution":[{"a" {}}]}}', '{flow:{}}'],
)  # fmt: skip
def test_what_is_no_execution_file_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(TraceUnreadable):
        open_execution(lambda: [text])


def test_steps_can_be_walked_again() -> None:
    for trace in both(FILE):
        assert list(trace.steps) == list(trace.steps)


def test_calls_tell_the_module_version_that_ran() -> None:
    (call,) = module_calls(read_execution(FILE))
    assert (call.flow_id, call.flow_name, call.version, call.kind, call.step_index) == (
        "f9",
        "Menu",
        "8.0",
        "commonModule",
        5,
    )


def test_a_caller_that_ran_an_old_module_is_proven_stale() -> None:
    (stale,) = stale_calls(read_execution(FILE), {"f9": LiveModule("10.0")})
    assert str(stale) == "Main IVR ran Menu 8.0 at step 5, but 10.0 is live: republish Main IVR"


@pytest.mark.parametrize("version", ["8.0", "7.0", "9.0"])
def test_only_an_older_version_that_could_have_been_newer_is_stale(version: str) -> None:
    moment = next(iter(read_execution(execution(event("actionA", 59))).steps)).start
    assert not stale_calls(read_execution(FILE), {"f9": LiveModule(version, since=moment)})


def test_of_modules_within_modules_the_one_that_called_is_named_and_only_where_it_is_live() -> None:
    deep = event(
        "actionCallCommonModule",
        7,
        inputData={"commonModule": {"flowId": "f10", "flowName": "Prompts", "flowVersion": "1.0"}},
    )
    menu = {"commonModule": {"flowId": "f9", "flowName": "Menu", "flowVersion": "8.0"}}
    after = event("actionCallCommonModule", 9, inputData=deep["actionCallCommonModule"]["inputData"])
    trace = read_execution(execution(event("actionCallCommonModule", 5, inputData=menu, execution=[deep]), after))
    prompts = {"f10": LiveModule("2.0")}

    assert [each.caller for each in stale_calls(trace, prompts)] == ["Menu", "Main IVR"]
    assert [each.caller for each in stale_calls(trace, {**prompts, "f9": LiveModule("9.0")})] == [
        "Main IVR",
        "Main IVR",
    ]
    assert [each.caller for each in stale_calls(trace, {**prompts, "f1": LiveModule("14.0")})] == ["Menu"]


def test_an_analysis_counts_who_is_stale_and_masks_it() -> None:
    live = {"f9": LiveModule("10.0")}
    analysis = Analysis(read_execution(FILE), live=live)

    assert [str(each) for each in analysis.summary().stale_callers] == [
        "Main IVR ran Menu 8.0, but 10.0 is live: republish Main IVR"
    ]
    assert [(each.kind, each.step_index) for step in analysis for each in step.anomalies] == [
        (AnomalyKind.STALE_MODULE, 5)
    ]
    assert Analysis(read_execution(FILE)).summary().stale_callers == ()

    secret = write("Flow.Password", "Menu", isSecure=True)
    masked = Analysis(read_execution(execution(event("startedFlow", 0, variables=[secret]), CALL)), live=live)
    assert "Menu" not in "\n".join(timeline(masked))
    assert [each.module for each in masked.summary().stale_callers] == ["***"]


def test_a_failed_path_is_a_failed_step() -> None:
    (step,) = read_execution(execution(event("actionCallData", 1, outputPathId="__FAILURE__"))).steps
    assert step.status is StepStatus.ERROR
    assert [
        anomaly.step_index for anomaly in detect(read_execution(execution(event("a", 0), {"actionB": {"error": "x"}})))
    ] == [1]


def test_an_event_that_is_written_twice_in_one_object_is_two_steps() -> None:
    text = (
        '{"flow": {"execution": [{"turn": {"dateTime": "2026-08-10T10:00:00Z"}, "turn": {}}, {"turn": {"turn": 1}}]}}'
    )

    steps = list(open_execution(lambda: [text]).steps)

    assert [step.detail for step in steps] == [{"dateTime": "2026-08-10T10:00:00Z"}, {}, {"turn": 1}]


def test_outlines_are_those_of_the_whole_steps() -> None:
    analysis = Analysis(read_execution(execution(event("startedFlow", 0, variables=[write("Flow.a", 1)]), CALL)))

    whole, outlined = list(analysis), list(analysis.outlines())

    assert [(each.changes, each.anomalies) for each in whole] == [(each.changes, each.anomalies) for each in outlined]
    for analysed, outline in zip(whole, outlined, strict=True):
        kept = {each.name: getattr(analysed.step, each.name) for each in fields(StepOutline)}
        assert kept == {each.name: getattr(outline.step, each.name) for each in fields(StepOutline)}
