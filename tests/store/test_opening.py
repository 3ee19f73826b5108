"""Opening a store: migrations, durability, and errors that say what to do."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import text

from controller.domain.errors.process import SettingsInvalid, StoreFailed
from controller.store.database import HEAD, MIGRATIONS
from controller.store.engine import create_engine
from controller.store.schema import metadata
from controller.store.store import Store
from tests.support.clock import SteppedClock


def test_the_migrations_make_exactly_the_tables_that_the_code_uses(store: Store) -> None:
    with store.database.write() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_opening_again_changes_nothing(empty_url: str, clock: SteppedClock) -> None:
    with Store.open(empty_url, clock=clock) as store:
        store.leases.acquire("production", "node-a")
    with Store.open(empty_url, clock=clock) as store:
        assert store.leases.holder("production") is not None


def test_a_store_of_an_older_version_keeps_what_it_holds(empty_url: str, clock: SteppedClock) -> None:
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.execute(
            text("INSERT INTO leases (name, holder, fence, expires_at) VALUES ('production', 'node-a', 7, :at)"),
            {"at": "2026-01-05 13:00:00.000000+00" if "postgres" in empty_url else "2026-01-05 13:00:00.000000"},
        )
    engine.dispose()

    with Store.open(empty_url, clock=clock) as store:
        held = store.leases.holder("production")
        assert held is not None
        assert (held.holder, held.fence, held.manifest) == ("node-a", 7, "")


def test_replicas_that_start_together_migrate_once(empty_url: str, clock: SteppedClock) -> None:
    failures: list[Exception] = []
    barrier = threading.Barrier(4)

    def start() -> None:
        barrier.wait(timeout=120)
        try:
            Store.open(empty_url, clock=clock).close()
        except StoreFailed as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert failures == []


def test_a_file_that_another_process_writes_is_tried_again(
    tmp_path: Path, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that starts in the same moment: SQLite does not wait for it when the file becomes a WAL's."""
    other = sqlite3.connect(tmp_path / "p.db", isolation_level=None)
    other.execute("CREATE TABLE anything (id INTEGER)")
    other.execute("BEGIN IMMEDIATE")
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            other.execute("COMMIT")

    monkeypatch.setattr("controller.store.engine.time", SimpleNamespace(monotonic=lambda: 0.0, sleep=pause))
    Store.open(f"sqlite:///{tmp_path}/p.db", clock=clock).close()
    assert len(pauses) == 3
    other.close()


def test_a_schema_from_a_newer_version_is_refused_with_the_way_out(url: str, clock: SteppedClock) -> None:
    with Store.open(url, clock=clock) as store, store.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreFailed, match="schema that this version does not know"):
        Store.open(url, clock=clock)


def test_sqlite_commits_are_on_disk_before_the_call_returns(tmp_path: Path, clock: SteppedClock) -> None:
    with Store.open(f"sqlite:///{tmp_path}/p.db", clock=clock) as store, store.database.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


def test_a_read_does_not_wait_for_a_writer(tmp_path: Path, clock: SteppedClock) -> None:
    with (
        Store.open(f"sqlite:///{tmp_path}/p.db", clock=clock) as store,
        store.database.write(),
        Store.open(f"sqlite:///{tmp_path}/other.db", clock=clock),
        store.database.read() as connection,
    ):
        assert connection.execute(text("SELECT count(*) FROM syncs")).scalar_one() == 0


@pytest.mark.parametrize(
    ("url", "says"),
    [("mysql://localhost/x", "cannot be kept in mysql"), ("no url at all", "URL cannot be read")],
)
def test_a_url_of_another_kind_is_a_mistake_in_the_settings(url: str, says: str, clock: SteppedClock) -> None:
    with pytest.raises(SettingsInvalid, match=says):
        Store.open(url, clock=clock)


def test_a_store_that_cannot_be_reached_is_named_without_its_password(tmp_path: Path, clock: SteppedClock) -> None:
    with pytest.raises(StoreFailed) as failed:
        Store.open(f"postgresql://u:hunter2hunter2@/x?host={tmp_path}", clock=clock)
    assert "hunter2" not in failed.value.message
    assert str(tmp_path) in failed.value.message


def test_a_file_that_is_no_database_is_a_store_failure(tmp_path: Path, clock: SteppedClock) -> None:
    (tmp_path / "p.db").write_text("this is no database " * 100)
    with pytest.raises(StoreFailed, match="not a database"):
        Store.open(f"sqlite:///{tmp_path}/p.db", clock=clock)


def test_the_newest_migration_is_known_without_loading_them() -> None:
    folder = MIGRATIONS / "versions"
    numbers = sorted(file.name[1:5] for file in folder.glob("v0*.py"))

    assert numbers[-1] == HEAD


@pytest.mark.parametrize("begin", ["readonly", "a folder"])
def test_a_file_that_cannot_be_written_is_told_with_what_to_do_about_it(
    tmp_path: Path, clock: SteppedClock, begin: str
) -> None:
    """SQLite treats a file whose write version it does not know as it treats one without write permission."""
    path = tmp_path / "store.db"
    if begin == "a folder":
        path.mkdir()
    else:
        with closing(sqlite3.connect(path)) as made:
            made.execute("CREATE TABLE earlier (id INTEGER)")
        header = bytearray(path.read_bytes())
        header[18] = 3
        path.write_bytes(header)

    with pytest.raises(StoreFailed) as failed:
        Store.open(f"sqlite:///{path}", clock=clock)

    assert "let the user that runs penstock write that file" in str(failed.value.hint)


def test_a_command_loads_the_library_of_migrations_only_for_a_migration() -> None:
    code = "import sys, controller.cli.running; print('alembic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
