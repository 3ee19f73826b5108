"""Copies a whole store to an empty place: SQLite to PostgreSQL, the way back, or a backup."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import JSON, Column, Connection, Table, delete, func, insert, null, select, text

from controller.domain.clock import Clock
from controller.domain.errors.process import StoreNotCopied
from controller.store.columns import BigId
from controller.store.database import Database
from controller.store.live_schema import live_marks
from controller.store.schema import leases

_AT_ONCE: Final = 1_000
_TABLES: Final = live_marks.metadata.sorted_tables
"""All tables, each after those that it refers to."""
_BEGUN: Final = frozenset({live_marks})
"""Tables to which a migration gives a first row."""


def copy_store(source: Database, target: Database, clock: Clock, *, in_use: bool = False) -> Mapping[str, int]:
    """Copy all rows as they are at one moment, ids and leases included; returns how many there are of each table.

    Either all of them are copied or none. Raises StoreNotCopied where the target holds something already, and, unless
    `in_use` allows it, where a controller is at work in the source; and StoreFailed.
    """
    with source.snapshot() as old, target.write() as new:
        if not in_use:
            _require_idle(source, old, clock)
        _make_empty(new)
        if new.dialect.name == "postgresql":
            # The whole is one transaction, which pauses while the source is read.
            new.execute(text("SET LOCAL statement_timeout = 0"))
            new.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        return {table.name: _copy(table, old, new) for table in _TABLES}


def _require_idle(source: Database, connection: Connection, clock: Clock) -> None:
    now = source.common_time(connection, clock)
    held = select(leases.c.holder).where(leases.c.expires_at > now).order_by(leases.c.holder).limit(1)
    holder = connection.execute(held).scalar_one_or_none()
    if holder is not None:
        raise StoreNotCopied(
            f"{holder} works in the store; what it writes after the copy would be missing there",
            hint="stop all controllers of the store, or pass --in-use where the copy is a backup",
        )


def _make_empty(connection: Connection) -> None:
    for table in _TABLES:
        if table in _BEGUN:
            connection.execute(delete(table))
        elif connection.execute(select(table).limit(1)).first() is not None:
            raise StoreNotCopied(
                f"the target is a store already: its table {table.name} has rows",
                hint="name an empty database, or a file that does not exist",
            )


def _copy(table: Table, old: Connection, new: Connection) -> int:
    count = 0
    for rows in _batches(table, old):
        new.execute(insert(table), rows)
        count += len(rows)
    if count and new.dialect.name == "postgresql":
        for column in table.columns:
            if column.primary_key and column.type is BigId:
                _continue_after(new, column)
    return count


def _batches(table: Table, old: Connection) -> Iterator[list[dict[str, Any]]]:
    absent = [column.name for column in table.columns if column.nullable and _is_plain_json(column)]
    found = old.execution_options(yield_per=_AT_ONCE).execute(select(table))
    for batch in found.mappings().partitions():
        rows = [dict(row) for row in batch]
        for name in absent:
            # Such a column would keep None as the JSON text `null`.
            rows = [row | {name: null()} if row[name] is None else row for row in rows]
        yield rows


def _is_plain_json(column: Column[Any]) -> bool:
    return isinstance(column.type, JSON) and not column.type.none_as_null


def _continue_after(connection: Connection, column: Column[Any]) -> None:
    """Let PostgreSQL choose ids after those that were copied."""
    last = select(func.max(column)).scalar_subquery()
    connection.execute(select(func.setval(func.pg_get_serial_sequence(column.table.name, column.name), last)))
