from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.availability.rivals import Rivals, make_service
from tests.support.postgres import needed_server, new_store
from tests.support.shell import simulator_thread
from tests.support.world import World


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a running PostgreSQL."""
    with needed_server() as server:
        yield server.url


@pytest.fixture
def database(postgres: str) -> str:
    """The URL of a store that nothing was written to."""
    return new_store(postgres)


@pytest.fixture
def rivals(world: World, database: str, tmp_path: Path) -> Iterator[Rivals]:
    with simulator_thread(rate_limit=6000) as url:
        world.describe(apiUrl=url, loginUrl=url)
        one = make_service(world, url, database, tmp_path / "one", "one")
        other = make_service(world, url, database, tmp_path / "other", "other")
        yield Rivals(world, url, database, one, other)
        for service in (one, other):
            if service.process is not None and service.process.poll() is None:
                service.process.kill()
                service.process.wait()
