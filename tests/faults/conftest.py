"""A world that the rows of a table share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.world import SECRET, World


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """Its parameter is the dialect, and what its rows have in common."""
    dialect, _ = request.param
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ACME_ID", "penstock")
        environment.setenv("ACME_SECRET", SECRET)
        world = World(tmp_path_factory.mktemp("world"), dialect=dialect)
        yield world
        await world.close()
