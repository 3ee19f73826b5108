"""What goes wrong with one organisation, or with one look at git, stays there, is shown, and passes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.process import StoreFailed
from controller.domain.errors.repository import GitRemoteFailed, RepositoryFailed
from controller.domain.identity import FlowKey
from controller.domain.ports import Platform
from controller.domain.status import Health, SyncStatus
from controller.reconcile.services import Services
from controller.reconcile.workspace import Workspace, open_folder
from controller.repository.repository import Repository
from controller.service.controller import Controller
from controller.service.feeds import Feed, GitFeed
from controller.service.followed_repository import RepositorySource
from controller.store.store import Store
from tests.support.dialects import BOTH
from tests.support.patience import PATIENCE_S
from tests.support.sources import inbound
from tests.support.world import ORGANIZATION, SECRET, Crash, Recording, World, said


class Revisions:
    """A feed that yields what it is given."""

    def __init__(self) -> None:
        self._given: asyncio.Queue[Workspace] = asyncio.Queue()

    def give(self, workspace: Workspace) -> None:
        self._given.put_nowait(workspace)

    repository = None

    def pushed(self, _branch: str) -> bool:
        return False

    async def workspaces(self, _on_fault: object) -> AsyncIterator[Workspace]:
        while True:
            yield await self._given.get()


class Running:
    """A controller at work in this loop, on the world's clock."""

    def __init__(self, services: Services, drift_interval: float, feed: Feed | None = None) -> None:
        services.settings = services.settings.model_copy(
            update={"http_address": "127.0.0.1:0", "drift_interval": drift_interval}
        )
        self.feed = Revisions()
        self.stop = asyncio.Event()
        source = RepositorySource("default", services.settings, feed or self.feed)
        self.controller = Controller(services, [source], self.stop)

    async def until(self, check: Callable[[], object], what: str) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_S
        while not check():
            if loop.time() > deadline:
                raise AssertionError(f"never: {what}; {self.controller.board.entries()}")
            await asyncio.sleep(0.002)

    def entry(self, name: str = ORGANIZATION) -> object:
        """What the board shows once a first pass has ended."""
        shown = (entry for entry in self.controller.board.entries() if not entry.awaited)
        return next((entry for entry in shown if entry.organization == name), None)

    def status(self, name: str = ORGANIZATION) -> SyncStatus | None:
        found = self.entry(name)
        return found.status if found is not None else None


@contextlib.asynccontextmanager
async def running(services: Services, drift_interval: float = 60.0, feed: Feed | None = None) -> AsyncIterator[Running]:
    """Without a feed, it reads the revisions that the test gives it."""
    made = Running(services, drift_interval, feed)
    task = asyncio.create_task(made.controller.run())
    try:
        yield made
    finally:
        made.stop.set()
        await asyncio.wait_for(task, PATIENCE_S)


def second(world: World, name: str) -> None:
    """Another organisation in the same repository, each in a folder of its own."""
    text = (world.clone / "organization.yaml").read_text()
    for folder, content in ((ORGANIZATION, text), (name, text.replace(f"name: {ORGANIZATION}", f"name: {name}"))):
        (world.clone / folder).mkdir()
        (world.clone / folder / "organization.yaml").write_text(content)
    (world.clone / name / "organization.yaml").write_text(content.replace("ACME_", "GENESYS_OTHER_"))
    (world.clone / "organization.yaml").unlink()
    manifest = (world.clone / "front.yaml").read_text().replace("flows/", "../flows/")
    (world.clone / ORGANIZATION / "front.yaml").write_text(manifest)
    (world.clone / "front.yaml").unlink()


