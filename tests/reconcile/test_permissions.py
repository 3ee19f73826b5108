"""The documented permissions are the ones it takes: a client with just these delivers, and calls nothing else."""

from __future__ import annotations

import pytest

from controller.domain.capabilities import ARCHITECT, CAPABILITIES
from controller.genesys.permissions import OPERATIONS, PERMISSIONS, permissions_needed
from controller.questions.preflight import operations_needed, preflight_organization
from controller.reconcile.workspace import open_folder
from controller.simulator.app import ARCHITECT as ARCHITECT_ROUTES
from controller.simulator.app import VERSIONED as VERSIONED_ROUTES
from controller.simulator.settings import SimulatedClient
from tests.support.dialects import BOTH
from tests.support.sources import inbound, module
from tests.support.world import SECRET, World

GATE = {"errorRate": {"window": "5m", "minimumSamples": 1, "max": "50%", "onNoData": "pass"}}


@pytest.fixture
async def world(world: World) -> World:
    world.flow("hours", module("Hours"))
    world.flow("desk", inbound("Desk", calls=["Hours"]), gates=[GATE])
    world.commit()
    return world


def restrict(world: World, *, without: str | None = None) -> frozenset[str]:
    """Give the client what the manifests need and nothing else; which permissions those are."""
    [organization] = open_folder(world.clone, world.settings).desired.organizations
    needed = permissions_needed(world.dialect, operations_needed(organization))
    client = SimulatedClient("penstock", SECRET, permissions=needed - {without})
    world.simulator.clients["penstock"] = client
    world.simulator.tokens.expire_all(world.clock.now())
    return needed


async def deliver_fail_and_roll_back(world: World) -> None:
    assert (await world.apply()).delivered
    world.flow("hours", module("Hours", says="We are open"))
    world.flow("desk", inbound("Desk", says="Second", calls=["Hours"]), gates=[GATE])
    world.commit()
    world.fail_publishes_of("Desk")
    assert (await world.apply()).result.outcome.value == "rolled-back"
    world.simulator.faults.clear()
    assert (await world.apply(retry=True)).delivered
    await world.assert_settled()


@BOTH
async def test_a_client_with_the_documented_permissions_delivers_and_rolls_back(world: World) -> None:
    restrict(world)

    await deliver_fail_and_roll_back(world)

    made = world.simulator.calls.report()["calls"]
    refused = {f"{call['method']} {call['route']}" for call in made if call["statuses"].get("403")}
    assert refused <= set(OPERATIONS[ARCHITECT]["recording"]), "asked only to say why a gate sees nothing"
    called = {f"{call['method']} {call['route']}" for call in world.simulator.calls.report()["calls"]}
    api = {call for call in called if " /api/v2/" in call}
    assert api
    assert api <= PERMISSIONS[world.dialect].keys()


@BOTH
async def test_without_any_one_of_them_preflight_says_which(world: World) -> None:
    if world.dialect != ARCHITECT:
        pytest.skip("the versioned dialect has no call that tells a client its scopes")
    [organization] = open_folder(world.clone, world.settings).desired.organizations
    for permission in sorted(restrict(world)):
        restrict(world, without=permission)
        report = await preflight_organization(world.services, organization)
        assert report.missing_permissions == (permission,)
        assert not report.ok


@BOTH
async def test_a_plan_is_the_same_for_clients_that_may_do_more_or_less(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever approves a plan need not look with the controller's own client."""
    assert (await world.apply()).delivered
    world.flow("hours", module("Hours", says="We are open"))
    world.commit()
    key, version = world._check_in(inbound("Desk", says="By hand"))
    world._publish_by_hand(key, version)
    everything = (await world.plan()).plan_or_raise()
    needed = restrict(world)
    looking = needed & {"architect:flow:view", "flow:view", "routing:flow:read", "flow:version:read"}
    world.simulator.clients["looking"] = SimulatedClient(
        "looking", SECRET, name="Someone who looks", permissions=looking
    )
    monkeypatch.setenv("ACME_ID", "looking")
    await world.restart()

    little = (await world.plan()).plan_or_raise()

    assert little.actions == everything.actions
    assert little.actions
    assert little.digest == everything.digest


async def test_a_removal_that_the_client_may_not_ask_the_index_about_is_another_plan_and_always_the_same(
    world: World,
) -> None:
    world.flow("old", inbound("Old"))
    world.describe(sync={"prune": True})
    world.commit()
    assert (await world.apply()).delivered
    world.remove("old")
    world.commit()
    allowed = (await world.plan()).plan_or_raise()
    restrict(world, without="architect:dependencyTracking:view")

    first, second = (await world.plan()).plan_or_raise(), (await world.plan()).plan_or_raise()

    assert [change.blocked.code for change in first.actions if change.blocked] == ["consumers-unknown"]
    assert first.digest == second.digest
    assert first.digest != allowed.digest


@pytest.mark.parametrize("dialect", sorted(CAPABILITIES))
def test_the_simulator_demands_what_the_page_says(dialect: str) -> None:
    """Client and simulator were written apart from the same sources; here they are held against each other."""
    routes = ARCHITECT_ROUTES if dialect == ARCHITECT else (*ARCHITECT_ROUTES, *VERSIONED_ROUTES)
    demanded = {f"{endpoint.method} {endpoint.template}": endpoint for endpoint in routes}
    for calls in OPERATIONS[dialect].values():
        for call in calls:
            endpoint, told = demanded[call], set(PERMISSIONS[dialect][call])
            wanted = set(endpoint.permissions)
            assert wanted <= told if endpoint.every else not wanted or wanted & told, call
