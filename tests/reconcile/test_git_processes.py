"""A pass starts only the git processes that it needs; git itself counts them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from controller.reconcile.loop import run_pass
from controller.reconcile.pass_ import SERVICE, Mode, PassRequest
from controller.reconcile.workspace import Workspace, open_revision
from controller.repository.repository import Repository
from tests.support.object_readers import end_object_readers
from tests.support.sources import inbound
from tests.support.world import ORGANIZATION, World

_REMEMBERED = frozenset({"config"})
"""Its answer is remembered for a second, so that its number depends on the machine."""
BUILD = {"unpack-objects": 1}
"""What makes a commit of files."""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], dict[str, int]]:
    """How many processes of each git command were started since the last call, without those that git starts.

    One that is kept for the next operation is ended then.
    """
    folder = tmp_path / "traces"
    folder.mkdir()

    def since_then() -> dict[str, int]:
        end_object_readers()
        monkeypatch.setenv("GIT_TRACE2_EVENT", str(folder))
        found: Counter[str] = Counter()
        for file in folder.iterdir():
            first = json.loads(file.read_text().splitlines()[1])
            if "/" not in first["sid"]:
                found[first["argv"][1]] += 1
            file.unlink()
        return {command: count for command, count in found.items() if command not in _REMEMBERED}

    return since_then


async def a_delivery(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    assert (await world.apply()).delivered


async def test_a_plan_asks_the_remote_once_and_reads_files_and_records_with_one_process(
    world: World, started: Callable[[], dict[str, int]]
) -> None:
    await a_delivery(world)
    started()
    assert (await world.plan()).error is None
    assert started() == {"cat-file": 1, "ls-remote": 1}


async def test_a_command_that_delivers_nothing_starts_no_other_processes_than_a_plan(
    world: World, started: Callable[[], dict[str, int]]
) -> None:
    await a_delivery(world)
    started()
    assert (await world.apply()).error is None
    assert started() == {"cat-file": 1, "ls-remote": 1}


async def test_the_first_pass_in_a_clone_fetches_nothing_that_a_person_has_fetched(
    world: World, started: Callable[[], dict[str, int]]
) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    started()
    assert (await world.apply()).delivered
    assert "fetch" not in started()


async def test_a_pass_of_the_service_over_a_known_revision_starts_two_processes(
    world: World, started: Callable[[], dict[str, int]]
) -> None:
    await a_delivery(world)
    _, workspace = _service(world)
    await _pass(world, workspace)
    started()
    await _pass(world, workspace)
    assert started() == {"cat-file": 1, "ls-remote": 1}


async def test_a_look_that_finds_a_new_revision_asks_the_remote_once_and_fetches_once(
    world: World, started: Callable[[], dict[str, int]]
) -> None:
    await a_delivery(world)
    repository, _ = _service(world)
    world.flow("front", inbound("Front", says="Later"))
    sha = world.commit()
    started()
    tip = repository.remote_head("main")
    assert repository.fetch("main", tip) == sha
    assert started() == {"ls-remote": 1, "cat-file": 1, "fetch": 1}
    open_revision(repository, sha, world.settings)
    assert started() == {"cat-file": 1}


async def test_a_delivery_of_the_service_asks_the_remote_once_before_it_and_once_before_the_push(
    world: World, started: Callable[[], dict[str, int]]
) -> None:
    await a_delivery(world)
    repository, workspace = _service(world)
    await _pass(world, workspace)
    world.flow("front", inbound("Front", says="Later"))
    sha = world.commit()
    repository.fetch("main")
    workspace = open_revision(repository, sha, world.settings)
    started()
    await _pass(world, workspace)
    # One process reads the record, and also the source that is published: no text is kept in memory.
    assert started() == {"cat-file": 1, "ls-remote": 2, **BUILD, "push": 1, "update-ref": 1}


async def test_a_lease_that_another_controller_had_meanwhile_makes_the_pass_look_again(
    world: World, started: Callable[[], dict[str, int]]
) -> None:
    await a_delivery(world)
    _, workspace = _service(world)
    await _pass(world, workspace)
    leases, key = world.services.store.leases, world.services.identity(workspace.organization(ORGANIZATION)).key
    leases.release(leases.acquire(key, "controller-b", manifest=ORGANIZATION))
    started()
    await _pass(world, workspace)
    assert started()["ls-remote"] == 2
    await _pass(world, workspace)
    assert started()["ls-remote"] == 1


def _service(world: World) -> tuple[Repository, Workspace]:
    """The service's own clone, and the revision that it reads there."""
    repository = Repository.clone(str(world.remote), world.folder / "service")
    return repository, open_revision(repository, repository.head("main"), world.settings)


async def _pass(world: World, workspace: Workspace) -> None:
    request = PassRequest(ORGANIZATION, Mode.APPLY, actor=SERVICE, trigger="drift", watches=True)

    async def source() -> Workspace:
        return workspace

    assert (await run_pass(request, world.services, source)).error is None
