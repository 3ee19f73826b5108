"""Traces that the real client fetches from a simulated organisation read the same way in both dialects."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO

import httpx
import pytest

from controller.diagnosis.action.analysis import analyse_action
from controller.diagnosis.action.model import ActionTraceResult
from controller.diagnosis.analysis import Analysis
from controller.diagnosis.anomalies import AnomalyKind
from controller.diagnosis.architect_reader import open_execution
from controller.diagnosis.error_rate import judge_error_rate, measure_error_rate
from controller.diagnosis.model import Trace
from controller.diagnosis.modules import LiveModule
from controller.diagnosis.page import page
from controller.diagnosis.query import check_trace_request, retention
from controller.diagnosis.timeline import timeline
from controller.diagnosis.versioned_reader import VersionedReader, versioned_header
from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.desired import Endpoint, ErrorRateGate
from controller.domain.platform import ExecutionSummary
from controller.domain.ports import Platform
from controller.domain.traces import ActionTraceRequest, SnapshotRange, TraceRequest
from controller.genesys.connect import ArchitectPlatform, VersionedPlatform, connect
from controller.simulator.app import create_app
from controller.simulator.simulator import Simulator
from tests.diagnosis.traces import stale_calls
from tests.genesys.hands import URL, Hands
from tests.support.clock import SteppedClock

MODULE = """commonModule:
  name: Menu
  defaultLanguage: en-us
  startUpRef: /commonModule/tasks/task[start]
  tasks:
    - task:
        name: Start
        refId: start
        actions:
          - updateData:
              name: Choose
              statements:
                - string: {variable: Task.Choice, value: {lit: "3"}}
          - endTask: {name: End}
"""
FLOW = """inboundCall:
  name: Main IVR
  defaultLanguage: en-us
  startUpRef: /inboundCall/tasks/task[start]
  tasks:
    - task:
        name: Start
        refId: start
        actions:
          - updateData:
              name: Remember
              statements:
                - string: {variable: Task.Destination, value: {lit: Support}}
                - string: {variable: Task.CallerPin, value: {lit: "481516"}}
          - callCommonModule:
              name: Call
              commonModule: {Menu: {ver_latestPublished: {}}}
          - decision:
              name: Known?
              condition: {exp: "true"}
              outputs:
                yes: {actions: [{playAudio: {name: Hello, audio: {tts: Hello}}}]}
                no: {actions: [{playAudio: {name: Sorry, audio: {tts: Sorry}}}]}
          - disconnect: {name: Hang up}
