from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgres import needed_server, new_database


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a running PostgreSQL."""
    with needed_server() as url:
        yield url


@pytest.fixture
def database(postgres: str) -> str:
    """The URL of an empty database."""
    return new_database(postgres)
