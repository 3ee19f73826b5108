"""A client of `--server` with the server that a test scripts, and copies of what a module's tests begin with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.cli.remote import ControllerClient
from controller.simulator.simulator import Simulator
from tests.support.inside import InsideShell
from tests.support.kept import Kept
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


@pytest.fixture
def shell(kept: Kept, tmp_path: Path) -> InsideShell:
    """`kept` is what the module delivered before."""
    return kept.again(tmp_path)


@pytest.fixture
def simulator(kept: Kept) -> Simulator:
    return kept.simulator
