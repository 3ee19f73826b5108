from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.domain.clock import SystemClock
from controller.store.store import Store
from tests.support.api import ServedApi, fill
from tests.support.stores import prepare


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedApi]:
    """The API over a store that is filled."""
    prepare(tmp_path / "api.db")
    clock = SystemClock()
    with Store.open(f"sqlite:///{tmp_path / 'api.db'}", clock=clock) as store:
        fill(store, clock)
        yield ServedApi(tmp_path, store, clock)
