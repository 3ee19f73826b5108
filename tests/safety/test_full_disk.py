"""A full disk keeps the controller from sending what it could not note, and loses nothing that was answered."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from controller.delivery.sync_run import DeliveryEvent
from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.errors.process import StoreFailed
from controller.domain.errors.repository import RepositoryFailed
from tests.crash.invariants import publishes
from tests.safety.full_disk import FullStore, git_without_room
from tests.support.dialects import BOTH
from tests.support.played_once import played_once
from tests.support.sources import inbound, module
from tests.support.world import ORGANIZATION, Recording, World

OLD, NEW = "Hello", "New"
READS = frozenset({"GET", "HEAD"})
LOGIN = "/oauth/token"


@pytest.fixture
async def asked(world: World) -> World:
    """The old content is live, and the new one is asked for."""
    await old_is_live(world)
    ask(world, NEW)
    return world


@played_once
async def old_is_live(world: World) -> None:
    ask(world, OLD)
    assert (await world.apply()).delivered


def ask(world: World, says: str) -> None:
    """`desk` calls `hours`; `aside` stands alone, and is delivered at the same time."""
    world.flow("hours", module("Hours", says=says))
    world.flow("desk", inbound("Desk", says=says, calls=["Hours"]))
    world.flow("aside", inbound("Aside", says=says))
    world.commit()


def filling(world: World, name: str, action: str | None = None) -> tuple[Recording, FullStore]:
    """The store is full from the first such moment on."""
    store = FullStore(world.services.store)

    def hear(event: DeliveryEvent) -> bool:
        if not store.full and event.name == name and event.fields.get("action") == action:
            store.fill()
        return False

    return Recording(hear), store


async def stopped_by_a_full_store(world: World, recording: Recording, store: FullStore) -> None:
    report = await world.apply(recording)
    assert store.full
    assert isinstance(report.error, StoreFailed)
    assert "database or disk is full" in report.error.message
    assert report.error.hint == "free some disk space; the next pass resumes from the journal"
    assert report.result is None


async def goes_on(world: World, store: FullStore, says: str = NEW) -> None:
    """Once there is room the next passes converge, and nothing was published twice."""
    store.make_room()
    await world.restart()
    for _ in range(2):
        report = await world.apply()
        assert report.error is None
    assert not world.services.store.journal.unfinished(ORGANIZATION)
    flows = list(world.simulator.organization.flows())
    assert all(flow.published is not None and says in flow.published.text for flow in flows)
    made = publishes(world.simulator.organization.state)
    assert {key: count for key, count in made.items() if NEW in key[1] and count > 1} == {}


@BOTH
async def test_before_an_intent_nothing_is_sent(asked: World) -> None:
    recording, store = filling(asked, "change.validated")
    asked.simulator.calls.clear()

    await stopped_by_a_full_store(asked, recording, store)

    calls = asked.simulator.calls.report()["calls"]
    assert isinstance(calls, list)
    sent = {call["route"] for call in calls if call["method"] not in READS} - {LOGIN}
    assert sent <= {"/api/v2/flows/export/jobs", "/api/v2/flows/{flowId}/versions/{versionId}/validate"}
    await goes_on(asked, store)
    await asked.assert_settled()


@pytest.mark.parametrize(
    ("world", "action"),
    [(ARCHITECT, "register"), (ARCHITECT, "upload"), (VERSIONED, "publish")],
    indirect=["world"],
)
async def test_what_was_answered_and_not_noted_is_found_out_by_the_next_pass(asked: World, action: str) -> None:
    recording, store = filling(asked, "write.answered", action)

    await stopped_by_a_full_store(asked, recording, store)

    await goes_on(asked, store)
    await asked.assert_settled()


@pytest.mark.parametrize(
    ("world", "action"), [(ARCHITECT, "rollback.publish"), (VERSIONED, "rollback.publish")], indirect=["world"]
)
@pytest.mark.parametrize("moment", ["write.intended", "write.answered"])
async def test_a_rollback_that_was_cut_off_is_gone_on_with(asked: World, action: str, moment: str) -> None:
    asked.fail_publishes_of("Desk")
    recording, store = filling(asked, moment, action)

    await stopped_by_a_full_store(asked, recording, store)

    await goes_on(asked, store, OLD)


@BOTH
async def test_a_repository_without_room_is_told_and_recorded_in_by_the_next_pass(
    asked: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = os.environ["PATH"]

    def hear(event: DeliveryEvent) -> bool:
        if event.name == "sync.finished":
            monkeypatch.setenv("PATH", without_room)
        return False

    with git_without_room(tmp_path, path) as without_room:
        report = await asked.apply(Recording(hear))
    monkeypatch.setenv("PATH", path)

    assert isinstance(report.error, RepositoryFailed)
    assert "git unpack-objects failed" in report.error.message
    assert report.error.hint == "raise the limit of file sizes"
    made = asked.publishes()
    await asked.restart()
    again = await asked.apply()
    assert again.error is None
    assert sorted(again.recovered) == ["aside: exported", "desk: exported", "hours: exported"]
    assert asked.publishes() == made
    await asked.assert_settled()
