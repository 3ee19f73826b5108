"""Long waits in simulated time: they last exactly as long as asked for, however often the process dies meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from controller.delivery.sync_run import DeliveryEvent
from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.reconcile.loop import run_pass
from controller.reconcile.pass_ import Mode, PassRequest
from controller.reconcile.report import PassReport
from controller.reconcile.workspace import Workspace, open_folder
from controller.simulator.flow import SimulatedRollout
from tests.support.sources import inbound
from tests.support.world import ORGANIZATION, SECRET, Crash, Recording, World

BAKE_S = 600
STAGES = [
    {"percentage": 10, "duration": "15m"},
    {"percentage": 50, "duration": "30m"},
    {"percentage": 100, "duration": "0s"},
]
LONGEST_LOOK_S = 60.0
"""How far apart the looks at a running rollout are, at most."""


@pytest.fixture(params=[ARCHITECT, VERSIONED])
async def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setenv("ACME_ID", "penstock")
    monkeypatch.setenv("ACME_SECRET", SECRET)
    made = World(tmp_path, dialect=request.param)
    yield made
    await made.close()


@dataclass
class Watch(Recording):
    """Notes when everything was told; the process dies at a moment of the world's clock."""

    world: World
    lives_s: float | None = None
    """For how long the process lives after the event below."""
    after: str = "sync.started"
    dies_at: float | None = None
    told: list[tuple[float, str, object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def progressed(self, event: DeliveryEvent) -> None:
        if event.name == self.after and self.lives_s is not None:
            self.dies_at, self.lives_s = self.world.clock.elapsed_s + self.lives_s, None
        self.told.append((self.world.clock.elapsed_s, event.name, event.fields.get("stage")))

    def at(self, name: str) -> float:
        return next(moment for moment, told, _ in self.told if told == name)

    def stages(self) -> dict[object, float]:
        """When each stage of a rollout was first seen."""
        seen: dict[object, float] = {}
        for moment, name, stage in self.told:
            if name == "rollout.stage" and stage is not None:
                seen.setdefault(stage, moment)
        return seen

    def dying(self) -> bool:
        """Asked every second whether to stop."""
        if self.dies_at is not None and self.world.clock.elapsed_s >= self.dies_at:
            self.dies_at = None
            raise Crash
        return False


async def deliver(world: World, watch: Watch) -> PassReport:
    async def source() -> Workspace:
        return open_folder(world.clone, world.settings)

    request = PassRequest(ORGANIZATION, Mode.APPLY)
    return await run_pass(request, world.services, source, listener=watch, stopping=watch.dying)


async def changed(world: World, **spec: object) -> None:
    """`desk` is live, and a new version of it is asked for."""
    world.flow("desk", inbound("Desk"))
    world.commit()
    assert (await world.apply()).delivered
    world.flow("desk", inbound("Desk", says="New"), **spec)
    world.commit()


def rollout_of(world: World) -> SimulatedRollout:
    """The one rollout of the new version."""
    (found,) = (each for each in world.simulator.flow("inboundcall", "Desk").rollouts if each.version == "2.0")
    return found


async def test_a_bake_of_ten_minutes_takes_ten_minutes(world: World) -> None:
    await changed(world, rollout={"bake": "10m"})
    watch = Watch(world)

    report = await deliver(world, watch)

    assert report.delivered, report.error
    assert watch.at("change.healthy") - watch.at("change.baking") == BAKE_S
    await world.assert_settled()


@pytest.mark.parametrize(("lived_s", "away_s"), [(240, 60), (100, 900)])
async def test_a_bake_goes_on_for_the_rest_of_its_time_after_a_crash(world: World, lived_s: int, away_s: int) -> None:
    """What passed while no process was there counts as well."""
    await changed(world, rollout={"bake": "10m"})
    watch = Watch(world, lived_s, "change.baking")
    with pytest.raises(Crash):
        await deliver(world, watch)
    began = watch.at("change.baking")
    await world.restart()
    world.clock.advance(away_s)

    report = await deliver(world, watch)

    assert report.error is None
    assert watch.at("change.healthy") == pytest.approx(began + max(BAKE_S, lived_s + away_s), abs=1)
    if lived_s + away_s < BAKE_S:
        assert watch.at("change.healthy") == began + BAKE_S
    assert world.publishes() == ["inboundcall/Desk"] * 2
    await world.assert_settled()


@pytest.mark.parametrize("world", [VERSIONED], indirect=True)
async def test_stages_of_fifteen_and_thirty_minutes_take_just_as_long(world: World) -> None:
    await changed(world, rollout={"stages": STAGES})
    watch = Watch(world)

    report = await deliver(world, watch)

    assert report.delivered, report.error
    rollout = rollout_of(world)
    begins = [round((moment - rollout.prepared_at).total_seconds(), 3) for moment in rollout.boundaries()]
    assert begins == [0, 900, 2700, 2700]
    assert rollout.ended_at is not None
    assert (rollout.ended_at - rollout.prepared_at).total_seconds() == 2700
    prepared_s = (rollout.prepared_at - world.clock.start).total_seconds()
    for stage, begun_s in (("1", 0), ("2", 900)):
        assert 0 <= watch.stages()[stage] - prepared_s - begun_s <= LONGEST_LOOK_S
    assert 0 <= watch.at("change.live") - prepared_s - 2700 <= 1
    await world.assert_settled()


@pytest.mark.parametrize("world", [VERSIONED], indirect=True)
@pytest.mark.parametrize(("lived_s", "away_s"), [(400, 100), (1000, 700), (2600, 300)])
async def test_a_staged_rollout_goes_on_where_it_is_after_a_crash(world: World, lived_s: int, away_s: int) -> None:
    """It runs in the organisation by itself: it is followed again, and not asked for a second time."""
    await changed(world, rollout={"stages": STAGES})
    watch = Watch(world, lived_s)
    with pytest.raises(Crash):
        await deliver(world, watch)
    await world.restart()
    world.clock.advance(away_s)

    report = await deliver(world, watch)

    assert report.error is None
    rollout = rollout_of(world)
    assert rollout.ended_at is not None
    assert (rollout.ended_at - rollout.prepared_at).total_seconds() == 2700
    ended_s = (rollout.ended_at - world.clock.start).total_seconds()
    if ended_s > lived_s + away_s:
        assert watch.at("change.live") >= ended_s
    assert world.publishes() == ["inboundcall/Desk"] * 2
    await world.assert_settled()
