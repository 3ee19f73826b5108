from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.store.store import Store
from tests.support.clock import SteppedClock
from tests.support.postgres import drop, needed_server, new_database, new_store
from tests.support.stores import prepare


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a running PostgreSQL."""
    with needed_server() as server:
        yield server.url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store with its schema: each test runs on both kinds."""
    if request.param == "sqlite":
        (tmp_path / "state").mkdir(mode=0o700)
        prepare(tmp_path / "state" / "penstock.db")
        yield f"sqlite:///{tmp_path}/state/penstock.db"
        return
    server: str = request.getfixturevalue("postgres")
    made = new_store(server)
    yield made
    drop(server, made)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a store can be opened, and none was yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/state/penstock.db"
        return
    server: str = request.getfixturevalue("postgres")
    made = new_database(server)
    yield made
    drop(server, made)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def store(url: str, clock: SteppedClock) -> Iterator[Store]:
    with Store.open(url, clock=clock) as opened:
        yield opened
