"""A person takes one flow back; git stays the truth."""

from __future__ import annotations

import pytest

from controller.delivery.result import Outcome
from controller.domain.errors.change import FlowLocked, NoSuchVersion
from controller.domain.errors.process import SettingsInvalid
from controller.reconcile.report import PassReport
from controller.simulator.settings import SimulatorSettings, UnclearPublish
from tests.support.played_once import played_once
from tests.support.sources import inbound, module
from tests.support.world import Crash, Recording, World


@played_once
async def two_versions(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.flow("aside", inbound("Aside"))
    world.commit()
    await world.apply()
    world.flow("front", inbound("Front", says="Second"))
    world.commit()
    await world.apply()


async def test_a_flow_goes_back_to_what_was_delivered_before_and_stays_there(world: World) -> None:
    await two_versions(world)

    report = await world.rollback("front")

    assert report.error is None
    assert report.result.outcome is Outcome.ROLLED_BACK
    assert world.versions() == {"inboundcall/Front": "1.0", "inboundcall/Aside": "1.0"}
    assert report.commit is not None
    plan = (await world.plan()).plan_or_raise()
    assert [(change.flow, change.blocked.code) for change in plan.actions] == [("front", "quarantined")]
    assert plan.drift == ()
    await world.apply()
    assert world.live("inboundcall", "Front") == "1.0"


async def test_after_the_revert_in_git_there_is_nothing_to_do(world: World) -> None:
    await two_versions(world)
    await world.rollback("front")

    world.flow("front", inbound("Front"))
    world.commit("Go back to the first greeting")

    await world.assert_settled()


async def test_the_next_change_in_git_is_delivered_again(world: World) -> None:
    await two_versions(world)
    await world.rollback("front")
    world.flow("front", inbound("Front", says="Third"))
    world.commit()

    assert (await world.apply()).delivered
    assert world.live("inboundcall", "Front") == "3.0"


async def test_a_named_version_must_exist(world: World) -> None:
    await two_versions(world)

    unknown = await world.rollback("front", version="9.0")
    same = await world.rollback("front", version="2.0")
    nobody = await world.rollback("frnt")

    assert isinstance(unknown.error, NoSuchVersion)
    assert "2.0, 1.0" in str(unknown.error.hint)
    assert isinstance(same.error, SettingsInvalid)
    assert "Front" in str(nobody.error.hint)
    assert world.live("inboundcall", "Front") == "2.0"
    assert (await world.plan()).plan_or_raise().empty, "a refused rollback quarantined something"


async def test_where_the_organisation_does_not_switch_back_the_old_content_becomes_a_new_version(world: World) -> None:
    world.simulator.configure(
        SimulatorSettings(rate_limit_per_minute=3000, older_version=UnclearPublish.SILENTLY_NOTHING)
    )
    await two_versions(world)

    report = await world.rollback("front", version="1.0")

    assert report.result.outcome is Outcome.ROLLED_BACK
    assert world.live("inboundcall", "Front") == "3.0"
    world.flow("front", inbound("Front"))
    world.commit("Go back to the first greeting")
    await world.assert_settled()


async def test_a_flow_that_somebody_has_is_refused_at_once_and_nothing_is_begun(world: World) -> None:
    await two_versions(world)
    world.by_hand("lock", "inboundcall", "Front", person="Grace")
    began_s = world.clock.elapsed_s

    report = await world.rollback("front")

    assert isinstance(report.error, FlowLocked)
    assert report.error.holder == "Grace"
    assert "is locked by Grace since 2026-" in report.error.message
    assert world.clock.elapsed_s - began_s < 1
    plan = (await world.plan()).plan_or_raise()
    assert plan.empty, "a refused rollback quarantined something"
    assert not world.services.store.journal.unfinished("acme")


async def test_a_flow_in_no_manifest_is_left_alone_and_the_way_out_is_told(world: World) -> None:
    await two_versions(world)
    world.remove("aside")
    world.commit()

    report = await world.rollback("inboundcall/Aside")

    assert isinstance(report.error, SettingsInvalid)
    assert report.error.message == "no manifest names inboundcall/Aside, so it is left alone"
    assert "penstock import" in str(report.error.hint)


async def test_where_nothing_is_known_of_what_was_before_the_versions_are_named(world: World) -> None:
    await two_versions(world)
    world.by_hand("publish", "inboundcall", "Front", text=inbound("Front", says="By hand"))

    unknown = await world.rollback("front")
    first = await world.rollback("aside")

    assert isinstance(unknown.error, NoSuchVersion)
    assert unknown.error.hint == "name the version with --to: 2.0, 1.0"
    assert first.error.hint == "the flow has no other version"


@played_once
async def three_versions(world: World) -> None:
    await two_versions(world)
    world.flow("front", inbound("Front", says="Third"))
    world.commit()
    await world.apply()


def assert_answered(world: World, report: PassReport, sync: int) -> None:
    """2.0 is live, and the answer says so."""
    assert report.error is None
    assert report.result.outcome is Outcome.ROLLED_BACK
    assert f"2.0 is live already, rolled back by sync {sync}" in report.result.steps[0].messages
    assert world.live("inboundcall", "Front") == "2.0"


async def test_asking_again_is_the_same_as_asking_once(world: World) -> None:
    await three_versions(world)
    first = await world.rollback("front")

    for _ in range(2):
        assert_answered(world, await world.rollback("front"), first.result.sync_id)

    [change] = (await world.plan()).plan_or_raise().actions
    assert change.blocked.code == "quarantined"
    assert (await world.rollback("front", version="1.0")).error is None
    assert world.live("inboundcall", "Front") == "1.0"


@pytest.mark.parametrize("moment", ["change.rolling-back", "write.intended", "write.answered", "change.rolled-back"])
async def test_asking_again_after_the_process_died_over_it_goes_no_further_back(world: World, moment: str) -> None:
    await three_versions(world)
    with pytest.raises(Crash):
        await world.rollback("front", listener=Recording(lambda event: event.name == moment))
    await world.restart()

    report = await world.rollback("front")

    assert_answered(world, report, report.result.sync_id)


async def test_asking_again_after_the_push_was_declined_goes_no_further_back(world: World) -> None:
    await three_versions(world)
    hook = world.remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    declined = await world.rollback("front")
    again = await world.rollback("front")
    hook.unlink()

    report = await world.rollback("front")

    assert (declined.error.code, again.error.code) == ("git-remote-failed", "git-remote-failed")
    assert_answered(world, report, report.result.sync_id)


async def test_what_went_back_because_another_flow_failed_is_not_rolled_back_once_more(world: World) -> None:
    await two_versions(world)
    world.flow("front", inbound("Front", says="Third"))
    world.flow("aside", inbound("Aside", says="Third"), dependsOn=["front"])
    world.commit()
    world.fail_publishes_of("Aside")
    failed = await world.apply()
    assert failed.result.outcome is Outcome.ROLLED_BACK

    assert_answered(world, await world.rollback("front"), failed.result.sync_id)


async def test_going_forward_again_to_what_git_asks_for_frees_it(world: World) -> None:
    await two_versions(world)
    back = await world.rollback("front")
    forward = await world.rollback("front", version="2.0")

    steps = [report.result.steps[0] for report in (back, forward)]
    assert [(step.previous_version, step.version) for step in steps] == [("2.0", "1.0"), ("1.0", "2.0")]
    assert world.services.store.quarantines.active("acme") == ()
    await world.assert_settled()


async def test_the_commit_to_look_at_is_named(world: World) -> None:
    await two_versions(world)
    asked = world.git("rev-parse", "HEAD")
    world.flow("aside", inbound("Aside", says="Something else"))
    world.commit()

    report = await world.rollback("front")

    [told] = report.result.steps[0].messages
    files, _, commit = told.partition(" changed last in commit ")
    assert files == "front.yaml and flows/front.yaml"
    assert asked.startswith(commit)


async def test_callers_of_a_module_that_was_taken_back_are_named_and_the_next_pass_frees_them(world: World) -> None:
    world.flow("hours", module("Hours"))
    world.flow("front", inbound("Front", calls=["Hours"]))
    world.commit()
    await world.apply()
    world.flow("hours", module("Hours", says="Wrong"))
    world.commit()
    await world.apply()
    hours = world.simulator.flow("commonmodule", "Hours")

    report = await world.rollback("hours")
    bound = world.simulator.flow("inboundcall", "Front").published.bindings
    next_pass = await world.apply()

    assert "front keeps 2.0 of it until published again" in " ".join(report.result.steps[0].messages)
    assert bound == {hours.id: "2.0"}
    assert [change.flow for change in next_pass.plan_or_raise().actions if change.blocked is None] == ["front"]
    assert world.simulator.flow("inboundcall", "Front").published.bindings == {hours.id: "1.0"}
    assert [change.flow for change in (await world.plan()).plan_or_raise().actions] == ["hours"]


async def test_back_and_forth_and_back_again_is_still_not_what_git_asks_for(world: World) -> None:
    await two_versions(world)
    for version in ("1.0", "2.0", "1.0"):
        assert (await world.rollback("front", version=version)).error is None

    [change] = (await world.plan()).plan_or_raise().actions

    assert (change.flow, change.blocked.code) == ("front", "quarantined")
