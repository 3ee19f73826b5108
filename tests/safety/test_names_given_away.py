"""A manifest's name that leads to another organisation than before, or to the same one with other credentials."""

from __future__ import annotations

import pytest

from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.errors.delivery import DeliveryUnfinished, LeaseHeld
from controller.domain.organization_identity import OrganizationIdentity
from controller.questions.decisions import approve_plan
from controller.simulator.settings import SimulatedClient
from tests.support.audit import audit_entries
from tests.support.dialects import BOTH
from tests.support.organizations import Neighbours, apply_as, crash, identity_of, rename, writes_to
from tests.support.played_once import played_once
from tests.support.sources import inbound, module
from tests.support.world import ORGANIZATION, SECRET, URL, World


@played_once
async def cut_off(world: World) -> None:
    """The first delivery was, in its middle."""
    world.flow("hours", module("Hours"))
    world.flow("desk", inbound("Desk"))
    world.commit()
    await crash(world)


@BOTH
async def test_a_name_given_to_another_organisation_in_the_middle_of_a_delivery_is_refused(world: World) -> None:
    await cut_off(world)
    neighbours = Neighbours(world)
    left, before = identity_of(world), writes_to(neighbours.first)
    neighbours.lead_to(neighbours.other)
    world.commit()

    refused = await world.apply()

    assert isinstance(refused.error, DeliveryUnfinished)
    assert "delivery 1 (revision " in refused.error.message
    assert f"unfinished in {left}" in refused.error.message
    assert left in (refused.error.hint or "")
    assert writes_to(neighbours.other) == 0
    assert writes_to(neighbours.first) == before
    # The way out that the message names.
    neighbours.lead_to(neighbours.first)
    world.commit()
    assert (await world.apply()).delivered
    await world.assert_settled()


@BOTH
async def test_another_name_for_the_other_organisation_is_a_way_out_too(world: World) -> None:
    neighbours = Neighbours(world)
    world.flow("hours", module("Hours"))
    world.commit()
    await crash(world)
    neighbours.lead_to(neighbours.other)
    world.flow("hours", module("Hours"))
    rename(world, "fresh")
    world.commit()

    report = await apply_as(world, "fresh")

    assert report.delivered, report.error
    assert world.services.store.journal.unfinished(ORGANIZATION)


async def quarantined_in_the_first(world: World) -> Neighbours:
    """One delivery to the first organisation, and one that was rolled back there; then the name is given away."""
    await quarantined(world)
    neighbours = Neighbours(world)
    neighbours.lead_to(neighbours.other)
    world.flow("hours", module("Hours", says="We are open"))
    world.commit()
    return neighbours


@played_once
async def quarantined(world: World) -> None:
    world.flow("hours", module("Hours"))
    world.commit()
    assert (await world.apply()).delivered
    world.flow("hours", module("Hours", says="We are open"))
    world.commit()
    world.fail_publishes_of("Hours")
    assert not (await world.apply()).delivered
    world.simulator.faults.clear()
    assert [change.blocked.code for change in (await world.plan()).blocked] == ["quarantined"]


@BOTH
async def test_a_name_given_to_another_organisation_begins_afresh(world: World) -> None:
    neighbours = await quarantined_in_the_first(world)
    store = world.services.store

    looked = await world.plan()
    report = await world.apply()

    assert looked.blocked == ()
    assert looked.plan_or_raise().digest == report.plan_or_raise().digest
    assert report.delivered, report.error
    assert [change.kind.value for change in report.plan_or_raise().actions] == [
        "create" if world.dialect == ARCHITECT else "switch"
    ]
    assert {flow.version for flow in report.recorded.flows.values()} == (
        set() if world.dialect == ARCHITECT else {"1.0"}
    )
    assert [sync.id for sync in store.journal.history(ORGANIZATION)] == [report.result.sync_id]
    assert store.quarantines.active(ORGANIZATION) == ()
    [told] = [entry for entry in audit_entries(store, ORGANIZATION) if entry.action == "rebind"]
    assert len(store.journal.history(str(told.details["history_kept_as"]))) == 2
    assert store.bindings.names([str(told.details["to"])]) == [ORGANIZATION]
    await world.assert_settled()
    assert writes_to(neighbours.other) > 0


@BOTH
async def test_a_name_that_is_given_back_finds_its_history_again(world: World) -> None:
    neighbours = await quarantined_in_the_first(world)
    await world.apply()
    neighbours.lead_to(neighbours.first)
    if world.dialect == VERSIONED:
        world.manifest("hours", type="commonmodule", name="Hours", source={"version": "2.0"})
    world.commit()

    looked = await world.plan()
    report = await world.apply()

    for each in (looked, report):
        assert [change.blocked.code for change in each.blocked] == ["quarantined"]
    assert len(world.services.store.journal.history(ORGANIZATION)) == 2
    assert world.live("commonmodule", "Hours") == "1.0"


