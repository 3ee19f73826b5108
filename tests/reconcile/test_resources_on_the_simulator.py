"""The plan refuses for resources what the organisation would refuse, and nothing else: on the simulator, end to end."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import httpx
import pytest

from controller.flows.flow_file import parse
from controller.genesys.architect.resource_kinds import RESOURCE_KINDS
from controller.simulator.settings import SimulatorSettings
from tests.flows.corpus import FILES, text_of
from tests.support.named_resources import NamedResource, named_resources
from tests.support.needy import needy
from tests.support.world import URL, World

ALWAYS = frozenset({("division", "Home"), ("system-prompt", "on_hold_music"), ("system-prompt", "processing")})
"""What every organisation has."""
ALONE = [file for file in FILES if not parse(text_of(file)).references]
"""Real files of flows that call no other flow."""
REAL = [pytest.param(file, id=file.stem[-40:]) for file in ALONE] or [
    pytest.param(None, marks=pytest.mark.skip("the folder of real flow files is absent"), id="absent")
]


@pytest.fixture(autouse=True)
def _strict(world: World) -> None:
    """A publish needs every resource that its flow names."""
    world.simulator.configure(SimulatorSettings(rate_limit_per_minute=3000, strict_resources=True))


async def load(world: World, named: Iterable[NamedResource], columns: Iterable[str] = ()) -> None:
    """The organisation has this, and nothing else."""
    resources: dict[str, list[object]] = {}
    for each in named:
        if (each.kind, each.name) in ALWAYS:
            continue
        table = each.kind == "data-table"
        entry = {"name": each.name, "columns": dict.fromkeys(columns, "string")} if table else each.name
        if entry not in resources.setdefault(each.kind, []):
            resources[each.kind].append(entry)
    async with httpx.AsyncClient(transport=world.http, base_url=URL) as client:
        (await client.delete("/_simulator/resources")).raise_for_status()
        (await client.post("/_simulator/resources", json=resources)).raise_for_status()


def columns_of(text: str) -> set[str]:
    return {column for each in parse(text).resources if each.kind == "data-table" for column in each.parts}


async def test_without_the_look_the_publish_fails_as_the_plan_would_have_said(world: World) -> None:
    world.describe(resources="ignore")
    world.flow("desk", needy())
    world.commit()
    report = await world.apply()
    assert report.result is not None
    [step] = report.result.failures
    assert step.error is not None
    assert "find 'queue' by value of 'Sales' - no matches" in step.error.message


async def test_what_is_loaded_is_delivered_and_what_is_taken_away_is_missed(world: World) -> None:
    world.flow("desk", needy())
    world.commit()
    blocked = (await world.plan()).plan_or_raise().actions[0].blocked
    assert blocked is not None
    assert blocked.code == "missing-resource"

    await world.restart()
    await load(world, named_resources(needy()))
    assert (await world.apply()).delivered
    await world.assert_settled()


async def test_a_simulator_of_which_nothing_was_loaded_lacks_nothing(world: World) -> None:
    world.simulator.configure(SimulatorSettings(rate_limit_per_minute=3000))
    world.flow("desk", needy())
    world.commit()
    plan = (await world.plan()).plan_or_raise()
    assert (plan.actions[0].blocked, plan.warnings) == (None, ())
    assert (await world.apply()).delivered


@pytest.mark.corpus
@pytest.mark.proof
@pytest.mark.parametrize("file", REAL)
async def test_a_real_flow_is_blocked_by_an_empty_organisation_and_delivered_by_one_with_all_of_it(
    world: World, file: Path
) -> None:
    text = text_of(file)
    named = [each for each in named_resources(text) if each.kind in RESOURCE_KINDS]
    world.flow("it", text)
    world.commit()
    [change] = (await world.plan()).plan_or_raise().actions
    missing = {(each.reference.kind, each.reference.name) for each in change.missing}
    assert missing == {(each.kind, each.name) for each in named} - ALWAYS

    await world.restart()
    await load(world, named, columns_of(text))
    assert (await world.apply()).delivered
