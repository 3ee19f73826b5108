"""Reading flows on the architect dialect: all of them at constant cost, one as it is now, one by its name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from controller.domain.errors.change import AmbiguousFlow
from controller.domain.errors.organization import NotFound
from controller.domain.identity import FlowKey
from controller.genesys.architect.flows import ArchitectFlows
from controller.genesys.connect import ArchitectPlatform
from controller.simulator.simulator import Simulator
from tests.genesys.conftest import Connect
from tests.genesys.hands import Hands, ivr, module
from tests.genesys.scripted import reply, script
from tests.support.clock import SteppedClock


def flow(number: int, **fields: object) -> dict[str, object]:
    """A flow as the API lists it."""
    return {"id": f"id-{number}", "name": f"Flow {number}", "type": "INBOUNDCALL", **fields}


@pytest.mark.parametrize(("page_size", "calls"), [(500, 1), (201, 1), (100, 3), (9_999, 1)])
async def test_a_listing_costs_one_call_for_each_page(
    simulator: Simulator, hands: Hands, open_organization: Connect, page_size: int, calls: int
) -> None:
    """The operator's page size, up to the largest that the dialect is known to take."""
    for number in range(201):
        await hands.make(ivr(f"Flow {number}"))
    listing = await open_organization(page_size=page_size).flows.listing()
    assert listing.complete
    assert {found.key.name for found in listing.flows} == {f"Flow {number}" for number in range(201)}
    assert simulator.calls.count("GET", "/api/v2/flows") == calls


async def test_a_page_that_is_answered_again_is_not_parsed_again(hands: Hands, open_organization: Connect) -> None:
    """An organisation at rest answers the same bytes; of another answer every flow is read anew."""
    for number in range(5):
        await hands.make(ivr(f"Flow {number}"))
    organization = open_organization(page_size=3)
    first, second = await organization.flows.listing(), await organization.flows.listing()
    await hands.do("lock", first.flows[4].id)
    third = await organization.flows.listing()

    same = [(one is two, two is three) for one, two, three in zip(first.flows, second.flows, third.flows, strict=True)]
    assert same == 3 * [(True, True)] + 2 * [(True, False)]
    assert third.flows[3] == first.flows[3]
    assert third.flows[4].locked_by is not None


async def test_an_empty_organisation_costs_one_call(simulator: Simulator, organization: ArchitectPlatform) -> None:
    listing = await organization.flows.listing()
    assert (list(listing.flows), listing.complete) == ([], True)
    assert simulator.calls.count("GET", "/api/v2/flows") == 1


