"""Which organisation it is: its own id where the dialect and the client's rights tell it, else address and client."""

from __future__ import annotations

import httpx
import pytest

from controller.domain.errors.organization import ServerFault
from controller.domain.organization_identity import OrganizationIdentity
from controller.genesys.connect import ArchitectPlatform, VersionedPlatform
from controller.genesys.settings import TransportSettings
from controller.simulator.settings import SimulatedClient
from controller.simulator.simulator import Simulator
from tests.genesys.conftest import Connect
from tests.genesys.scripted import refusal, reply, script
from tests.support.clock import SteppedClock

ONCE = TransportSettings(retries=0)


async def test_every_client_of_an_organisation_is_told_the_same_id(
    simulator: Simulator, open_organization: Connect
) -> None:
    simulator.clients["other"] = SimulatedClient("other", "other-secret", permissions=frozenset())

    told = [await open_organization(client).organization_id() for client in ("penstock", "other")]

    assert told == [simulator.organization.id] * 2


@pytest.mark.parametrize(
    "answer",
    [
        refusal(403, "not.authorized", "No."),
        refusal(404, "not.found", "No."),
        reply(body={}),
        reply(body={"organization": {"name": "Acme"}}),
        reply(body={"organization": {"id": ""}}),
    ],
)
async def test_a_client_that_is_not_told_has_none(clock: SteppedClock, answer: httpx.Response) -> None:
    platform = ArchitectPlatform(script(answer).transport(clock, ONCE))

    assert await platform.organization_id() is None


async def test_an_outage_is_no_answer(clock: SteppedClock) -> None:
    """Otherwise the same organisation would be taken for another one while its API is down."""
    with pytest.raises(ServerFault):
        await ArchitectPlatform(script(refusal(500, "x", "x")).transport(clock, ONCE)).organization_id()


async def test_the_versioned_dialect_is_not_asked(clock: SteppedClock) -> None:
    organization = script()

    assert await VersionedPlatform(organization.transport(clock, ONCE)).organization_id() is None
    assert organization.requests == []


def test_an_organisation_goes_by_its_id_and_else_by_its_client() -> None:
    told = OrganizationIdentity("https://api.acme.example", "client-1", "0a1b")
    untold = OrganizationIdentity("https://api.acme.example", "client-1")

    assert (told.key, untold.key) == ("0a1b", "client client-1 at https://api.acme.example")
    assert told.by_client == untold.key


@pytest.mark.parametrize("length", [201, 5000])
def test_a_name_that_is_too_long_for_a_key_is_digested(length: int) -> None:
    first, second = (OrganizationIdentity("https://a", letter * length).key for letter in "xy")

    assert len(first) < 100
    assert first != second
