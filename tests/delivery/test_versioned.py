"""The versioned dialect: the atomic switch, staged rollouts, and the limits that it has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from controller.delivery.result import Outcome, SyncResult
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.capabilities import VERSIONED
from controller.domain.desired import ErrorRateGate, HttpGate, OnNoData, Rollout, Safety, Stage
from controller.simulator.control import person
from controller.simulator.execution import Execution, Traffic
from controller.simulator.flow import Action
from tests.delivery.probe import URL, Probe, probing
from tests.delivery.scenes import DESK, three_versions
from tests.delivery.site import NAME, Crash, Site, organization, states
from tests.support.audit import audit_entries
from tests.support.sources import inbound

STAGES = (Stage(10, 600), Stage(50, 600), Stage(100, 600))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path, organization=organization(dialect=VERSIONED))
    three_versions(made)
    yield made
    await made.close()


def puts(site: Site) -> int:
    return site.simulator.calls.count("PUT", "/api/v2/routing/flows/{flowId}")


async def pinned(site: Site, version: str, **fields: object) -> SyncResult:
    site.pin("desk", DESK, version, **fields)
    return await site.deliver()


async def test_a_version_that_was_live_before_is_switched_to_by_one_write(site: Site) -> None:
    result = await pinned(site, "1.0")
    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert site.live() == {str(DESK): "1.0"}
    assert puts(site) == 1
    assert result.steps[0].export is not None
    assert result.steps[0].export.definition is not None
    assert (await site.plan()).empty


async def test_being_on_the_target_already_costs_no_write(site: Site) -> None:
    site.pin("desk", DESK, "1.0")
    plan = await site.plan()
    site.by_hand("publish", DESK, version="1.0")
    result = await site.deliver(plan)
    assert result.outcome is Outcome.SUCCEEDED
    assert puts(site) == 0


async def test_a_switch_is_proven_by_one_look_at_its_flow(site: Site) -> None:
    """The look reads the versions twice: where several are published, only a newer listing decides."""
    site.pin("desk", DESK, "1.0")
    plan = await site.plan()
    site.simulator.calls.clear()

    await site.deliver(plan)

    switched = site.simulator.calls.log("PUT", "/api/v2/routing/flows/{flowId}")[0].number
    read = [call.number for call in site.simulator.calls.log("GET", "/api/v2/routing/flows/{flowId}/versions")]
    assert len([number for number in read if number > switched]) == 2


async def test_a_draft_is_validated_published_and_polled(site: Site) -> None:
    result = await pinned(site, "3.0")
    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert site.live() == {str(DESK): "3.0"}
    actions = [entry.action for entry in audit_entries(site.store, NAME, flow=str(DESK))]
    assert actions == ["export", "migrate", "publish", "validate"]


async def test_a_switch_that_lands_on_another_version_is_a_failure_and_rolled_back(site: Site) -> None:
    site.by_hand("publish", DESK, version="3.0")
    site.fault("wrong-version", version="2.0", times=1)
    result = await pinned(site, "1.0")
    assert result.outcome is Outcome.ROLLED_BACK
    assert site.live() == {str(DESK): "3.0"}


async def test_one_more_active_version_than_allowed_is_refused(site: Site) -> None:
    site.organization = replace(site.organization, safety=Safety(max_active_versions=2))
    result = await pinned(site, "3.0")
    assert result.steps[0].error is not None
    assert result.steps[0].error.code == "safety-limit"
    assert "safety.maxActiveVersions (2)" in result.steps[0].error.message
    assert site.live() == {str(DESK): "2.0"}


async def test_another_deployment_is_waited_for(site: Site) -> None:
    flow = site.simulator.flow(DESK.type, DESK.name)
    site.pin("desk", DESK, "1.0")
    plan = await site.plan()
    grace = person(site.simulator.organization, "Grace")
    running = site.simulator.organization.operation(flow, Action.PUBLISH, grace, site.clock.now())

    def end(event: DeliveryEvent) -> bool:
        if event.name == "lock.waiting":
            running.ended_at = site.clock.now()
        return False

    site.crash_when = end
    result = await site.deliver(plan)
    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert "lock.waiting" in site.names()


async def test_a_lock_that_came_after_the_plan_is_told_with_what_this_dialect_can_do_about_it(site: Site) -> None:
    site.pin("desk", DESK, "1.0")
    plan = await site.plan()
    site.by_hand("lock", DESK)
    (step,) = (await site.deliver(plan)).steps
    assert step.error is not None
    assert (step.error.code, step.error.hint) == (
        "flow-locked",
        "ask for the lock to be released, or set onLocked: wait",
    )
    assert site.live() == {str(DESK): "2.0"}


def staged(site: Site, rate: float) -> dict[str, object]:
    organization = site.simulator.organization
    flow = site.simulator.flow(DESK.type, DESK.name)
    organization.state.traffic.append(Traffic(flow.id, site.clock.now(), 6, rate, "3.0"))
    gate = ErrorRateGate(window_s=900, minimum_samples=3, max_rate=0.05, on_no_data=OnNoData.PASS)
    return {"rollout": Rollout(stages=STAGES), "gates": (gate,)}


async def test_a_staged_rollout_goes_through_all_its_stages(site: Site) -> None:
    result = await pinned(site, "3.0", **staged(site, rate=0.0))
    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert site.live() == {str(DESK): "3.0"}
    stages = [event.fields["stage"] for event in site.events if event.name == "rollout.stage"]
    assert [stage for stage in stages if stage is not None] == ["1", "2", "3"]
    assert result.steps[0].duration_s >= 1800


async def test_a_rollout_that_fails_in_a_stage_is_ended_before_it_reaches_all_traffic(site: Site) -> None:
    site.pin("desk", DESK, "3.0", **staged(site, rate=1.0))
    fail_while_partial(site)

    result = await site.deliver()

    assert result.outcome is Outcome.ROLLED_BACK, result.steps[0].error
    assert result.steps[0].error is not None
    site.clock.advance(3600)
    assert site.live() == {str(DESK): "2.0"}
    flow = site.simulator.flow(DESK.type, DESK.name)
    assert [str(rollout.outcome) for rollout in flow.rollouts] == ["cancelled", "completed"]


@pytest.mark.parametrize("stage", ["1", "2", "3"])
async def test_a_url_that_fails_in_any_stage_ends_the_rollout_there(site: Site, stage: str) -> None:
    probe = Probe((200, {}))
    probing(site, probe)
    site.pin("desk", DESK, "3.0", rollout=Rollout(stages=STAGES), gates=(HttpGate(URL),))

    def fail(event: DeliveryEvent) -> bool:
        if event.name == "rollout.stage" and event.fields["stage"] == stage:
            probe.answers = [(500, "")]
        return False

    site.crash_when = fail
    result = await site.deliver()

    assert result.outcome is Outcome.ROLLED_BACK, result.steps[0].error
    assert result.steps[0].error is not None
    assert (
        f"http failed in stage {stage}: {URL.replace('abcdefgh', '***')} answered 500" in result.steps[0].error.message
    )
    assert result.steps[0].error.hint == "correct the flow and commit it, or change the gate"
    assert site.live() == {str(DESK): "2.0"}
    site.clock.advance(3600)
    assert site.live() == {str(DESK): "2.0"}


async def test_executions_of_all_stages_count_when_the_gate_concludes(site: Site) -> None:
    """There is no bake: what the version showed in its stages is what it is judged by."""
    wanted = staged(site, rate=0.0)
    gate = ErrorRateGate(window_s=900, minimum_samples=3, max_rate=0.05, on_no_data=OnNoData.FAIL)
    result = await pinned(site, "3.0", **{**wanted, "gates": (gate,)})
    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error


@pytest.mark.parametrize("event", ["change.failed", "change.rolling-back", "write.intended", "write.answered"])
async def test_a_rollout_is_ended_even_when_the_process_dies_over_it(site: Site, event: str) -> None:
    site.pin("desk", DESK, "3.0", **staged(site, rate=1.0))
    fail_while_partial(site, crash_at=event)
    with pytest.raises(Crash):
        await site.deliver()
    await site.restart()

    found = await site.recover()

    assert [sync.outcome for sync in found.syncs] == [Outcome.ROLLED_BACK]
    site.clock.advance(3600)
    assert site.live() == {str(DESK): "2.0"}


async def test_what_this_dialect_cannot_do_is_refused_before_anything_is_written(site: Site) -> None:
    site.want("other", inbound("Other"))
    result = await site.deliver()
    assert states(result) == {"other": "failed"}
    assert result.steps[0].error is not None
    assert result.steps[0].error.code == "capability-missing"


def fail_while_partial(site: Site, crash_at: str | None = None) -> None:
    """Executions of the new version in its first stage fail; then, where asked, the process dies."""
    state = site.simulator.organization.state
    flow = site.simulator.flow(DESK.type, DESK.name)
    failed = False

    def hear(event: DeliveryEvent) -> bool:
        nonlocal failed
        if event.name == "rollout.stage" and event.fields["stage"] == "1":
            for number in range(10):
                execution = Execution(
                    f"e{number}", flow.id, "3.0", site.clock.now(), site.clock.now(), "ACTION_ERROR", f"c{number}"
                )
                state.executions[execution.id] = execution
        failed = failed or event.name == "change.failed"
        return failed and event.name == crash_at

    site.crash_when = hear
