"""A person takes one flow back; git stays the truth."""

from __future__ import annotations

from controller.delivery import Outcome
from controller.domain.errors import NoSuchVersion, SettingsInvalid
from controller.simulator import SimulatorSettings, UnclearPublish
from tests.support.sources import inbound
from tests.support.world import World


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
