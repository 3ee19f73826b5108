"""The OAuth scopes that a manifest lists are what tokens are asked for, and nothing beyond them can be done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controller.domain.capabilities import VERSIONED
from controller.genesys.permissions import permissions_needed
from controller.questions.preflight import operations_needed
from controller.reconcile.workspace import open_folder
from tests.support.sources import inbound
from tests.support.world import SECRET, World


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setenv("ACME_ID", "penstock")
    monkeypatch.setenv("ACME_SECRET", SECRET)
    made = World(tmp_path, dialect=VERSIONED)
    made.flow("front", inbound("Front"))
    made.commit()
    yield made
    await made.close()


def ask_for(world: World, *scopes: str) -> None:
    """Commit a manifest that lists these."""
    ids = {"clientId": {"env": "ACME_ID"}, "clientSecret": {"env": "ACME_SECRET"}}
    world.describe(credentials={**ids, "scopes": list(scopes)})
    world.commit()


def needed(world: World) -> frozenset[str]:
    [organization] = open_folder(world.clone, world.settings).desired.organizations
    return permissions_needed(VERSIONED, operations_needed(organization))


async def test_a_delivery_gets_along_with_the_documented_scopes(world: World) -> None:
    ask_for(world, *sorted(needed(world)))
    assert (await world.apply()).delivered
    assert world.simulator.calls.count(status=403) == 0
    await world.assert_settled()


async def test_a_scope_that_is_not_asked_for_is_missing_until_a_commit_asks_for_it(world: World) -> None:
    """The client holds it all the while; the next pass of the same process asks for a token with it."""
    scopes = needed(world)
    ask_for(world, *sorted(scopes - {"flow:publish"}))
    refused = await world.apply()
    [step] = refused.result.steps
    assert step.error is not None
    assert step.error.code == "permission-missing"
    assert "flow:publish" in step.error.message
    assert world.publishes() == []

    ask_for(world, *sorted(scopes))
    assert (await world.apply()).delivered
    await world.assert_settled()
