"""A long history in a store, written row by row into the tables of any version of its schema."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from controller.store.database import MIGRATIONS, Database
from controller.store.engine import begin, create_engine
from controller.store.schema import metadata

ORGANIZATION = "production"
_AT_ONCE = 1000


def write_history(url: str, *, syncs: int, flows: int, began: datetime, version: str = "head") -> None:
    """Bring an empty store to that version, and write syncs of five recorded steps, a minute apart.

    A store of the newest version stays as it is.

    Flow `i` is published by every sync whose steps come to it in turn; its versions count from 1.0.
    """
    if version == "head":
        Database.open(url).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        begin(connection)
        if version != "head":
            migrate(connection, version)
        rows: dict[str, list[dict[str, Any]]] = {"syncs": [], "steps": [], "writes": []}
        published = dict.fromkeys(range(flows), 0)
        for number in range(1, syncs + 1):
            at = began + timedelta(minutes=number)
            rows["syncs"].append(_sync(number, at))
            for position in range(5):
                step, flow = (number - 1) * 5 + position + 1, ((number - 1) * 5 + position) % flows
                published[flow] += 1
                rows["steps"].append(_step(step, number, position, flow, published[flow], at))
                rows["writes"].append(_write(step, at))
        for table, values in rows.items():
            _insert(connection, table, values)
    engine.dispose()


def migrate(connection: sa.Connection, version: str) -> None:
    """Bring the schema of an empty or older store to that version."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, version)


def as_given(table: str, columns: list[str]) -> sa.TableClause:
    """The table with these columns alone: those of today have more."""
    known = metadata.tables[table].columns
    return sa.table(table, *(sa.column(name, known[name].type) for name in columns))


def _insert(connection: sa.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    inserting = sa.insert(as_given(table, list(rows[0])))
    for first in range(0, len(rows), _AT_ONCE):
        connection.execute(inserting, rows[first : first + _AT_ONCE])
    if connection.dialect.name == "postgresql":
        # Rows with ids of their own leave the sequence where it was.
        last = sa.select(sa.func.max(metadata.tables[table].c.id)).scalar_subquery()
        connection.execute(sa.select(sa.func.setval(sa.func.pg_get_serial_sequence(table, "id"), last)))


def _sync(number: int, at: datetime) -> dict[str, Any]:
    return {
        "id": number,
        "organization": ORGANIZATION,
        "revision": f"{number:040x}",
        "dirty": False,
        "plan_digest": f"sha256:{number}",
        "on_failure": "rollback-all",
        "state": "succeeded",
        "actor": "ada",
        "trigger": "manual",
        "started_at": at,
        "finished_at": at,
        "summary": {},
    }


def _step(step: int, sync: int, position: int, flow: int, version: int, at: datetime) -> dict[str, Any]:
    return {
        "id": step,
        "sync_id": sync,
        "position": position,
        "flow": f"flow-{flow}",
        "type": "inboundcall",
        "name": f"Flow {flow}",
        "kind": "publish",
        "wanted": f"sha256:{version}",
        "source_digest": f"sha256:{version}",
        "dependency_digest": "",
        "consumes": [],
        "consumed": {},
        "previous_version": f"{version - 1}.0" if version > 1 else None,
        "target_version": f"{version}.0",
        "live_version": f"{version}.0",
        "state": "recorded",
        "updated_at": at,
        "recorded_at": at,
    }


def _write(step: int, at: datetime) -> dict[str, Any]:
    return {
        "step_id": step,
        "fence": 1,
        "action": "upload",
        "details": {},
        "intent_at": at,
        "outcome": "done",
        "result": {},
        "result_at": at,
    }
