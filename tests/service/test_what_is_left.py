"""What there is to do after a delivery is shown at its end, and what has not begun while it runs."""

from __future__ import annotations

import httpx

from controller.domain.status import SyncStatus
from controller.questions.live_document import OrganizationDocument, WaitingChangeDocument
from controller.questions.live_state import flow_now, organization_now, organizations_now, running_now
from controller.questions.stored_plan import plan_now
from controller.store.running import PlannedChange
from controller.store.store import Store
from controller.store.views import OrganizationView
from tests.pages.served import GRACE, application
from tests.pages.showroom import Showroom
from tests.safety.test_workers import running
from tests.support.sources import inbound, module
from tests.support.world import ORGANIZATION, World

DAY_S = 86_400.0


def view(store: Store) -> OrganizationView:
    found = store.views.organization(ORGANIZATION)
    assert found is not None
    return found


def shown(world: World) -> OrganizationDocument:
    return organization_now(world.services.store, view(world.services.store), world.clock.now())


async def page(world: World, address: str) -> str:
    async with application(Showroom(world, world.workspace(), ())).client(GRACE) as client:
        answer: httpx.Response = await client.get(f"/organizations/{ORGANIZATION}{address}")
    assert answer.status_code == 200
    return answer.text


async def test_after_a_delivery_the_plan_that_holds_is_shown_before_the_next_look(world: World) -> None:
    world.flow("desk", inbound("Desk"))
    world.commit()
    store = world.services.store
    async with running(world.services, drift_interval=DAY_S) as service:
        service.feed.give(world.workspace())
        await service.until(
            lambda: (found := store.views.organization(ORGANIZATION)) and found.revision, "the pass has ended"
        )
        kept = view(store)
        document = plan_now(kept)
        assert document is not None
        assert (kept.sync, list(document.organizations[0].changes)) == (SyncStatus.SYNCED, [])
        assert document.digest == kept.plan_digest == (await world.plan()).plan_or_raise().digest
        assert "nothing to do" in (await page(world, "/plan")).lower()
        flow = store.views.flow(ORGANIZATION, "desk")
        assert flow is not None
        assert (flow.version, flow.recorded, flow.change) == ("1.0", "1.0", "none")


async def test_what_a_delivery_could_not_do_is_the_plan_that_is_shown_and_can_be_approved(world: World) -> None:
    world.describe(sync={"mode": "manual"}, safety={"maxUpdatePercent": 100})
    world.flow("desk", inbound("Desk"))
    world.flow("hours", inbound("Hours"))
    world.commit()
    store = world.services.store
    async with running(world.services, drift_interval=DAY_S) as service:
        service.feed.give(world.workspace())
        await service.until(
            lambda: (found := store.views.organization(ORGANIZATION)) and found.plan_digest, "it has looked"
        )
        first = view(store).plan_digest
        world.fail_publishes_of("Hours")
        store.approvals.give(ORGANIZATION, first, by="ada")
        await service.until(lambda: store.journal.history(ORGANIZATION), "the approved plan is delivered")
        await service.until(lambda: view(store).plan_digest != first, "the plan that is left is shown")
        kept = view(store)
        document = plan_now(kept)
        assert document is not None
        assert [change.flow for change in document.organizations[0].changes] != []
        assert document.digest == kept.plan_digest == (await world.plan()).plan_or_raise().digest


async def test_changes_that_have_not_begun_are_shown_with_what_they_wait_for(world: World) -> None:
    world.flow("hours", module("Hours"), rollout={"bake": "1h"})
    world.flow("front", inbound("Front", calls=["Hours"]))
    world.commit()
    store = world.services.store
    async with running(world.services) as service:
        service.feed.give(world.workspace())
        await service.until(lambda: (found := store.running.of(ORGANIZATION)) and found.flows, "a change has begun")
        await world.clock.sleep(60)
        waiting = WaitingChangeDocument(flow="front", kind="create", wave=2, waits_for=["hours"])
        found = shown(world).organization.running
        assert found is not None
        assert (list(found.waiting or ()), found.waiting_total) == ([waiting], 1)
        assert [flow.flow for flow in found.flows] == ["hours"]
        assert running_now(store, lambda _: True, world.clock.now()).passes == [found]
        (listed,) = organizations_now(store, lambda _: True, world.clock.now()).organizations
        assert listed.running is not None
        assert (listed.running.waiting, listed.running.waiting_total) == (None, None)
        front = store.views.flow(ORGANIZATION, "front")
        assert front is not None
        now = flow_now(store, view(store), front, world.clock.now())
        assert (now.running, now.waiting) == (None, waiting)
        for address in ("", "/flows/front"):
            assert "Not begun yet" in await page(world, address)
        await service.until(lambda: service.status() is SyncStatus.SYNCED, "it is delivered")
    assert shown(world).organization.running is None


def test_ten_thousand_changes_that_wait_are_counted_and_the_first_are_listed(world: World) -> None:
    store, now = world.services.store, world.clock.now()
    store.running.begin(ORGANIZATION, "node-a", step="deliver", trigger="poll")
    store.running.deliver(ORGANIZATION, [PlannedChange(f"flow-{n}", "publish", 1 + n // 100) for n in range(10_000)])
    (found,) = running_now(store, lambda _: True, now).passes
    assert (len(found.waiting or ()), found.waiting_total) == (100, 10_000)
    store.running.begin(ORGANIZATION, "node-b", step="recover", trigger="start")
    assert store.running.planned(ORGANIZATION) == ()
