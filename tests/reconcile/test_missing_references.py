"""A reference that leads nowhere is told with its place in the file, in Architect's words, and what may be meant."""

from __future__ import annotations

from tests.support.sources import inbound, module
from tests.support.world import World


async def reason(world: World, flow: str = "front") -> str:
    """Why the flow's change is blocked."""
    world.commit()
    (change,) = [each for each in (await world.plan()).plan_or_raise().actions if each.flow == flow]
    assert change.blocked is not None
    assert change.blocked.code == "missing-dependency"
    return change.blocked.message


async def test_a_misspelt_module_is_told_with_file_and_line_and_the_close_name(world: World) -> None:
    text = inbound("Front", calls=["Huors"])
    world.flow("front", text)
    world.flow("hours", module("Hours"))

    told = await reason(world)

    line = next(number for number, each in enumerate(text.splitlines(), 1) if each.strip() == '"Huors":')
    assert f"commonmodule 'Huors' (flows/front.yaml:{line}:17, action 'Call Huors' (callCommonModule) in task " in told
    assert "did you mean 'Hours'?" in told
    assert "tasks[0]" not in told


async def test_a_close_name_that_only_the_organisation_has_counts(world: World) -> None:
    world.flow("hours", module("Opening Hours"))
    world.commit()
    await world.apply()
    world.remove("hours")
    world.flow("front", inbound("Front", calls=["Opening hours"]))

    assert "did you mean 'Opening Hours'?" in await reason(world)


async def test_a_flow_of_that_name_and_another_type_is_told(world: World) -> None:
    world.flow("desk", inbound("Desk"))
    world.flow("front", inbound("Front", calls=["Desk"]))

    assert "there is one of this name of type inboundcall" in await reason(world)


async def test_the_place_behind_a_long_value_is_the_files_own(world: World) -> None:
    text = inbound("Front", calls=["Nowhere"]).replace('"Nowhere":', '{"{{ module }}": {', 1)
    text = text.replace("ver_latestPublished: {none: true}", "ver_latestPublished: {none: true}}}")
    (world.clone / "front.yaml").write_text("")
    world.flow("front", text)
    values = {"module": "A name that is much longer than its placeholder"}
    world.manifest("front", source={"file": "flows/front.yaml", "substitutions": values})

    line = next(number for number, each in enumerate(text.splitlines(), 1) if "{{ module }}" in each)
    assert f"flows/front.yaml:{line}:17, " in await reason(world)


async def test_a_module_in_a_module_is_a_warning_in_the_plan(world: World) -> None:
    """Genesys' Resource Centre says that it cannot be; how old its page is, is not known."""
    world.flow("hours", module("Hours"))
    world.flow("greeting", module("Greeting", calls=["Hours"]))
    world.commit()

    changes = {each.flow: each for each in (await world.plan()).plan_or_raise().actions}

    assert changes["greeting"].blocked is None
    (warning,) = changes["greeting"].warnings
    assert warning.startswith("flows/greeting.yaml:")
    assert "a common module cannot use another common module" in warning
    assert changes["hours"].warnings == ()
