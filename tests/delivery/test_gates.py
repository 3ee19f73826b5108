"""Gates on a new version: what passes, what fails fast, what happens without data, and what a failure leads to."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from controller.delivery.result import Outcome, SyncResult
from controller.domain.desired import ErrorRateGate, ExecutionGate, Gate, HttpGate, OnNoData, Rollout
from controller.domain.identity import FlowKey
from controller.simulator.execution import Traffic
from tests.delivery.probe import URL, Probe, probing
from tests.delivery.scenes import DESK
from tests.delivery.site import FIRST_UPLOAD_S, NAME, SECOND_UPLOAD_S, SETTINGS, Site
from tests.support.audit import audit_entries
from tests.support.sources import inbound, workflow

WINDOW = 900.0
JOB = FlowKey("workflow", "Job")


def error_rate(**fields: object) -> ErrorRateGate:
    return ErrorRateGate(**{"window_s": WINDOW, "minimum_samples": 10, "max_rate": 0.02, **fields})  # type: ignore[arg-type]


async def deliver_desk(site: Site, *gates: Gate, bake_s: float = 0.0) -> SyncResult:
    """`desk` goes from 1.0 to 2.0 under these gates."""
    site.want("desk", inbound("Desk"))
    await site.deliver()
    site.want("desk", inbound("Desk", says="New"), gates=gates, rollout=Rollout(bake_s=bake_s))
    return await site.deliver()


async def deliver_job(site: Site, gate: Gate, *, failing: bool = False) -> SyncResult:
    """A workflow, which can be launched, goes from 1.0 to 2.0 under this gate."""
    site.want("job", workflow("Job"))
    await site.deliver()
    if failing:
        traffic(site, JOB, rate=1.0, per_minute=0.001, version="2.0")
    site.want("job", workflow("Job", says="New"), gates=(gate,))
    return await site.deliver()


def traffic(site: Site, key: FlowKey, *, rate: float, per_minute: float = 60, version: str | None = None) -> None:
    """Executions of a flow, a share of which fails."""
    organization = site.simulator.organization
    organization.state.execution_data.enabled = True
    flow = site.simulator.flow(key.type, key.name)
    organization.state.traffic.append(Traffic(flow.id, site.clock.now(), per_minute, rate, version))


async def with_traffic(site: Site, gate: ErrorRateGate, *, bake_s: float = 0.0, **stream: object) -> SyncResult:
    site.simulator.organization.state.execution_data.enabled = True
    site.want("desk", inbound("Desk"))
    await site.deliver()
    traffic(site, DESK, **stream)  # type: ignore[arg-type]
    site.want("desk", inbound("Desk", says="New"), gates=(gate,), rollout=Rollout(bake_s=bake_s))
    return await site.deliver()


async def test_a_version_whose_executions_succeed_passes(site: Site) -> None:
    result = await with_traffic(site, error_rate(), rate=0.0, bake_s=300)
    assert result.outcome is Outcome.SUCCEEDED
    (entry,) = (entry for entry in audit_entries(site.store, NAME) if entry.action == "gate")
    assert entry.status == "success"
    assert entry.details["gate"] == "errorRate"


async def test_an_error_rate_that_is_too_high_ends_the_bake_early_and_rolls_back(site: Site) -> None:
    result = await with_traffic(site, error_rate(), rate=0.5, bake_s=3600)

    assert result.outcome is Outcome.ROLLED_BACK
    assert site.live()[str(DESK)] == "1.0"
    (step,) = result.steps
    assert step.error is not None
    assert step.error.code == "gate-failed"
    assert "executions failed" in step.error.message
    assert step.duration_s < 120
    assert [one.wanted for one in site.store.quarantines.active(NAME)] == [site.organization.flows[0].wanted]


async def test_too_few_samples_are_waited_for_one_window_and_then_a_person_has_to_decide(site: Site) -> None:
    result = await deliver_desk(site, error_rate())
    (step,) = result.steps
    assert step.error is None
    assert step.paused is not None
    assert "gate errorRate: 0 of 0 executions failed" in step.paused
    assert f"waited {WINDOW:.0f} s for more" in step.paused
    assert step.duration_s == SECOND_UPLOAD_S + WINDOW
    assert result.outcome is Outcome.PAUSED
    assert site.live()[str(DESK)] == "2.0"
    assert site.store.quarantines.active(NAME) == ()


async def test_a_launch_whose_answer_was_lost_is_not_repeated_and_a_person_has_to_decide(site: Site) -> None:
    site.fault("reset", point="after", match={"method": "POST", "route": "/api/v2/flows/executions"})
    result = await deliver_job(site, ExecutionGate())
    assert result.outcome is Outcome.PAUSED
    assert "it may or may not have run" in (result.steps[0].paused or "")
    await site.recover()
    launched = [each for each in site.simulator.organization.state.executions.values() if each.launched]
    assert len(launched) <= 1


async def test_samples_that_come_late_are_enough(site: Site) -> None:
    result = await with_traffic(site, error_rate(minimum_samples=10), rate=0.0, per_minute=6)
    assert result.outcome is Outcome.SUCCEEDED
    assert 100 < result.steps[0].duration_s < 200


@pytest.mark.parametrize(
    ("on_no_data", "outcome"), [(OnNoData.PASS, Outcome.SUCCEEDED), (OnNoData.FAIL, Outcome.ROLLED_BACK)]
)
async def test_without_data_the_manifest_has_the_word(site: Site, on_no_data: OnNoData, outcome: Outcome) -> None:
    result = await deliver_desk(site, error_rate(on_no_data=on_no_data))
    assert result.outcome is outcome
    assert result.steps[0].duration_s < 20


async def test_without_data_a_probe_launches_the_new_version_once(site: Site) -> None:
    result = await deliver_job(site, error_rate(on_no_data=OnNoData.PROBE))
    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    launches = [entry for entry in audit_entries(site.store, NAME) if entry.action == "launch"]
    assert [entry.version for entry in launches] == ["2.0"]


async def test_against_a_baseline_the_old_version_s_errors_are_allowed_for(site: Site) -> None:
    """Both versions fail as often: without the baseline the gate would fail."""
    gate = error_rate(baseline=True, max_rate=0.3)
    site.simulator.organization.state.execution_data.enabled = True
    site.want("desk", inbound("Desk"))
    await site.deliver()
    traffic(site, DESK, rate=0.5, per_minute=6)
    site.clock.advance(WINDOW)
    site.want("desk", inbound("Desk", says="New"), gates=(gate,), rollout=Rollout(bake_s=300))
    assert (await site.deliver()).outcome is Outcome.SUCCEEDED


async def test_an_execution_gate_passes_when_the_launched_execution_ends_well(site: Site) -> None:
    result = await deliver_job(site, ExecutionGate(inputs={"Flow.Caller": "+4912345"}))
    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error


async def test_an_execution_gate_fails_with_the_launched_execution(site: Site) -> None:
    result = await deliver_job(site, ExecutionGate(), failing=True)
    assert result.outcome is Outcome.ROLLED_BACK
    assert result.steps[0].error is not None
    assert "gate execution: fail: execution" in result.steps[0].error.message
    assert site.live()[str(JOB)] == "1.0"


async def test_an_execution_that_does_not_end_in_time_fails_the_gate(site: Site) -> None:
    site.simulator.configure(replace(SETTINGS, launch_s=10_000))
    result = await deliver_job(site, ExecutionGate(timeout_s=60))
    assert result.steps[0].error is not None
    assert "did not end within 60 s" in result.steps[0].error.message
    assert result.steps[0].duration_s == SECOND_UPLOAD_S + 60.0


@pytest.mark.parametrize(
    ("answer", "gate", "says"),
    [
        ((200, {}), HttpGate(URL), None),
        ((204, ""), HttpGate(URL, status=204), None),
        ((200, {"checks": [{"ok": True}]}), HttpGate(URL, json_path="$.checks[0].ok", equals=True), None),
        ((200, {"state": "up"}), HttpGate(URL, json_path="$.state"), None),
        ((200, {"rows": [{"n": 1}, {"n": 2}]}), HttpGate(URL, json_path="$.rows[*].n", equals=2), None),
        ((302, ""), HttpGate(URL), "answered 302, expected 200"),
        ((200, {"ok": 1}), HttpGate(URL, json_path="$.ok", equals=True), "$.ok is 1, expected true"),
        ((200, {"state": "down"}), HttpGate(URL, json_path="$.state", equals="up"), '$.state is "down", expected "up"'),
        ((200, {}), HttpGate(URL, json_path="$.state"), "there is nothing at $.state"),
        ((200, "<html>"), HttpGate(URL, json_path="$.state"), "not JSON"),
    ],
)
async def test_an_http_check_judges_status_and_json(
    site: Site, answer: tuple[int, object], gate: HttpGate, says: str | None
) -> None:
    probing(site, Probe(answer))
    site.want("desk", inbound("Desk"), gates=(gate,))
    result = await site.deliver()
    (step,) = result.steps
    if says is None:
        assert step.error is None
        return
    assert step.error is not None
    assert says in step.error.message
    assert "abcdefgh" not in step.error.message


async def test_one_failed_check_does_not_roll_production_back(site: Site) -> None:
    probe = Probe((503, ""), (503, ""), (200, {}))
    probing(site, probe)
    site.want("desk", inbound("Desk"), gates=(HttpGate(URL),))
    result = await site.deliver()
    assert result.outcome is Outcome.SUCCEEDED
    assert len(probe.asked) == 3
    assert result.steps[0].duration_s == FIRST_UPLOAD_S + 2 * 5.0 + 2.0


@pytest.mark.parametrize(
    ("gate", "answer", "why"),
    [
        (HttpGate(URL, json_path="$.a"), (200, "x" * 3_000_000), "the answer is longer than 1024 KiB"),
        pytest.param(
            HttpGate(URL, json_path="$[?@.a =~ /(a+)+$/]"),
            (200, [{"a": "a" * 40 + "!"}]),
            "could not be evaluated",
            marks=pytest.mark.proof,
        ),
        pytest.param(
            HttpGate(URL, json_path="$..*..*..*..*..*..*", equals="y"),
            (200, json.loads("[" * 60 + "]" * 60)),
            "could not be evaluated",
            marks=pytest.mark.proof,
        ),
    ],
    ids=("endless", "regular expression", "descendants"),
)
async def test_an_answer_that_cannot_be_judged_pauses_and_holds_nobody_up(
    hurried: Site, monkeypatch: pytest.MonkeyPatch, gate: HttpGate, answer: tuple[int, object], why: str
) -> None:
    """One expression uses up the processor time that it may have, the other what it may take on the clock."""
    site = hurried
    if gate.equals is not None:  # only the second one has a value
        monkeypatch.setattr("controller.delivery.gates.http._LONGEST_S", 2.0)
    probing(site, Probe(answer))
    site.settings = replace(site.settings, gate_attempts=1)
    await site.restart()
    site.want("desk", inbound("Desk"), gates=(gate,))
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.02)
            ticks += 1

    ticking = asyncio.create_task(tick())
    result = await site.deliver()
    ticking.cancel()

    assert result.outcome is Outcome.PAUSED
    assert why in (result.steps[0].paused or "")
    assert ticks > 5 or "longer" in why, "the loop stood still meanwhile"


async def test_a_long_answer_is_not_read_where_only_its_status_counts(site: Site) -> None:
    probing(site, Probe((200, "x" * 3_000_000)))
    site.want("desk", inbound("Desk"), gates=(HttpGate(URL),))
    assert (await site.deliver()).outcome is Outcome.SUCCEEDED


async def test_the_first_gate_that_fails_ends_it(site: Site) -> None:
    probe = Probe((500, ""))
    probing(site, probe)
    site.want("desk", inbound("Desk"), gates=(HttpGate(URL), ExecutionGate()))
    await site.deliver()
    assert [entry.action for entry in audit_entries(site.store, NAME)].count("launch") == 0


async def test_a_check_that_fails_while_the_version_bakes_ends_the_bake(site: Site) -> None:
    probe = Probe((200, {}), (200, {}), (500, ""))
    probing(site, probe)
    result = await deliver_desk(site, HttpGate(URL), bake_s=3600)
    assert result.outcome is Outcome.ROLLED_BACK
    assert result.steps[0].error is not None
    assert "gate http: fail" in result.steps[0].error.message
    assert result.steps[0].duration_s < 120


async def test_a_gate_that_fails_is_not_hidden_by_one_before_it_that_cannot_decide(site: Site) -> None:
    probing(site, Probe((500, "")))
    result = await deliver_desk(site, error_rate(), HttpGate(URL))
    assert result.outcome is Outcome.ROLLED_BACK
    assert result.steps[0].error is not None
    assert "gate http: fail" in result.steps[0].error.message