@pytest.fixture
def two(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("GENESYS_OTHER_ID", "broken")
    monkeypatch.setenv("GENESYS_OTHER_SECRET", SECRET)
    world.flow("front", inbound("Front"))
    second(world, "other")
    world.commit()
    return world


async def test_a_fault_of_ours_in_one_organisation_leaves_the_others_at_work(two: World) -> None:
    connect, broken = two.services.connect, True

    def breaking(endpoint: object, dialect: str, client_id: str, *rest: object, **options: object) -> Platform:
        if client_id == "broken" and broken:
            raise RuntimeError("a mistake in the controller")
        return connect(endpoint, dialect, "penstock", *rest, **options)

    two.services.connect = breaking
    async with running(two.services) as service:
        service.feed.give(open_folder(two.clone, two.settings))
        await service.until(lambda: service.entry("other"), "the fault is shown")
        await service.until(lambda: service.status() is SyncStatus.SYNCED, "the other organisation is delivered")

        found = service.entry("other")
        assert found is not None
        assert (found.status, "RuntimeError" in found.message) == (SyncStatus.UNKNOWN, True)
        assert not service.controller.board.ready
        assert two.live("inboundcall", "Front") == "1.0"

        broken = False
        await service.until(lambda: service.status("other") is SyncStatus.SYNCED, "it is tried again")
        assert service.controller.board.ready


async def test_a_store_that_does_not_answer_between_passes_ends_no_worker(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.describe(sync={"mode": "manual"})
    world.flow("front", inbound("Front"))
    world.commit()
    away = True
    unfinished = world.services.store.journal.unfinished

    def sometimes(organization: str) -> list:
        if away:
            raise StoreFailed("the store is away")
        return unfinished(organization)

    monkeypatch.setattr(world.services.store.journal, "unfinished", sometimes)
    async with running(world.services) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(service.entry, "the fault is shown")
        assert "the store is away" in service.entry().message
        away = False
        await service.until(lambda: service.status() is SyncStatus.OUT_OF_SYNC, "the plan is shown")


def another_instead(world: World) -> Workspace:
    """The organisation is gone, and one that is left alone stands in its place."""
    world.describe(suspend=True)
    manifest = world.clone / "organization.yaml"
    manifest.write_text(
        manifest.read_text().replace(f"name: {ORGANIZATION}", "name: idle").replace("ACME_", "GENESYS_OTHER_")
    )
    world.remove("front")
    world.commit("Ask for another organisation")
    return open_folder(world.clone, world.settings)


@pytest.fixture
def other_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENESYS_OTHER_ID", "penstock")
    monkeypatch.setenv("GENESYS_OTHER_SECRET", SECRET)


@pytest.mark.usefixtures("other_credentials")
async def test_an_organisation_that_is_taken_out_and_put_back_has_one_worker(world: World) -> None:
    world.flow("front", inbound("Front"), rollout={"bake": "1h"})
    world.commit()
    asked = open_folder(world.clone, world.settings)
    nothing = another_instead(world)
    held = asyncio.Event()
    sleep = world.clock.sleep

    async def slowly(seconds: float) -> None:
        """A bake lasts until the test lets it end."""
        if 3000 <= seconds <= 4000:
            await held.wait()
            world.clock.advance(3600)
        await sleep(seconds)

    world.clock.sleep = slowly  # type: ignore[method-assign]
    async with running(world.services) as service:
        service.feed.give(asked)
        await service.until(lambda: _states(world.services.store) == ["baking"], "the flow bakes")
        service.feed.give(nothing)
        await service.until(lambda: "acme" not in service.controller._workers, "the organisation is gone")
        service.feed.give(asked)
        await service.until(lambda: "acme" in service.controller._workers, "the organisation is back")
        assert [task.get_name() for task in asyncio.all_tasks()].count("worker acme") == 1
        held.set()
        await service.until(lambda: service.status() is SyncStatus.SYNCED, "the delivery ended well")

    assert _states(world.services.store) == ["recorded"]
    assert world.publishes() == ["inboundcall/Front"]


@pytest.mark.usefixtures("other_credentials")
async def test_a_delivery_is_brought_to_its_end_although_its_organisation_is_taken_out(world: World) -> None:
    world.flow("front", inbound("Front"), rollout={"bake": "10m"})
    world.commit()
    asked = open_folder(world.clone, world.settings)
    other = another_instead(world)
    async with running(world.services) as service:
        service.feed.give(asked)
        await service.until(lambda: _states(world.services.store) == ["baking"], "the flow bakes")
        service.feed.give(other)
        await service.until(lambda: "acme" not in service.controller._workers, "the organisation is gone")
        assert _states(world.services.store) == ["baking"]
        await service.until(lambda: _states(world.services.store) == ["recorded"], "the delivery ended")


async def test_what_a_dead_process_left_open_is_ended_also_where_changes_wait_for_approval(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    await world.apply()
    world.flow("front", inbound("Front", says="Second"))
    world.commit()
    await _die_after(world, "change.live")
    world.describe(sync={"mode": "manual"})
    world.commit("Ask people first")
    await world.restart()

    async with running(world.services) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(lambda: service.status() is SyncStatus.SYNCED, "the delivery is ended and recorded")

    assert _states(world.services.store) == ["recorded", "recorded"]
    assert world.live("inboundcall", "Front") == "2.0"


@pytest.mark.parametrize("mode", ["auto", "manual"])
async def test_a_controller_with_an_address_has_the_record_name_it_before_it_delivers(world: World, mode: str) -> None:
    """A laptop delivered before there was a controller; from then on its commands find the controller."""
    world.flow("front", inbound("Front"))
    world.describe(sync={"mode": mode})
    world.commit()
    await world.apply(confirmations=said(approved_digest=(await world.plan()).plan_or_raise().digest))
    world.settings = world.settings.model_copy(update={"store": f"sqlite:///{world.folder / 'controller.db'}"})
    await world.restart()
    world.services.settings = world.services.settings.model_copy(update={"public_url": "https://penstock.test"})

    async with running(world.services) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(lambda: service.status() is SyncStatus.SYNCED, "it was looked at")

    found = (await world.plan()).recorded
    assert found is not None
    assert found.server == "https://penstock.test"
    assert found.store_id == world.services.store.known_branches.store_id
    assert found.flows.keys() == {FlowKey("inboundcall", "Front")}
    assert world.git("log", "-1", "--format=%s", "origin/penstock/records") == (
        "acme: recorded by https://penstock.test from here on"
    )
    assert world.publishes() == ["inboundcall/Front"]


async def _die_after(world: World, event: str) -> None:
    with pytest.raises(Crash):
        await world.apply(Recording(lambda heard: heard.name == event))


def _states(store: Store) -> list[str]:
    return [step.state.value for sync in store.journal.history() for step in sync.steps]


class Told:
    """What a feed tells of faults, and the desired states that it yields."""

    def __init__(self, world: World, repository: Repository) -> None:
        self._faults: asyncio.Queue[PenstockError | None] = asyncio.Queue()
        feed = GitFeed(lambda: repository, world.settings, world.clock)
        self._workspaces = feed.workspaces(self._faults.put_nowait)

    async def fault(self) -> PenstockError | None:
        return await asyncio.wait_for(self._faults.get(), PATIENCE_S)

    async def next(self) -> str:
        return (await asyncio.wait_for(anext(self._workspaces), PATIENCE_S)).revision


@pytest.fixture
def followed(world: World) -> Repository:
    world.flow("front", inbound("Front"))
    world.commit()
    return Repository.clone(str(world.remote), world.folder / "service.git", branch="main")


async def test_a_revert_to_what_was_asked_for_before_ends_a_fault(world: World, followed: Repository) -> None:
    told = Told(world, followed)
    first = await told.next()
    good = (world.clone / "front.yaml").read_text()
    (world.clone / "front.yaml").write_text("kind: Flow\n")
    world.commit("Break it")
    waiting = asyncio.create_task(told.next())
    assert await told.fault() is not None
    (world.clone / "front.yaml").write_text(good)
    reverted = world.commit("Mend it")

    assert await waiting == reverted != first


async def test_a_remote_that_answers_again_is_no_fault_any_more(world: World, followed: Repository) -> None:
    told = Told(world, followed)
    await told.next()
    away = world.remote.rename(world.folder / "away.git")
    waiting = asyncio.create_task(told.next())
    assert isinstance(await told.fault(), GitRemoteFailed)
    away.rename(world.remote)
    while await told.fault() is not None:
        pass
    waiting.cancel()


async def test_a_commit_that_cannot_be_read_for_now_is_read_again(world: World, followed: Repository) -> None:
    tree = world.git("rev-parse", "HEAD:flows")
    stored = followed.top / "objects" / tree[:2] / tree[2:]
    away = stored.rename(world.folder / "away")
    told = Told(world, followed)
    waiting = asyncio.create_task(told.next())
    fault = await told.fault()
    assert isinstance(fault, RepositoryFailed)
    assert "is missing" in fault.message
    away.rename(stored)

    assert await waiting == world.git("rev-parse", "HEAD")


async def test_a_flow_file_among_the_artifacts_is_a_new_desired_state(world: World, followed: Repository) -> None:
    kept = world.clone / "artifacts" / "kept"
    kept.mkdir(parents=True)
    (kept / "front.yaml").write_text(inbound("Front", says="Kept"))
    world.manifest("front", source={"file": "artifacts/kept/front.yaml"})
    world.commit()
    told = Told(world, followed)
    await told.next()
    (kept / "front.yaml").write_text(inbound("Front", says="Changed"))
    changed = world.commit()

    assert await told.next() == changed


def test_a_store_whose_folder_cannot_be_made_says_so(tmp_path: Path, world: World) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreFailed, match="cannot be made"):
        Store.open(f"sqlite:///{tmp_path}/file/below/penstock.db", clock=world.clock)


async def test_what_is_made_by_hand_is_seen_within_one_interval_while_a_window_is_closed(world: World) -> None:
    """The change waits for the opening, and is delivered then."""
    world.flow("front", inbound("Front"))
    world.flow("desk", inbound("Desk"))
    world.commit()
    assert (await world.apply()).delivered
    world.describe(windows=[{"kind": "deny", "schedule": "0 12 * * *", "duration": "15m"}])
    world.flow("front", inbound("Front", says="New"))
    world.commit()
    async with running(world.services) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(lambda: "deny window" in getattr(service.entry(), "message", ""), "the closed window")
        assert service.status() is SyncStatus.OUT_OF_SYNC
        began_s = world.clock.elapsed_s
        world.by_hand("publish", "inboundcall", "Desk", inbound("Desk", says="By hand"))
        await service.until(lambda: "Ada" in service.entry().message, "what Ada did")
        assert world.clock.elapsed_s - began_s <= 2 * 60
        assert "deny window" in service.entry().message
        await service.until(lambda: world.live("inboundcall", "Front") == "2.0", "the delivery")
        assert world.clock.elapsed_s >= 15 * 60


async def pause_a_delivery(world: World, mode: str) -> None:
    """Deliver a flow with a gate that waits for data, then let `mode` say who lets plans be delivered."""
    gate = {"errorRate": {"window": "1m", "minimumSamples": 5, "max": "10%", "onNoData": "wait"}}
    world.flow("front", inbound("Front"), gates=[gate])
    world.commit()
    await world.apply()
    world.describe(sync={"mode": mode})
    world.commit()


@pytest.mark.parametrize("mode", ["auto", "manual"])
async def test_while_a_delivery_is_paused_the_board_tells_how_things_stand(world: World, mode: str) -> None:
    await pause_a_delivery(world, mode)
    async with running(world.services) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(service.entry, "it was looked at")
        found = service.entry()
    assert (found.status, found.health) == (SyncStatus.OUT_OF_SYNC, Health.SUSPENDED)
    assert found.message.startswith("acme: paused, and nothing else is delivered meanwhile: front (inboundcall/Front)")


async def test_a_look_that_the_word_to_stop_cuts_short_changes_nothing_that_is_shown(world: World) -> None:
    """Nobody is alarmed by `Unknown` each time that a service is replaced."""
    world.flow("front", inbound("Front"))
    world.commit()
    sleep = world.clock.sleep
    async with running(world.services) as service:

        async def stopping(seconds: float) -> None:
            """The word to stop comes while a later pass looks."""
            if seconds == 1.0 and service.status() is SyncStatus.SYNCED:
                service.stop.set()
            await sleep(seconds)

        world.clock.sleep = stopping  # type: ignore[method-assign]
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(service.stop.is_set, "a later pass looks")

    assert service.status() is SyncStatus.SYNCED


@BOTH
async def test_what_could_not_be_read_after_a_publish_is_asked_for_soon_again(world: World) -> None:
    """Its gates and what depends on it wait for that answer, and not for the next look for drift."""
    world.flow("front", inbound("Front"))
    world.commit()
    await world.apply()
    world.flow("front", inbound("Front", says="New"))
    world.commit()
    sleep = world.clock.sleep
    async with running(world.services, drift_interval=86_400.0) as service:

        async def unread(seconds: float) -> None:
            """The organisation makes no sense from the publish on, until the pass has given up."""
            if (
                not world.simulator.faults.all()
                and service.entry() is None
                and world.publishes().count("inboundcall/Front") == 2
            ):
                world.fault("html-error", match={"method": "GET"})
            await sleep(seconds)

        world.clock.sleep = unread  # type: ignore[method-assign]
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(lambda: "sync undetermined" in getattr(service.entry(), "message", ""), "it was given up")
        world.simulator.faults.clear()
        began_s = world.clock.elapsed_s
        await service.until(lambda: service.status() is SyncStatus.SYNCED, "the delivery ended well")
        assert world.clock.elapsed_s - began_s < 3600

    assert _states(world.services.store) == ["recorded", "recorded"]


async def test_nothing_is_purged_any_more_once_the_service_is_told_to_stop(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    with capture_logs() as logged:
        async with running(world.services) as service:
            service.feed.give(open_folder(world.clone, world.settings))
            await service.until(lambda: service.status() == SyncStatus.SYNCED, "the delivery is told")

    told = [entry["event"] for entry in logged]
    assert "housekeeping.done" in told
    assert "housekeeping.done" not in told[told.index("service.stopping") :]
