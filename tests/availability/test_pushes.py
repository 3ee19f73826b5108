"""A forge tells one replica of a push, and all of them read it: who looks after the organisation may be another one."""

from __future__ import annotations

import uuid

import pytest

from controller.domain.status import SyncStatus
from controller.reconcile.services import Services
from controller.repository.repository import Repository
from controller.service.feeds import GitFeed
from tests.safety.test_workers import Running, running
from tests.support.sources import inbound
from tests.support.world import World

DAY_S = 24 * 3600.0


def feed(world: World, services: Services) -> GitFeed:
    """Of a clone of its own, which is polled once a day."""
    cloned = Repository.clone(str(world.remote), world.folder / f"{uuid.uuid4()}.git", branch="main")
    changed = {"repository_url": str(world.remote), "poll_interval": DAY_S}
    services.settings = services.settings.model_copy(update=changed)
    return GitFeed(lambda: cloned, services.settings, world.clock)


def revision(replica: Running) -> str | None:
    [repository] = replica.controller.repositories
    return None if repository.workspace is None else repository.workspace.revision


async def test_a_push_that_one_replica_hears_of_is_delivered_by_the_one_that_looks_after_the_organisation(
    world: World, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_INCOMING_WEBHOOK_SECRET", "0123456789abcdef")
    world.settings = world.settings.model_copy(update={"store": database, "lease_ttl": 12.0})
    await world.restart()
    world.flow("desk", inbound("Desk"))
    world.commit()
    second = world._services("controller-b")
    async with running(world.services, feed=feed(world, world.services)) as first:
        await first.until(lambda: first.status() is SyncStatus.SYNCED, "the first replica delivers")
        async with running(second, feed=feed(world, second)) as other:
            await other.until(lambda: revision(other) is not None, "the other one has read the repository")
            began_s = world.clock.elapsed_s
            world.flow("desk", inbound("Desk", says="Good evening"))
            pushed = world.commit()
            hook = other.controller.repositories[0].hook()
            assert hook is not None
            assert hook.pushed("main")
            await first.until(lambda: revision(first) == pushed, "the first replica reads it")
            assert world.clock.elapsed_s - began_s < 60, "and does not wait for its poll"
            await first.until(lambda: world.live("inboundcall", "Desk") == "2.0", "it is delivered")
    second.store.close()
