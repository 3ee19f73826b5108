"""A backup that was made in the middle of a delivery is restored after its end: the next pass publishes nothing."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from controller.delivery.sync_run import DeliveryEvent
from controller.domain.clock import SystemClock
from controller.store.copying import copy_store
from controller.store.database import Database
from tests.support.dialects import BOTH
from tests.support.sources import inbound, module
from tests.support.stores import prepare
from tests.support.world import Recording, World


class BackedUp(Recording):
    """Copies the store once for each kind of event of a delivery."""

    def __init__(self, world: World, folder: Path) -> None:
        super().__init__()
        self._world = world
        self._folder = folder
        self.backups: dict[str, Path] = {}

    def progressed(self, event: DeliveryEvent) -> None:
        moment = f"{event.name} {event.fields.get('state', '')}"
        if moment in self.backups:
            return
        self.backups[moment] = self._folder / f"{len(self.backups)}.db"
        url = f"sqlite:///{self.backups[moment]}"
        prepare(self.backups[moment])
        with (
            closing(Database.open_to_read(self._world.settings.store)) as old,
            closing(Database.open(url)) as new,
        ):
            copy_store(old, new, SystemClock(), in_use=True)


@pytest.mark.proof
@BOTH
async def test_a_backup_of_any_moment_of_a_delivery_is_restored_and_nothing_is_published_twice(
    world: World, tmp_path: Path
) -> None:
    world.flow("front", inbound("Front", calls=["Hours"]))
    world.flow("hours", module("Hours"))
    world.commit()
    await world.apply()
    world.flow("hours", module("Hours", says="We are open"))
    world.commit()
    watched = BackedUp(world, tmp_path)
    report = await world.apply(watched)
    assert report.error is None
    before, versions = world.publishes(), world.versions()
    assert len(watched.backups) > 5

    for moment, backup in watched.backups.items():
        world.services.store.close()
        for file in tmp_path.glob("store.db*"):
            file.unlink()
        shutil.copy(backup, tmp_path / "store.db")
        await world.restart()

        report = await world.apply()

        assert report.error is None, (moment, report.error)
        assert (world.publishes(), world.versions()) == (before, versions), moment
    await world.assert_settled()
