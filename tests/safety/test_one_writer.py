"""One writer for an organisation at a time, whatever manifests call it."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from controller.delivery.sync_run import DeliveryEvent
from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.errors.delivery import DeliveryUnfinished, LeaseHeld
from controller.domain.errors.repository import GitRemoteFailed
from controller.domain.status import SyncStatus
from controller.reconcile.workspace import open_folder
from controller.store.records import NewSync
from tests.safety.test_workers import running
from tests.support.dialects import BOTH
from tests.support.organizations import apply_as, crash, identity_of, names, rename, writes_to
from tests.support.sources import inbound, module
from tests.support.world import ORGANIZATION, Recording, World


def two_names(world: World, bake: str = "10m") -> None:
    """`acme` and `rival` are one organisation; each of the two manifests asks for a flow of its own, and bakes it."""
    world.flow("hours", module("Hours"), rollout={"bake": bake})
    world.flow("desk", inbound("Desk"), rollout={"bake": bake})
    names(world, acme=["hours"], rival=["desk"])
    world.commit()


def fences(world: World) -> list[int]:
    with world.services.store.database.read() as connection:
        return list(connection.execute(text("SELECT fence FROM writes ORDER BY id")).scalars())


@BOTH
@pytest.mark.parametrize("holder", ["controller-a", "controller-b"])
async def test_the_second_name_waits_while_the_first_is_at_work(world: World, holder: str) -> None:
    """Be it another controller, or another worker of the same one."""
    two_names(world)
    other = world._services(holder)
    at_work = {ORGANIZATION: "controller-a", "rival": holder}
    events: list[str] = []

    def note(name: str) -> Recording:
        return Recording(lambda _: bool(events.append(name)))

    try:
        reports = await asyncio.gather(
            apply_as(world, ORGANIZATION, listener=note(ORGANIZATION)),
            apply_as(world, "rival", other, listener=note("rival")),
        )
        first, second = sorted(reports, key=lambda report: report.error is not None)
        name = first.organization

        assert first.delivered, first.error
        assert isinstance(second.error, LeaseHeld)
        told = f"{at_work[name]} is at work on it, the same organisation, for the manifest {name}"
        assert told in second.error.message
        assert 0 < second.error.retry_after_s <= world.settings.lease_ttl
        assert set(events) == {name}
        later = await apply_as(world, second.organization, other)
        assert later.delivered, later.error
    finally:
        await other.disconnect()
        other.store.close()
    assert fences(world) == sorted(fences(world))
    assert world.versions() == {"commonmodule/Hours": "1.0", "inboundcall/Desk": "1.0"}


@BOTH
async def test_both_dialects_of_one_client_are_one_organisation(world: World) -> None:
    """What was learnt over one API counts for the other, in either order."""
    world.flow("hours", module("Hours"), rollout={"bake": "10m"})
    names(world, acme=["hours"], rival=[])
    manifest = world.clone / "rival" / "organization.yaml"
    over = {ARCHITECT: VERSIONED, VERSIONED: ARCHITECT}[world.dialect]
    manifest.write_text(manifest.read_text().replace(f"api: {world.dialect}", f"api: {over}"))
    world.commit()
    other = world._services("controller-b")
    try:
        first, second = await asyncio.gather(apply_as(world, ORGANIZATION), apply_as(world, "rival", other))
        [held] = [each.error for each in (first, second) if each.error is not None]
        assert isinstance(held, LeaseHeld)
        assert "the same organisation, for the manifest" in held.message
        assert (await apply_as(world, "rival", other)).error is None
        assert (await apply_as(world, ORGANIZATION)).error is None
        assert world.services.store.bindings.names([world.simulator.organization.id]) == [ORGANIZATION, "rival"]
    finally:
        await other.disconnect()
        other.store.close()


@BOTH
async def test_a_delivery_left_open_under_another_name_is_ended_there_before_anything_new(world: World) -> None:
    world.flow("hours", module("Hours"))
    world.flow("desk", inbound("Desk"))
    world.commit()
    await crash(world)
    before = writes_to(world.simulator)
    rename(world, "renamed")
    world.commit()

    refused = await apply_as(world, "renamed")

    assert isinstance(refused.error, DeliveryUnfinished)
    assert "acme is the same organisation" in refused.error.message
    assert "delivery 1 (revision " in refused.error.message
    assert writes_to(world.simulator) == before
    # The way out that the message names.
    rename(world, ORGANIZATION)
    world.commit()
    assert (await world.apply()).delivered
    rename(world, "renamed")
    world.commit()
    report = await apply_as(world, "renamed")
    assert report.delivered, report.error
    assert world.versions() == {"commonmodule/Hours": "1.0", "inboundcall/Desk": "1.0"}


@BOTH
async def test_two_deliveries_left_open_under_two_names_do_not_wait_for_each_other_for_ever(world: World) -> None:
    """Each name ends its own before it looks at the other."""
    two_names(world)
    await crash(world)
    store = world.services.store
    left_open_by_an_older_version(world, "rival")

    first = await apply_as(world, ORGANIZATION)
    assert isinstance(first.error, DeliveryUnfinished)
    assert store.journal.unfinished(ORGANIZATION) == []
    assert (await apply_as(world, "rival")).delivered
    assert (await apply_as(world, ORGANIZATION)).delivered


def left_open_by_an_older_version(world: World, name: str) -> None:
    store = world.services.store
    lease = store.leases.acquire(identity_of(world), "controller-a", manifest=name)
    store.bindings.bind(name, identity_of(world))
    store.journal.begin(lease, NewSync(name, "none", "sha256:0", "ada", "test", "halt"), [])
    store.leases.release(lease)


@BOTH
async def test_what_only_waits_for_git_under_another_name_holds_nobody_back(world: World) -> None:
    """A record that cannot be pushed may wait for long; it changes nothing in the organisation."""
    two_names(world)
    away = world.folder / "away.git"

    def lose_git(event: DeliveryEvent) -> bool:
        if event.name == "sync.finished":
            world.remote.rename(away)
        return False

    stuck = await apply_as(world, ORGANIZATION, listener=Recording(lose_git))
    away.rename(world.remote)
    assert isinstance(stuck.error, GitRemoteFailed)
    assert world.services.store.journal.unfinished(ORGANIZATION)

    report = await apply_as(world, "rival")

    assert report.delivered, report.error


@pytest.mark.parametrize("world", [ARCHITECT], indirect=True)
async def test_a_service_with_two_names_for_one_organisation_serves_both_in_turn(world: World) -> None:
    two_names(world, bake="3m")
    async with running(world.services) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        for name in (ORGANIZATION, "rival"):
            await service.until(lambda name=name: service.status(name) is SyncStatus.SYNCED, f"{name} is delivered")

    assert world.versions() == {"commonmodule/Hours": "1.0", "inboundcall/Desk": "1.0"}
    assert fences(world) == sorted(fences(world))
