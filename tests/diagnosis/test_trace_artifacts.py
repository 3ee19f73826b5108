"""The JSON artifact and the text timeline say what the analysis found."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from controller.diagnosis.analysis import Analysis
from controller.diagnosis.display import printable, shown_duration
from controller.diagnosis.report import Audit, report
from controller.diagnosis.timeline import timeline
from controller.domain.traces import SnapshotRange
from tests.diagnosis.traces import at, event, execution, read_execution, read_trace, write

AUDIT = Audit("ana@example.com", ("flow:debug:read",), 123.4, datetime(2026, 8, 10, 15, tzinfo=UTC))
FILE = execution(
    event("startedFlow", 0, variables=[write("Flow.lang", "en")]),
    event("startedTask", 1, taskName="Start", variables=[]),
    event("actionDecision", 2, actionName="Open?", outputPathId="__NO__"),
    event("actionCallData", 3, actionName="Look up", outputPathId="__TIMEOUT__", warnings=["slow"]),
    event("startedTask", 15, taskName="Closed", variables=[write("Flow.lang", "fr")]),
    event("mystery"),
    event("endedFlow", 20, flowExitReason="DISCONNECT"),
)


def artifact(trace, **options: object) -> dict:
    return json.loads("".join(report(Analysis(trace, **options), AUDIT)))


def test_the_artifact_has_metadata_audit_execution_and_anomalies() -> None:
    made = artifact(read_execution(FILE))
    assert made["schema"] == "penstock.trace/v1"
    assert made["metadata"]["flow_name"] == "Main IVR"
    assert made["audit"] == {
        "operator": "ana@example.com",
        "scopes": ["flow:debug:read"],
        "query_latency_ms": 123.4,
        "exported_at": "2026-08-10T15:00:00+00:00",
        "steps_resolved": 6,
        "steps_total": 7,
        "step_resolution_accuracy": 6 / 7,
    }
    assert [step["type"] for step in made["execution"]["steps"]][3:5] == ["actionCallData", "startedTask"]
    assert [(each["kind"], each["step_index"]) for each in made["anomalies"]] == [("timeout", 3), ("value_change", 4)]
    drift = made["anomalies"][1]
    assert (drift["variable"], drift["old"]["value"], drift["new"]["value"]) == ("Flow.lang", "en", "fr")
    assert made["summary"]["anomalies"]["timeout"] == 1
    assert made["summary"]["anomalies"]["injection"] == 0
    assert (made["summary"]["anomalies_total"], made["summary"]["first_failure"]) == (2, 3)
    assert (made["summary"]["unknown_events"], made["summary"]["without_time"]) == (1, 1)


def test_the_artifact_keeps_each_payload_as_it_was() -> None:
    made = artifact(read_execution(FILE))
    details = [step["detail"] for step in made["execution"]["steps"]]
    assert details == [payload for item in FILE["flow"]["execution"] for payload in item.values()]


def test_whole_states_stand_only_where_they_were_asked_for() -> None:
    steps = artifact(read_execution(FILE), snapshot_ranges=[SnapshotRange(1, 2)])["execution"]["steps"]
    assert [("variables" in step) for step in steps] == [False, True, True, False, False, False, False]
    assert steps[2]["variables"] == {"Flow.lang": {"value": "en", "withheld": None, "secure": False}}


def test_the_variables_after_the_last_step_stand_in_the_artifact() -> None:
    steps = [
        {"id": "a", "type": "play", "status": "success", "variables": {"Flow.x": 1, "Flow.pin": "4711"}},
        {"id": "b", "type": "updateData", "status": "success", "variables": {"Flow.x": 2, "Flow.pin": "4711"}},
    ]
    final = artifact(read_trace({"id": "t"}, [steps]))["execution"]["final_variable_state"]
    assert {name: each["value"] for name, each in final.items()} == {"Flow.x": 2, "Flow.pin": "***"}


def test_more_anomalies_than_are_held_are_all_written() -> None:
    steps = [{"id": f"s{place}", "type": "play", "status": "error"} for place in range(1500)]
    made = artifact(read_trace({"id": "t"}, [steps]))
    assert [each["step_index"] for each in made["anomalies"]] == list(range(1500))


def test_an_empty_trace_makes_a_whole_artifact() -> None:
    made = artifact(read_trace({"id": "t"}, []))
    assert made["execution"]["steps"] == []
    assert made["audit"]["step_resolution_accuracy"] == 0.0, "nothing that could be resolved proves nothing"


def test_the_timeline_reads_from_top_to_bottom() -> None:
    assert list(timeline(Analysis(read_execution(FILE)))) == [
        "Main IVR 13.0 (inboundcall), execution x1",
        "started 2026-08-10T14:00:00.000Z, took 1 min 00 s",
        "",
        "      0     +0.000s    1.00 s startedFlow 'Main IVR'",
        '                               Flow.lang = "en"',
        "      1     +1.000s    1.00 s   startedTask 'Start'",
        "      2     +2.000s    1.00 s     actionDecision 'Open?' -> __NO__",
        "!     3     +3.000s   12.00 s     actionCallData 'Look up' -> __TIMEOUT__",
        "                                   warning: slow",
        "                                   ! timeout: actionCallData 'Look up' ended with __TIMEOUT__",
        "!     4    +15.000s         -   startedTask 'Closed'",
        '                                 Flow.lang = "fr" (was "en")',
        " " * 33 + "! value_change: Flow.lang changed at startedTask 'Closed', and no step that could set it ran",
        "      5           -         -     mystery",
        "                                   record: has no dateTime",
        "                                   record: an event of an unknown kind",
        "      6    +20.000s         - endedFlow 'Main IVR' (ends 0, 20.00 s in all)",
        "",
        "7 steps, 6 resolved (85.7%), 1 failed, 2 anomalies",
        "anomalies: timeout 1, value_change 1",
        "steps without a time, whose durations are not known: 1",
        "events of kinds that this version does not know, kept as they were: 1",
    ]


def test_the_timeline_can_be_cut_to_the_anomalies() -> None:
    lines = list(timeline(Analysis(read_execution(FILE)), only_anomalies=True))
    assert [line[:7] for line in lines if line[6:7].isdigit()] == ["!     3", "!     4"]


def test_the_timeline_says_what_is_missing() -> None:
    lines = list(timeline(Analysis(read_execution(execution(event("actionA", 1), isTruncated=True, isSecure=True)))))
    assert lines[2:4] == [
        "the organisation cut this record short: steps are missing at its end",
        "this execution is secure: no value is shown",
    ]


def test_foreign_text_cannot_move_the_cursor_or_forge_a_line() -> None:
    bad = "a\r\nb\x1b[31m\u202e\x00\u2028"
    document = execution(
        event("actionUpdateData", 1, actionName=bad, statements=[write(f"Flow.{bad}", bad)], errors=[bad]),
        flowName=bad,
    )
    lines = list(timeline(Analysis(read_execution(document))))
    assert all(line.isprintable() for line in lines)
    assert "\\r\\nb\\x1b[31m\\u202e\\x00\\u2028" in lines[0]


def test_text_that_prints_stays_as_it_is() -> None:
    family = "👨\u200d👩\u200d👧 Żółć <b>"
    assert printable(family) == family


def test_durations_read_as_people_write_them() -> None:
    shown = [shown_duration(each) for each in (None, 0.0, 12.4, 999.0, 1000.0, 59_990.0, 125_000.0)]
    assert shown == ["-", "0 ms", "12 ms", "999 ms", "1.00 s", "59.99 s", "2 min 05 s"]


def test_deep_steps_say_their_depth_instead_of_moving_ever_further_right() -> None:
    nested: list = [event("actionX", 2)]
    for _ in range(40):
        nested = [event("actionCallCommonModule", 1, execution=nested)]
    lines = list(timeline(Analysis(read_execution({"flow": {"execution": nested}}))))
    assert any("[40] actionX" in line for line in lines)
    assert max(map(len, lines)) < 150


def test_the_time_of_an_execution_without_a_start_counts_from_its_first_step() -> None:
    lines = list(
        timeline(Analysis(read_execution(execution(event("actionA", 1), event("actionB", 3), startDateTime=None))))
    )
    assert lines[1] == "started -, took -"
    assert "+2.000s" in lines[4]
    assert at(3).endswith("03.000Z")