@BOTH
async def test_a_delivery_to_the_old_organisation_that_is_at_work_is_waited_for(world: World) -> None:
    neighbours = Neighbours(world)
    world.flow("hours", module("Hours"))
    world.commit()
    assert (await world.apply()).delivered
    store = world.services.store
    lease = store.leases.acquire(identity_of(world), "controller-b", manifest=ORGANIZATION)
    neighbours.lead_to(neighbours.other)
    world.flow("hours", module("Hours"))
    world.commit()

    held = await world.apply()
    store.leases.release(lease)
    report = await world.apply()

    assert isinstance(held.error, LeaseHeld)
    assert "controller-b" in held.error.message
    assert report.delivered, report.error


@BOTH
async def test_a_plan_that_was_looked_at_for_one_organisation_is_none_for_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All organisations of a region have one address: only the client tells these two apart."""
    neighbours = Neighbours(world)
    world.flow("hours", module("Hours"))
    world.commit()
    digest = (await world.plan()).plan_or_raise().digest
    monkeypatch.setenv("ACME_ID", "neighbour")
    world.simulator = neighbours.other
    world.flow("hours", module("Hours"))

    stale = await world.apply(expected_digest=digest)

    assert stale.error is not None
    assert stale.error.code == "plan-stale"
    assert writes_to(neighbours.first) == writes_to(neighbours.other) == 0


@BOTH
async def test_a_name_given_away_by_its_client_alone_is_refused_in_the_middle_of_a_delivery(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cut_off(world)
    neighbours = Neighbours(world)
    before = writes_to(neighbours.first)
    monkeypatch.setenv("ACME_ID", "neighbour")

    refused = await world.apply()

    assert isinstance(refused.error, DeliveryUnfinished)
    assert (writes_to(neighbours.first), writes_to(neighbours.other)) == (before, 0)
    monkeypatch.setenv("ACME_ID", "penstock")
    assert (await world.apply()).delivered


@BOTH
async def test_an_approval_given_before_the_first_delivery_to_the_new_organisation_counts(world: World) -> None:
    neighbours = await quarantined_in_the_first(world)
    neighbours.lead_to(neighbours.other, sync={"mode": "manual"})
    world.commit()
    looked = await world.plan()
    standing = world.status(looked)
    approve_plan(world.services, ORGANIZATION, looked.plan_or_raise().digest, by="ada")

    assert standing.last_sync is None, "what was done to the other organisation is no history of this one"
    assert (await world.apply()).delivered


# Other credentials.


@BOTH
async def test_a_client_that_was_replaced_in_the_middle_of_a_delivery(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the organisation tells who it is, nothing changes; elsewhere it might be another one, and is refused."""
    await cut_off(world)
    world.simulator.clients["rotated"] = SimulatedClient("rotated", "rotated-secret")
    monkeypatch.setenv("ACME_ID", "rotated")
    monkeypatch.setenv("ACME_SECRET", "rotated-secret")
    before = writes_to(world.simulator)

    report = await world.apply()

    if world.dialect == VERSIONED:
        assert isinstance(report.error, DeliveryUnfinished)
        assert "client penstock at" in (report.error.hint or "")
        assert writes_to(world.simulator) == before
        monkeypatch.setenv("ACME_ID", "penstock")
        monkeypatch.setenv("ACME_SECRET", SECRET)
        report = await world.apply()
    assert report.delivered, report.error
    assert len(world.publishes()) == 2
    await world.assert_settled()


@pytest.mark.parametrize("world", [ARCHITECT], indirect=True)
async def test_a_client_that_may_not_read_who_the_organisation_is_goes_by_itself_until_it_may(world: World) -> None:
    network = Neighbours(world).network
    network.secretive = True
    by_client = OrganizationIdentity(URL, "penstock").key
    world.flow("hours", module("Hours"))
    world.commit()
    await crash(world)
    bindings = world.services.store.bindings
    assert bindings.names([by_client]) == [ORGANIZATION]
    network.secretive = False

    report = await world.apply()

    assert report.delivered, report.error
    assert len(world.publishes()) == 1
    assert bindings.names([by_client]) == []
    assert bindings.names([world.simulator.organization.id]) == [ORGANIZATION]


@pytest.mark.parametrize("world", [ARCHITECT], indirect=True)
async def test_an_organisation_is_asked_once_who_it_is(world: World) -> None:
    world.flow("hours", module("Hours"))
    world.commit()
    for _ in range(2):
        await world.plan()
        await world.apply()
        await world.restart()

    assert world.simulator.calls.count("GET", "/api/v2/tokens/me") == 1
