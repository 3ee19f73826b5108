"""What the store lists is what the manifests say, before any pass has seen it; an early start hides nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sqlalchemy import text

from controller.domain.status import Health
from controller.store.actions import NewAction, Verb
from controller.store.flow_filter import FlowFilter
from controller.store.store import Store
from tests.safety.test_workers import running
from tests.support.sources import inbound
from tests.support.world import ORGANIZATION, World


def healths(store: Store) -> dict[str, tuple[Health, str]]:
    return {flow.flow: (flow.health, flow.message) for flow in store.views.flows(ORGANIZATION, FlowFilter()).items}


def baking(store: Store) -> bool:
    found = store.running.of(ORGANIZATION)
    return found is not None and any(flow.state == "baking" for flow in found.flows)


@contextlib.contextmanager
def without(store: Store, table: str) -> Iterator[None]:
    """The store fails where it needs this table."""
    with store.database.write() as connection:
        connection.execute(text(f"ALTER TABLE {table} RENAME TO away"))
    yield
    with store.database.write() as connection:
        connection.execute(text(f"ALTER TABLE away RENAME TO {table}"))


async def test_a_new_flow_of_a_listed_organisation_is_listed_when_its_manifest_is_read(world: World) -> None:
    world.flow("desk", inbound("Desk"))
    world.commit()
    store = world.services.store
    async with running(world.services) as service:
        service.feed.give(world.workspace())
        await service.until(lambda: (found := healths(store)) and found["desk"][0] is Health.HEALTHY, "it is delivered")
        world.flow("desk", inbound("Desk", says="New"), rollout={"bake": "10m"})
        world.flow("night", inbound("Night"), rollout={"bake": "10m"})
        world.commit()
        service.feed.give(world.workspace())
        await service.until(lambda: baking(store), "the delivery runs")
        found, view = healths(store), store.views.organization(ORGANIZATION)
        assert view is not None
        assert found.keys() == {"desk", "night"}
        assert found["night"][1] == "no pass has found its state yet"
        assert view.flows == {"Healthy": 1, "Unknown": 1}
        await service.until(lambda: healths(store)["night"][0] is Health.HEALTHY, "it is delivered, too")
    view = store.views.organization(ORGANIZATION)
    assert view is not None
    assert view.flows == {"Healthy": 2}


async def test_a_pass_that_began_before_the_store_answered_stays_shown(world: World) -> None:
    """What an earlier run of the process left is closed all the same."""
    world.flow("desk", inbound("Desk"), rollout={"bake": "10m"})
    world.commit()
    store, holder = world.services.store, world.services.holder
    store.running.begin("left", holder, step="deliver", trigger="poll")
    wanted = {"organization": "left", "verb": Verb.SYNC, "by": "ada", "reason": "x", "key": "k"}
    old, _ = store.actions.ask(NewAction(**wanted))
    assert store.actions.take("left", holder) is not None
    world.clock.advance(5)
    with without(store, "actions"):
        async with contextlib.AsyncExitStack() as stack:
            service = await stack.enter_async_context(running(world.services))
            service.feed.give(world.workspace())
            await service.until(lambda: baking(store), "it bakes")
            await world.clock.sleep(3)
            kept = stack.pop_all()
    async with kept:
        await world.clock.sleep(5)
        assert baking(store)
        assert store.running.of("left") is None
        closed = store.actions.get(old.id)
        assert closed is not None
        assert closed.outcome == "interrupted"
        await service.until(lambda: store.running.of(ORGANIZATION) is None, "it has ended")
