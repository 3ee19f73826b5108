"""Each of the three forges, as a world with one pull request."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from controller.forges.port import ForgeKind
from tests.support.forges.worlds import KINDS, ForgeWorld, forge_world


@pytest.fixture(params=KINDS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[ForgeWorld]:
    made = forge_world(request.param)
    yield made
    for each in made.opened:
        await each.aclose()


@pytest.fixture
async def github() -> AsyncIterator[ForgeWorld]:
    made = forge_world(ForgeKind.GITHUB)
    yield made
    for each in made.opened:
        await each.aclose()


@pytest.fixture
async def gitlab() -> AsyncIterator[ForgeWorld]:
    made = forge_world(ForgeKind.GITLAB)
    yield made
    for each in made.opened:
        await each.aclose()


@pytest.fixture
async def gitea() -> AsyncIterator[ForgeWorld]:
    made = forge_world(ForgeKind.GITEA)
    yield made
    for each in made.opened:
        await each.aclose()
