"""What a pass of the service costs that finds what the last one found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine, event

from controller.reconcile.loop import run_pass
from controller.reconcile.pass_ import SERVICE, Mode, PassRequest
from controller.reconcile.report import PassReport
from controller.reconcile.workspace import Workspace, open_folder
from controller.repository.lockfile import FILE_NAME
from tests.reconcile.scenes import live
from tests.support.sources import inbound
from tests.support.world import ORGANIZATION, World


@pytest.fixture
def reads_of_the_journal() -> Iterator[Callable[[], int]]:
    """How often the latest steps of all flows were read since the last call."""
    seen: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if "JOIN latest_steps" in statement:
            seen.append(statement)

    def since_then() -> int:
        count = len(seen)
        seen.clear()
        return count

    event.listen(Engine, "before_cursor_execute", note)
    yield since_then
    event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
async def workspace(world: World) -> Workspace:
    """Two flows are delivered; the revision is read once, as in the service."""
    await live(world, desk=inbound("Desk"), front=inbound("Front"))
    world.clock.advance(1800)
    return open_folder(world.clone, world.settings)


async def look(world: World, workspace: Workspace, mode: Mode = Mode.APPLY, **request: object) -> PassReport:
    """A pass of the service."""

    async def source() -> Workspace:
        return workspace

    asked = replace(PassRequest(ORGANIZATION, mode, actor=SERVICE, watches=True), **request)  # type: ignore[arg-type]
    return await run_pass(asked, world.services, source)


async def test_the_journal_is_read_once_for_all_flows(
    world: World, workspace: Workspace, reads_of_the_journal: Callable[[], int]
) -> None:
    reads_of_the_journal()
    assert (await look(world, workspace)).plan_or_raise().empty
    assert reads_of_the_journal() == 1


async def test_the_same_state_makes_no_new_plan(world: World, workspace: Workspace) -> None:
    first = await look(world, workspace, Mode.PLAN)
    world.clock.advance(300)

    second = await look(world, workspace, Mode.PLAN)

    assert second.plan_or_raise() is first.plan
    assert second.live == first.live


@pytest.mark.parametrize("deed", ["publish", "unpublish", "delete", "lock"])
async def test_any_other_state_makes_a_new_plan(world: World, workspace: Workspace, deed: str) -> None:
    first = await look(world, workspace, Mode.PLAN)
    world.by_hand(deed, "inboundcall", "Desk")
    world.clock.advance(300)

    second = await look(world, workspace, Mode.PLAN)

    assert [each.key.name for each in second.plan_or_raise().drift] == ["Desk"]
    assert first.plan_or_raise().drift == ()
    assert (await world.plan()).plan_or_raise() == second.plan, "a new process makes the same"


async def test_another_reading_of_the_manifests_makes_a_new_plan(world: World, workspace: Workspace) -> None:
    """A plan holds the sources that it was made from."""
    first = await look(world, workspace, Mode.PLAN)

    second = await look(world, open_folder(world.clone, world.settings), Mode.PLAN)

    assert second.plan == first.plan
    assert second.plan is not first.plan


async def test_a_delivery_and_what_follows_it_are_planned_anew(world: World, workspace: Workspace) -> None:
    await look(world, workspace)
    world.flow("desk", inbound("Desk", says="Changed"))
    world.commit()
    later = open_folder(world.clone, world.settings)

    delivered = await look(world, later)
    after = await look(world, later)

    assert (len(delivered.plan_or_raise().actions), delivered.delivered) == (1, True)
    assert after.plan_or_raise().empty
    assert after.health is delivered.health


async def test_records_of_organisations_that_have_a_manifest_are_not_read(world: World, workspace: Workspace) -> None:
    """A repository of fifty organisations would be read fifty times."""
    policy = workspace.organization(ORGANIZATION).artifacts
    repository = workspace.repository

    assert repository.recorded_states(policy, [ORGANIZATION]) == ()
    assert [each.organization for each in repository.recorded_states(policy, [])] == [ORGANIZATION]
    assert FILE_NAME in world.git("ls-tree", "-r", "--name-only", "origin/penstock/records")
