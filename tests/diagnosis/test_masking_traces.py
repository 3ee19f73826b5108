"""No secret of a trace reaches anything that is made from it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from controller.diagnosis.analysis import Analysis
from controller.diagnosis.masking import Masking, learned
from controller.diagnosis.page import page
from controller.diagnosis.report import Audit, report
from controller.diagnosis.timeline import timeline
from controller.domain.redaction import MASK
from controller.domain.traces import SnapshotRange
from tests.diagnosis.traces import event, execution, read_execution, read_trace, write

SECRET = "hunter2-4711"
AUDIT = Audit("op", ("flow:debug:read",), 12.5, datetime(2026, 8, 10, tzinfo=UTC))


def everything(document: dict, **options: object) -> str:
    """All that can be rendered of a trace, in one text."""
    analysis = Analysis(read_execution(document), snapshot_ranges=[SnapshotRange(0, 99)], **options)
    return "\n".join([*timeline(analysis), "".join(report(analysis, AUDIT)), page(analysis)])


def writes(*variables: dict, **more: object) -> dict:
    return execution(event("actionUpdateData", 1, statements=list(variables), **more), event("endedFlow", 2))


@pytest.mark.parametrize(
    "document",
    [
        writes(write("Task.Password", SECRET)),
        writes(write("Flow.apiKey", SECRET)),
        writes(write("Flow.CustomerPIN", SECRET)),
        writes(write("Flow.harmless", SECRET, isSecure=True)),
        writes(write("Flow.harmless", {"deep": [{"er": SECRET}]}, secure=True)),
        writes(write("Flow.harmless", SECRET), isSecure=True),
        execution(*writes(write("Flow.harmless", SECRET))["flow"]["execution"], isSecure=True),
        writes(write("Flow.password", SECRET), actionName=f"Say {SECRET}"),
        writes(write("Flow.password", SECRET), outputPathName=f"to {SECRET}", outputPathId="p"),
        writes(write("Flow.password", SECRET), write("Flow.copy", f"it is {SECRET}!")),
        writes(write("Flow.password", SECRET), errors=[{"reason": f"{SECRET} was refused"}], warnings=[SECRET]),
        execution(event("actionCallData", 1, inputData={"inputs": [{"inputName": "token", "value": SECRET}]})),
        execution(event("actionCallData", 1, inputData={"password": {"nested": SECRET}, "other": SECRET})),
        execution(event("actionSay", 1, text=SECRET), event("startedFlow", 2, variables=[write("Flow.pin", SECRET)])),
        execution(event("actionSay", 1, headers=f"Authorization: Bearer {SECRET}-abc")),
        execution(event("actionA", 1), sessionToken=SECRET),
    ],
)  # fmt: skip
def test_no_rendering_holds_the_secret(document: dict) -> None:
    assert SECRET in json.dumps(document)
    rendered = everything(document)
    assert SECRET not in rendered
    assert MASK in rendered


def test_a_value_that_was_seen_before_its_name_was_marked_secure_is_masked_too() -> None:
    document = execution(
        event("actionUpdateData", 1, statements=[write("Flow.x", SECRET)]),
        event("actionUpdateData", 2, statements=[write("Flow.x", "other secret", secure=True)]),
    )
    assert SECRET not in everything(document)


def test_drift_of_a_secret_is_found_and_its_values_are_not_shown() -> None:
    snapshots = [{"password": SECRET}, {"password": "other-secret"}]
    steps = [
        {"id": str(place), "type": "play", "status": "ok", "variables": each} for place, each in enumerate(snapshots)
    ]
    analysis = Analysis(read_trace({}, [steps]))
    (anomaly,) = [anomaly for step in analysis for anomaly in step.anomalies]
    assert (anomaly.variable, anomaly.old.value, anomaly.new.value) == ("password", MASK, MASK)
    assert SECRET not in "".join(report(analysis, AUDIT))


def test_own_patterns_are_masked_besides_the_usual_ones() -> None:
    document = writes(write("Flow.Customer", SECRET), write("Flow.Password", "swordfish"))
    assert SECRET in everything(document)
    rendered = everything(document, patterns=["flow.cust*"])
    assert SECRET not in rendered
    assert "swordfish" not in rendered


def test_numbers_are_masked_wherever_they_come_again() -> None:
    document = writes(write("Flow.pin", 987654), write("Flow.copy", 987654), write("Flow.flag", value=True))
    rendered = everything(document)
    assert "987654" not in rendered
    assert "Flow.flag = true" in rendered


@pytest.mark.parametrize("value", ["ab", 1, 0, True, "true", ""])
def test_short_and_ordinary_values_are_masked_only_under_their_names(value: object) -> None:
    trace = read_execution(writes(write("Flow.pin", value), write("Flow.other", value)))
    first, second = learned(trace).step(next(iter(trace.steps))).writes
    assert first.value == MASK
    assert second.value == value


def test_what_is_not_secret_stays_as_it_was() -> None:
    document = writes(write("Flow.a", {"b": [1, None, "x"]}), actionName="Init")
    trace = read_execution(document)
    step = next(iter(trace.steps))
    assert learned(trace).step(step) == step


def test_a_secure_step_keeps_its_structure_and_loses_its_values() -> None:
    document = execution(event("actionA", 1, actionName="Ask", isSecure=True, inputData={"x": SECRET, "flowId": "f"}))
    (analysed,) = Analysis(read_execution(document))
    assert analysed.step.name == "Ask"
    assert analysed.step.detail["inputData"] == {"x": MASK, "flowId": "f"}


def test_with_more_secrets_than_can_be_looked_for_nothing_is_shown() -> None:
    document = writes(
        *[write("Flow.password", f"secret-{place:05d}") for place in range(2500)], write("Flow.a", "visible")
    )
    trace = read_execution(document)
    masked = learned(trace).step(next(iter(trace.steps)))
    assert {variable.value for variable in masked.writes} == {MASK}


def test_secrets_are_learned_before_anything_is_shown() -> None:
    masking = Masking()
    masking.learn_payloads([{"password": SECRET}])
    assert masking.text(f"x {SECRET} y") == f"x {MASK} y"
