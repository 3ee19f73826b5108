"""A client of `--server`, and the server that answers it as a test scripts it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controller.cli.remote import ControllerClient
from tests.support.scripted import Served


@pytest.fixture
def served() -> Iterator[Served]:
    with Served() as made:
        yield made


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def remote(served: Served, pauses: list[float]) -> Iterator[ControllerClient]:
    with ControllerClient(served.url, "token-of-ada", pauses.append) as made:
        yield made
