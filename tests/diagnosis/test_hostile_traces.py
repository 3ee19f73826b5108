"""Whatever stands in a record, it is read, analysed and rendered, or refused with a reason: nothing else happens."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from controller.diagnosis.action.analysis import analyse_action
from controller.diagnosis.action.document import action_report
from controller.diagnosis.action.exports import action_dot
from controller.diagnosis.action.model import ActionTraceResult
from controller.diagnosis.action.waterfall import waterfall
from controller.diagnosis.analysis import Analysis
from controller.diagnosis.architect_reader import open_execution
from controller.diagnosis.model import Trace
from controller.diagnosis.nested import strict_json
from controller.diagnosis.page import page
from controller.diagnosis.report import Audit, report
from controller.diagnosis.timeline import timeline
from controller.domain.errors.organization import TraceUnreadable
from controller.domain.traces import SnapshotRange
from tests.diagnosis.traces import module_calls, read_execution, read_trace
from tests.support.examples import examples

AUDIT = Audit("op", (), 0.0, datetime(2026, 8, 10, tzinfo=UTC))
MOMENTS = ["2026-08-10T14:00:00Z", "2026-08-10T14:00:01", "never", 1_754_834_400_000, 10**30, -1, True, None, {}]
WORDS = [
    "Flow.pin",
    "Task.x",
    "Common.y",
    "",
    "__FAILURE__",
    "__YES__",
    "success",
    "timeout",
    "s1",
    "s2",
    "\ud800",
    "\x00<",
]

scalars = st.none() | st.booleans() | st.integers() | st.floats()
anything = st.recursive(
    scalars | st.sampled_from(WORDS) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
variable = st.fixed_dictionaries(
    {},
    optional={
        "variableName": st.sampled_from(WORDS) | anything,
        "variableId": anything,
        "value": anything,
        "secure": anything,
        "valueIsTooLarge": anything,
    },
)
variables = st.lists(variable | anything, max_size=3) | anything
common = {
    "dateTime": st.sampled_from(MOMENTS),
    "executionId": st.sampled_from(WORDS) | anything,
    "variables": variables,
    "statements": variables,
    "outputVariables": variables,
    "outputPathId": st.sampled_from(WORDS) | anything,
    "errors": anything,
    "warnings": anything,
    "inputData": anything | st.fixed_dictionaries({"commonModule": st.fixed_dictionaries({"flowVersion": anything})}),
    "isSecure": anything,
    "taskName": anything,
}
kinds = st.sampled_from(
    ["startedFlow", "startedTask", "endedTask", "startedCommonModule", "endedCommonModule", "startedBotState",
     "actionCallTask", "actionDecision", "eventError", "endedFlow", "turn", "", "odd"]
)  # fmt: skip
events = st.recursive(
    st.dictionaries(kinds, st.fixed_dictionaries({}, optional=common) | anything, max_size=2) | anything,
    lambda inner: st.dictionaries(
        kinds, st.fixed_dictionaries({"execution": st.lists(inner, max_size=3) | anything}, optional=common), max_size=1
    ),
    max_leaves=8,
)
files = st.fixed_dictionaries(
    {"executionId": scalars, "execution": st.lists(events, max_size=8)},
    optional={
        name: st.sampled_from(MOMENTS) | anything for name in ("startDateTime", "flowName", "isSecure", "executionInfo")
    },
)
fields = ["id", "type", "status", "nextStepId", "parentId", "steps", "variables", "startTime", "errorMessage", "writes"]
types = ["startTask", "endTask", "startModule", "endModule", "decision"]
rows = st.dictionaries(st.sampled_from(fields), st.sampled_from([*WORDS, *types, *MOMENTS]) | variables)


def refused(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def render(trace: Trace) -> None:
    analysis = Analysis(trace, snapshot_ranges=[SnapshotRange(0, 3)])
    assert all(line.isprintable() for line in timeline(analysis))
    made = json.loads("".join(report(analysis, AUDIT)), parse_constant=refused)
    assert len(made["execution"]["steps"]) == analysis.summary().steps == made["audit"]["steps_total"]
    page(analysis).encode()
    list(module_calls(trace))


@examples(120)
@given(files)
def test_any_execution_file_is_read_and_rendered(flow: dict) -> None:
    trace = read_execution({"flow": flow})
    render(trace)
    text = json.dumps({"flow": flow})
    assert len(list(open_execution(lambda: [text]).steps)) == len(list(trace.steps))


@examples(120)
@given(st.lists(rows, max_size=8), anything)
def test_any_versioned_trace_is_read_and_rendered_or_refused(steps: list, header: object) -> None:
    try:
        trace = read_trace(header if isinstance(header, dict) else {}, [steps])
    except TraceUnreadable:
        return
    render(trace)


@examples(120)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["nodeId", "parentId", "startTime", "endTime", "status", "errorMessage", "name"]),
            st.sampled_from([*WORDS, *MOMENTS]) | anything,
        )
        | anything,
        max_size=8,
    )
)
def test_any_action_trace_is_analysed_and_rendered(steps: list) -> None:
    result = ActionTraceResult("f", "a", "j", "completed", steps, 0.0, AUDIT.exported_at)
    analysis = analyse_action(result)
    made = json.loads(strict_json(action_report(analysis)), parse_constant=refused)
    assert len(made["nodes"]) == len(steps)
    action_dot(analysis.graph, analysis.path).encode()
    waterfall(analysis).encode()


@examples(200)
@given(st.text(alphabet='{}[]":,\\ atf1e-n"flowexcui', max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        list(open_execution(lambda: list(text)).steps)
    except TraceUnreadable:
        return
