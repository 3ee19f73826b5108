from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from controller.store import Store
from tests.support.clock import SteppedClock
from tests.support.postgres import running_server, server_programs


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a running PostgreSQL; skips where it is not installed, except in CI, where it must be."""
    programs = server_programs()
    if programs is None:
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL's server programs are not installed")
        pytest.skip("PostgreSQL's server programs are not installed")
    with running_server(programs) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store can be opened: each test runs on both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/penstock.db"
    server: str = request.getfixturevalue("postgres")
    name = f"s{uuid.uuid4().hex}"
    engine = create_engine(server.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def store(url: str, clock: SteppedClock) -> Iterator[Store]:
    with Store.open(url, clock=clock) as opened:
        yield opened
