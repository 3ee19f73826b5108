"""The history and the audit log are for the owner of the store: its files are readable by nobody else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.store.store import Store
from tests.support.clock import SteppedClock


@pytest.fixture(params=[0o022, 0o000, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    return {path.name: oct(path.stat().st_mode & 0o777) for path in sorted(folder.iterdir())}


def test_a_new_store_at_any_path_is_its_owners_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    with Store.open(f"sqlite:///{tmp_path}/store.db", clock=SteppedClock()) as store:
        store.journal.history()
        found = modes(tmp_path)
    assert found == {"store.db": "0o600", "store.db-shm": "0o600", "store.db-wal": "0o600"}, oct(umask)


def test_a_store_that_everybody_could_read_is_closed_to_others(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    with Store.open(url, clock=SteppedClock()):
        (tmp_path / "store.db").chmod(0o664)
    with Store.open(url, clock=SteppedClock()):
        assert modes(tmp_path)["store.db"] == "0o660"
