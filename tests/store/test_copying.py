"""A store is copied as a whole, from either kind to either kind, or not at all."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from controller.domain.clock import SystemClock
from controller.domain.errors.process import StoreFailed, StoreNotCopied
from controller.store.audit import AuditEntry
from controller.store.columns import BigId, MaskedJson, MaskedText, UtcDateTime
from controller.store.copying import copy_store
from controller.store.database import Database
from controller.store.engine import create_engine
from controller.store.live_schema import live_marks
from controller.store.store import Store
from tests.support.clock import SteppedClock
from tests.support.history import migrate
from tests.support.postgres import new_store
from tests.support.stores import prepare

TABLES = live_marks.metadata.sorted_tables
WAYS = [("sqlite", "postgresql"), ("postgresql", "sqlite"), ("sqlite", "sqlite")]
Place = Callable[[str], str]


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Gives the URL of a new place for a store of that kind."""
    numbers = itertools.count()

    def new(kind: str) -> str:
        if kind == "postgresql":
            return new_store(request.getfixturevalue("postgres"))
        path = tmp_path / f"{next(numbers)}.db"
        prepare(path)
        return f"sqlite:///{path}"

    return new


def is_json(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, sa.JSON | MaskedJson)


def value_of(column: sa.Column[Any], number: int, clock: SteppedClock) -> object:
    """A value of the column's type; every second row has none where that is allowed."""
    if column.nullable and number % 2 == 0:
        return sa.null() if is_json(column) else None
    if column.foreign_keys or column.type is BigId:
        return number
    if is_json(column):
        return {"second": number, "first": [None, "\u00e9\U0001f9ca", 1e-7, True]}
    if isinstance(column.type, UtcDateTime):
        return clock.now()
    if isinstance(column.type, sa.String | MaskedText):
        return f"{number} \U0001f9ca {column.name}"[: getattr(column.type, "length", None)]
    if isinstance(column.type, sa.Boolean):
        return True
    if isinstance(column.type, sa.Float):
        return 0.1 + number
    return 2**40 + number if isinstance(column.type, sa.BigInteger) else number


def fill(url: str, clock: SteppedClock, rows: int = 3) -> None:
    """Rows of all types in every table, as many as are given."""
    Store.open(url, clock=clock).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        for table in TABLES:
            for number in range(1, rows + 1):
                values = {column.name: value_of(column, number, clock) for column in table.columns}
                connection.execute(sa.insert(table).values(values))
    engine.dispose()


def rows_of(url: str) -> dict[str, list[tuple[object, ...]]]:
    """All that a store holds; documents as they are written."""
    engine, found = create_engine(url), {}
    with engine.connect() as connection:
        for table in TABLES:
            columns = [sa.cast(each, sa.Text) if is_json(each) else each for each in table.columns]
            in_order = sa.select(*columns).order_by(*table.primary_key.columns)
            found[table.name] = [tuple(row) for row in connection.execute(in_order)]
    engine.dispose()
    return found


def copy(source: str, target: str, *, in_use: bool = False) -> dict[str, int]:
    with closing(Database.open_to_read(source)) as old, closing(Database.open(target)) as new:
        return dict(copy_store(old, new, SystemClock(), in_use=in_use))


@pytest.mark.parametrize(("source_kind", "target_kind"), WAYS)
def test_every_row_of_every_table_is_copied_as_it_is(
    place: Place, source_kind: str, target_kind: str, clock: SteppedClock
) -> None:
    source, target = place(source_kind), place(target_kind)
    fill(source, clock)

    counts = copy(source, target)

    there = rows_of(source)
    assert rows_of(target) == there
    assert counts == {name: len(rows) for name, rows in there.items()}
    assert all(len(rows) >= 3 for rows in there.values())


@pytest.mark.parametrize(("source_kind", "target_kind"), WAYS)
def test_a_copied_store_goes_on_with_ids_fences_and_the_audit_chain(
    place: Place, source_kind: str, target_kind: str, clock: SteppedClock
) -> None:
    source, target = place(source_kind), place(target_kind)
    entry = AuditEntry("acme", "publish", "success", "ada", latency_ms=0.1 + 0.2, details={"b": 1, "a": None})
    with Store.open(source, clock=clock) as store:
        last = [store.audit.append(entry) for _ in range(3)][-1]
        lease = store.leases.acquire("organization", "penstock-0")
        store.leases.release(lease)
        identity = store.known_branches.store_id

    copy(source, target)

    with Store.open(target, clock=clock) as store:
        after = store.audit.append(entry)
        assert (after.position, after.previous) == (4, last.digest)
        assert store.leases.acquire("organization", "penstock-1").fence > lease.fence
        assert store.known_branches.store_id == identity, "the lock files name it"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_target_with_anything_in_it_is_refused_and_stays_as_it_is(
    place: Place, kind: str, clock: SteppedClock
) -> None:
    source, target = place("sqlite"), place(kind)
    fill(source, clock)
    with Store.open(target, clock=clock) as store:
        store.approvals.give("acme", "sha256:1", by="grace")
    before = rows_of(target)

    with pytest.raises(StoreNotCopied, match="its table approvals has rows"):
        copy(source, target)

    assert rows_of(target) == before


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_store_in_which_a_controller_works_is_only_copied_as_a_backup(place: Place, kind: str) -> None:
    source, target = place(kind), place("sqlite")
    with Store.open(source, clock=SystemClock()) as store:
        store.leases.acquire("acme", "penstock-0", ttl_s=3600)

        with pytest.raises(StoreNotCopied, match="penstock-0 works in the store"):
            copy(source, target)
        assert copy(source, target, in_use=True)["leases"] == 1


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_is_written_meanwhile_is_not_in_the_copy_and_does_not_wait(
    place: Place, kind: str, clock: SteppedClock
) -> None:
    source = place(kind)
    with Store.open(source, clock=clock) as store, closing(Database.open_to_read(source)) as old:
        store.approvals.give("acme", "sha256:1", by="grace")
        with old.snapshot() as connection:
            connection.execute(sa.text("SELECT count(*) FROM installation"))
            store.approvals.give("acme", "sha256:2", by="grace")
            assert connection.execute(sa.text("SELECT count(*) FROM approvals")).scalar_one() == 1


def test_a_copy_that_fails_leaves_nothing_and_can_be_tried_again(place: Place, clock: SteppedClock) -> None:
    source, target = place("sqlite"), place("postgresql")
    fill(source, clock)
    _holder(source, "x" * 300)  # SQLite does not limit the length of a text

    with pytest.raises(StoreFailed, match="value too long"):
        copy(source, target)
    assert {name for name, rows in rows_of(target).items() if rows} == {"live_marks"}, "as in a new store"

    _holder(source, "x")
    copy(source, target)
    assert rows_of(target) == rows_of(source)


def _holder(url: str, name: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE leases SET holder = :name"), {"name": name})
    engine.dispose()


def test_a_store_of_another_version_is_not_copied(place: Place, tmp_path: Path) -> None:
    source = f"sqlite:///{tmp_path}/older.db"
    engine = create_engine(source)
    with engine.begin() as connection:
        migrate(connection, "0009")
    engine.dispose()

    with pytest.raises(StoreFailed, match="has the schema of another version"):
        copy(source, place("sqlite"))