"""


class Site:
    """An organisation with a caller, its module, and executions of which some failed."""

    def __init__(self) -> None:
        self.clock = SteppedClock()
        self.simulator = Simulator(self.clock)
        self.hands = Hands(self.simulator)
        self.opened: list[Platform] = []

    def open(self, dialect: str) -> Platform:
        http = httpx.ASGITransport(app=create_app(self.simulator))
        platform = connect(
            Endpoint(None, URL, URL), dialect, "penstock", "penstock-secret", clock=self.clock, http=http
        )
        self.opened.append(platform)
        return platform

    async def fill(self) -> str:
        self.module_id = await self.hands.make(MODULE)
        self.flow_id = await self.hands.make(FLOW)
        self.version = (await self.open(VERSIONED).flows.get(self.flow_id)).published_version
        await self.hands.executions(self.flow_id, count=8)
        await self.hands.executions(self.flow_id, count=4, error_rate=1.0, reason="DATA_ACTION_TIMEOUT")
        self.clock.advance(60)
        return self.flow_id

    async def runs(self, platform: Platform) -> list[ExecutionSummary]:
        now = self.clock.now()
        found = platform.executions.of_version(self.flow_id, self.version, since=now - timedelta(hours=1), until=now)
        return [execution async for execution in found]


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    await made.fill()
    yield made
    for platform in made.opened:
        await platform.aclose()


async def architect_trace(platform: ArchitectPlatform, execution_id: str) -> Trace:
    [rendered] = await platform.execution_files.rendered([execution_id])
    sink = BytesIO()
    await rendered.save(sink)
    return open_execution(lambda: [sink.getvalue().decode()])


async def versioned_trace(platform: VersionedPlatform, trace_id: str, *ranges: SnapshotRange) -> Trace:
    reader = VersionedReader(ranges)
    steps = [step async for rows in platform.traces.steps(trace_id) for step in reader.page(rows)]
    return Trace(versioned_header(await platform.traces.header(trace_id)), (*steps, *reader.finish()))


@pytest.mark.parametrize("dialect", [ARCHITECT, VERSIONED])
async def test_a_good_execution_has_no_anomaly_and_a_failed_one_does(site: Site, dialect: str) -> None:
    platform = site.open(dialect)
    read = architect_trace if dialect == ARCHITECT else versioned_trace
    for run in await site.runs(platform):
        analysis = Analysis(await read(platform, run.id))  # type: ignore[arg-type]
        summary = analysis.summary()
        kinds = {kind for kind, count in summary.anomalies.items() if count}
        assert bool(kinds) is run.failed, "\n".join(timeline(analysis))
        if run.failed:
            assert AnomalyKind.TIMEOUT in kinds
            assert not kinds & {AnomalyKind.VALUE_CHANGE, AnomalyKind.INJECTION, AnomalyKind.SCOPE_EXIT}
        assert summary.unknown_events == 0
        assert summary.without_time == 0
        assert analysis.header.flow_version == site.version


@pytest.mark.parametrize("dialect", [ARCHITECT, VERSIONED])
async def test_the_state_the_branch_and_the_mask_are_the_same_in_both_dialects(site: Site, dialect: str) -> None:
    platform = site.open(dialect)
    read = architect_trace if dialect == ARCHITECT else versioned_trace
    run = next(each for each in await site.runs(platform) if not each.failed)
    analysis = Analysis(await read(platform, run.id), snapshot_ranges=[SnapshotRange(0, 99)])  # type: ignore[arg-type]
    steps = list(analysis)
    seen = {name: each.value for step in steps for name, each in (step.variables or {}).items()}
    assert seen["Task.Destination"] == "Support"
    assert seen["Task.Choice"] == "3"
    assert seen["Task.CallerPin"] == "***"
    assert "481516" not in page(analysis)
    (branch,) = [step.step.branch for step in steps if step.step.decision]
    assert str(branch) in {"yes", "no"}
    assert max(step.step.depth for step in steps) >= 2


async def test_an_execution_of_a_stale_caller_is_proof(site: Site) -> None:
    platform = site.open(ARCHITECT)
    run = (await site.runs(platform))[0]
    trace = await architect_trace(platform, run.id)  # type: ignore[arg-type]
    (stale,) = stale_calls(trace, {site.module_id: LiveModule("99.0")})
    assert "republish Main IVR" in str(stale)


async def test_outside_of_the_ranges_nothing_is_taken_for_drift(site: Site) -> None:
    platform = site.open(VERSIONED)
    ranges = (SnapshotRange(1, 1), SnapshotRange(4, 6))
    now = site.clock.now()
    request = TraceRequest(now - timedelta(hours=1), now, flow_id=site.flow_id, snapshot_ranges=ranges)
    check_trace_request(request, now=now, rules=retention(VERSIONED))
    async for row in platform.executions.found(request):  # type: ignore[attr-defined]
        trace = await versioned_trace(platform, row.id, *ranges)  # type: ignore[arg-type]
        drift = (AnomalyKind.VALUE_CHANGE, AnomalyKind.INJECTION, AnomalyKind.SCOPE_EXIT, AnomalyKind.TYPE_CHANGE)
        summary = Analysis(trace).summary()
        assert [summary.anomalies[kind] for kind in drift] == [0, 0, 0, 0]
        captured = [step.index for step in trace.steps if step.complete]
        assert captured == [index for index in (1, 4, 5, 6) if index < summary.steps]


@pytest.mark.parametrize("dialect", [ARCHITECT, VERSIONED])
async def test_the_gates_error_rate_is_that_of_the_traces(site: Site, dialect: str) -> None:
    now = site.clock.now()
    rate = measure_error_rate(await site.runs(site.open(dialect)), since=now - timedelta(hours=1), until=now)
    assert (rate.failed, rate.total) == (4, 12)
    judged = judge_error_rate(ErrorRateGate(3600, 10, 0.3), rate)
    assert judged.message == "4 of 12 executions failed: 33.33 %, limit 30 %; DATA_ACTION_TIMEOUT x4"


async def test_an_action_trace_of_the_organisation_is_read_whole(site: Site) -> None:
    platform = site.open(VERSIONED)
    request = ActionTraceRequest(site.flow_id, "invocation-1", simulated_inputs={"password": "hunter2-4711"})
    begun = await platform.action_traces.start(request)  # type: ignore[attr-defined]
    job = await platform.action_traces.finished(begun.job_id)  # type: ignore[attr-defined]
    result = ActionTraceResult(
        site.flow_id, "invocation-1", begun.job_id, job.status, job.steps, 12.0, site.clock.now(), len(job.steps)
    )
    analysis = analyse_action(result)
    assert analysis.graph.accuracy == 1.0
    assert analysis.graph.problems == ()
    assert analysis.path.nodes[0].node.parents == ()
    assert analysis.path.length_ms > 0
    assert "hunter2" not in repr(analysis)