async def test_a_live_flow_tells_its_versions_publisher_and_division(
    hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    flow_id = await hands.make(ivr())
    clock.advance(60)
    await hands.do("publish", flow_id, by="Grace Hopper")
    await hands.do("checkin", flow_id)
    found = await organization.flows.get(flow_id)
    assert found
    assert found.key == FlowKey("inboundcall", "Main IVR")
    assert (found.published_version, found.checked_in_version, found.status) == ("2.0", "3.0", "published")
    assert (found.published_by, found.published_at) == ("Grace Hopper", clock.start + timedelta(seconds=60))
    assert (found.division, found.locked_by, found.has_draft) == ("Home", None, False)


async def test_a_lock_tells_who_holds_it_and_since_when(
    hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    flow_id = await hands.make(ivr())
    clock.advance(90)
    await hands.do("draft", flow_id, by="Grace Hopper", text=ivr(says="Hello"))
    found = await organization.flows.get(flow_id)
    assert found
    assert found.locked_by
    assert (found.locked_by.name, found.locked_by.kind) == ("Grace Hopper", "user")
    assert found.locked_by.since == clock.start + timedelta(seconds=90)
    assert found.has_draft


async def test_a_lock_of_a_service_client_names_the_client(clock: SteppedClock) -> None:
    body = {"entities": [flow(1, lockedClient={"id": "c1", "name": "CX as Code"})], "total": 1}
    listing = await ArchitectFlows(script(reply(body=body)).transport(clock)).listing()
    assert listing.flows[0].locked_by
    assert (listing.flows[0].locked_by.name, listing.flows[0].locked_by.kind) == ("CX as Code", "client")


async def test_deleted_flows_and_system_flows_are_left_out(clock: SteppedClock) -> None:
    body = {"entities": [flow(1), flow(2, deleted=True), flow(3, system=True)], "total": 3, "pageCount": 1}
    listing = await ArchitectFlows(script(reply(body=body)).transport(clock)).listing()
    assert [found.id for found in listing.flows] == ["id-1"]
    assert listing.complete


def _page(numbers: range, total: int) -> object:
    return reply(body={"entities": [flow(number) for number in numbers], "total": total})


async def test_a_listing_that_changed_underneath_is_read_once_more(clock: SteppedClock) -> None:
    """A flow that slid from one page to the next came twice; the second reading is whole."""
    organization = script(
        _page(range(100), 150), _page(range(99, 149), 150), _page(range(100), 150), _page(range(100, 150), 150)
    )
    listing = await ArchitectFlows(organization.transport(clock)).listing()
    assert listing.complete
    assert len(listing.flows) == 150
    assert len(organization.requests) == 4


@pytest.mark.parametrize("total", [150, 151])
async def test_a_listing_that_keeps_changing_is_not_complete(clock: SteppedClock, total: int) -> None:
    """Then a flow that is missing proves nothing."""
    overlapping = [_page(range(100), 150), _page(range(total - 51, total - 1), total)]
    overlapping += [_page(range(0), total)] if total == 151 else []
    organization = script(*overlapping, *overlapping)
    listing = await ArchitectFlows(organization.transport(clock)).listing()
    assert not listing.complete
    assert len(organization.requests) == 2 * len(overlapping)


async def test_a_flow_that_never_was_or_was_deleted_is_none(hands: Hands, organization: ArchitectPlatform) -> None:
    flow_id = await hands.make(ivr())
    await hands.do("delete", flow_id)
    assert await organization.flows.get(flow_id) is None
    assert await organization.flows.get("00000000-0000-4000-8000-000000000000") is None


async def test_a_flow_is_found_by_its_exact_type_and_name(hands: Hands, organization: ArchitectPlatform) -> None:
    """The API's filter matches parts of names and ignores case; a trailing space counts."""
    wanted = await hands.make(ivr("Main"))
    for name in ("main", "Main IVR", '"Main "'):
        await hands.make(ivr(name))
    await hands.make(module("Main"))
    found = await organization.flows.find(FlowKey("inboundcall", "Main"))
    assert found
    assert found.id == wanted
    assert (await organization.flows.find(FlowKey("inboundcall", "Main "))) is not None
    assert (await organization.flows.find(FlowKey("commonmodule", "Main"))) is not None
    assert await organization.flows.find(FlowKey("inboundcall", "MAIN")) is None
    assert await organization.flows.find(FlowKey("workflow", "Main")) is None


async def test_two_flows_of_one_type_and_name_are_ambiguous(clock: SteppedClock) -> None:
    twins = [flow(1, name="Main"), flow(2, name="Main"), flow(3, name="main")]
    transport = script(reply(body={"entities": twins, "total": 3})).transport(clock)
    with pytest.raises(AmbiguousFlow, match="id-1, id-2"):
        await ArchitectFlows(transport).find(FlowKey("inboundcall", "Main"))


async def test_names_with_any_character_are_found(hands: Hands, organization: ArchitectPlatform) -> None:
    for name in ("a&b=c", "50 % off", "Größe 🎉", "a+b", "#1"):
        flow_id = await hands.make(ivr(f'"{name}"'))
        found = await organization.flows.find(FlowKey("inboundcall", name))
        assert found
        assert found.id == flow_id


async def test_versions_come_newest_first_with_what_was_live_when(
    hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    flow_id = await hands.make(ivr(), by="Ada Lovelace")
    for _ in range(10):
        clock.advance(60)
        await hands.do("publish", flow_id, by="Grace Hopper")
    await hands.do("checkin", flow_id)
    versions = await organization.versions.of(flow_id)
    assert [info.version for info in versions] == [f"{number}.0" for number in range(12, 0, -1)]
    assert [info.status for info in versions[:3]] == ["draft", "deployed", "published"]
    assert versions[1].published_at == clock.start + timedelta(minutes=10)
    assert versions[1].published_until is None
    assert versions[2].published_until == versions[1].published_at
    assert (versions[-1].created_by, versions[1].created_by) == ("Ada Lovelace", "Grace Hopper")
    assert versions[-1].created_at == datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


async def test_versions_of_a_flow_that_is_gone_are_not_found(organization: ArchitectPlatform) -> None:
    with pytest.raises(NotFound, match=r"architect\.flow\.not\.found"):
        await organization.versions.of("00000000-0000-4000-8000-000000000000")


async def test_only_flows_published_after_a_moment_are_asked_for_drift(
    hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    await hands.make(ivr("Old"))
    clock.advance(3600)
    await hands.make(ivr("New"))
    changed = await organization.changes.changed_since(clock.now() - timedelta(minutes=5))
    assert [found.key.name for found in changed.flows] == ["New"]


async def test_references_come_with_ids_from_the_versions_own_manifest(
    hands: Hands, organization: ArchitectPlatform
) -> None:
    callee = await hands.make(module("Greeting"))
    flow_id = await hands.make(ivr(module="Greeting"))
    await hands.do("publish", flow_id, text=ivr())
    [reference] = await organization.versions.references(flow_id, "1.0")
    assert (reference.name, reference.types, reference.flow_id) == ("Greeting", ("commonmodule",), callee)
    assert reference.action == "callCommonModule"
    assert reference.binds_at_publish
    assert await organization.versions.references(flow_id, "2.0") == []
