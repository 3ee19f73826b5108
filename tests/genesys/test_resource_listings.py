"""The listings of resources are read as Genesys' SDK describes them, page by page, once, and never taken for more."""

from __future__ import annotations

import httpx
import pytest

from controller.domain.desired import Endpoint
from controller.domain.errors.organization import AuthenticationFailed
from controller.domain.resources import ResourceListing
from controller.genesys.architect.resource_kinds import RESOURCE_KINDS
from controller.genesys.architect.resource_listings import MOST_PAGES, ArchitectResourceListings
from controller.genesys.connect import open_transport
from controller.genesys.settings import TransportSettings
from tests.genesys.scripted import API, LOGIN, SECRET, granted, refusal, reply, script
from tests.simulator.sdk_models import mistakes
from tests.support.clock import SteppedClock
from tests.support.resource_server import LISTINGS, PATHS, Resources


class _Login(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/oauth/token"
        return granted()


def served(clock: SteppedClock, resources: Resources) -> ArchitectResourceListings:
    resources.behind = _Login()
    settings = TransportSettings(retries=0)
    endpoint = Endpoint(None, API, LOGIN)
    transport = open_transport(endpoint, "client", SECRET, clock=clock, settings=settings, http=resources)  # type: ignore[arg-type]
    return ArchitectResourceListings(transport)


@pytest.mark.parametrize("kind", sorted(RESOURCE_KINDS))
async def test_every_kind_is_read_from_the_listing_that_the_sdk_describes(clock: SteppedClock, kind: str) -> None:
    """The answer that the client reads has no mistake by the models of Genesys' SDK."""
    name = "Integration / Look it up" if kind == "data-action" else "Anything"
    resources = Resources()
    resources.names[kind] = [name]
    assert RESOURCE_KINDS[kind].route == PATHS[kind]
    assert list(mistakes(resources.page(kind, httpx.QueryParams()), LISTINGS[kind])) == []

    found = await served(clock, resources).of([kind])

    assert (list(found[kind].names), found[kind].unknown) == ([name], None)


async def test_a_listing_is_read_to_its_end_at_the_pages_that_the_organisation_gives(clock: SteppedClock) -> None:
    resources = Resources()
    names = [f"Name {number}" for number in range(1_050)]
    resources.names |= {"queue": names, "skill": names, "knowledge-base": names}

    found = await served(clock, resources).of(["queue", "skill", "knowledge-base"])

    assert all(set(listing.names) == set(names) for listing in found.values())
    assert resources.calls == {"queue": 3, "skill": 11, "knowledge-base": 11}


async def test_columns_and_languages_come_with_the_listing(clock: SteppedClock) -> None:
    resources = Resources(columns={"Hours": ["Open"]}, languages={"Hello": ["en-us", "de-de"]})
    resources.names |= {"data-table": ["Hours"], "user-prompt": ["Hello"]}

    found = await served(clock, resources).of(["data-table", "user-prompt"])

    assert found["data-table"].names == {"Hours": frozenset({"key", "Open"})}
    assert found["user-prompt"].names == {"Hello": frozenset({"en-us", "de-de"})}
    assert {"expand": "schema", "pageSize": "100", "pageNumber": "1"} in resources.queries


async def test_the_same_kind_costs_no_call_until_the_interval_has_passed(clock: SteppedClock) -> None:
    resources, listings = Resources(), None
    listings = served(clock, resources)
    resources.names["queue"] = ["Sales"]

    await listings.of(["queue"])
    resources.names["queue"].append("Service")
    assert "Service" not in (await listings.of(["queue"]))["queue"].names
    assert resources.calls["queue"] == 1
    await clock.sleep(301)
    assert "Service" in (await listings.of(["queue"]))["queue"].names
    assert resources.calls["queue"] == 2


async def test_a_fresh_look_reads_again_at_once(clock: SteppedClock) -> None:
    resources = Resources()
    listings = served(clock, resources)

    await listings.of(["queue"])
    resources.names["queue"].append("Service")

    assert "Service" in (await listings.of(["queue"], fresh=True))["queue"].names


@pytest.mark.parametrize("status", [403, 404, 405])
async def test_a_listing_that_is_refused_makes_its_kind_unknown_and_no_other(clock: SteppedClock, status: int) -> None:
    resources = Resources(refused={"queue": status})
    resources.names["skill"] = ["English"]

    found = await served(clock, resources).of(["queue", "skill"])

    assert found["skill"].unknown is None
    told = found["queue"].unknown
    assert told is not None
    assert ("it needs routing:queue:view" in told) is (status == 403)


async def test_a_refusal_is_remembered_for_the_interval(clock: SteppedClock) -> None:
    resources = Resources(refused={"queue": 403})
    listings = served(clock, resources)

    await listings.of(["queue"])
    await listings.of(["queue"])

    assert resources.calls["queue"] == 1


async def _read(clock: SteppedClock, *replies: httpx.Response) -> ResourceListing:
    listings = ArchitectResourceListings(script(*replies).transport(clock, TransportSettings(retries=0)))
    return (await listings.of(["queue"]))["queue"]


async def test_a_listing_that_does_not_add_up_proves_nothing(clock: SteppedClock) -> None:
    """Ten are announced and one is shown, twice."""
    row = {"id": "q1", "name": "Sales"}
    one = reply(body={"entities": [row], "total": 10, "pageSize": 500, "pageNumber": 1, "pageCount": 1})
    nothing = reply(body={"entities": [], "total": 10, "pageSize": 500, "pageNumber": 2, "pageCount": 1})

    found = await _read(clock, one, nothing, one, nothing)

    assert found.unknown == "their listing changed while it was read"


@pytest.mark.parametrize(("status", "headers"), [(206, {}), (200, {"Penstock-Complete": "false"})])
async def test_a_partial_listing_proves_nothing_and_is_nobodys_fault(
    clock: SteppedClock, status: int, headers: dict[str, str]
) -> None:
    body = {"entities": [{"id": "q1", "name": "Sales"}], "total": 1, "pageSize": 500, "pageNumber": 1, "pageCount": 1}
    found = await _read(clock, reply(status, body, headers=headers))
    assert (found.partial, found.unknown is not None) == (True, True)


async def test_more_names_than_are_kept_cost_one_call(clock: SteppedClock) -> None:
    many = MOST_PAGES * 500 + 1
    body = {"entities": [{"id": "q1", "name": "Sales"}], "total": many, "pageSize": 500, "pageCount": MOST_PAGES + 1}
    organization = script(reply(body=body))
    listings = ArchitectResourceListings(organization.transport(clock))

    found = await listings.of(["queue"])

    assert found["queue"].unknown == "there are more than 50,000 of them"
    assert len(organization.requests) == 1


async def test_a_server_fault_is_not_remembered(clock: SteppedClock) -> None:
    good = reply(body={"entities": [], "total": 0, "pageSize": 500, "pageNumber": 1, "pageCount": 0})
    organization = script(refusal(500, "internal", "Something broke."), good)
    listings = ArchitectResourceListings(organization.transport(clock, TransportSettings(retries=0)))

    assert (await listings.of(["queue"]))["queue"].unknown is not None
    assert (await listings.of(["queue"]))["queue"].unknown is None


async def test_a_wrong_secret_is_no_doubt_about_a_kind(clock: SteppedClock) -> None:
    organization = script(reply(), tokens=[refusal(401, "invalid_client", "No.")])
    listings = ArchitectResourceListings(organization.transport(clock, TransportSettings(retries=0)))
    with pytest.raises(AuthenticationFailed):
        await listings.of(["queue"])
