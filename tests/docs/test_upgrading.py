"""docs/how-to/upgrade.md: a store moves from SQLite to PostgreSQL, and an older version refuses a newer store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from controller.store.engine import create_engine
from tests.docs.how_to import Page, run, succeeded
from tests.docs.test_backing_up import DATABASE
from tests.support.inside import InsideShell
from tests.support.postgres import needed_server, new_database
from tests.support.shell import Shell, simulator_thread
from tests.support.sources import module
from tests.support.stores import prepare


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with simulator_thread() as url:
        yield InsideShell(tmp_path, url)


def test_a_store_moves_to_postgresql_with_its_history_approvals_and_audit_chain(shell: Shell, tmp_path: Path) -> None:
    with needed_server() as server:
        target = new_database(server.url)
        page = Page("upgrade.md", {"/var/lib/penstock": str(tmp_path), DATABASE: target})
        prepare(tmp_path / "penstock.db")
        shell.environment["PENSTOCK_STORE"] = f"sqlite:///{tmp_path / 'penstock.db'}"
        assert shell.run("apply", "--yes").returncode == 0
        shell.flow("hours", module("Hours", says="We are open"))
        organization = shell.folder / "organization.yaml"
        organization.write_text(organization.read_text() + "  sync: {mode: manual}\n")
        shell.commit()
        digest = shell.json("plan")["digest"]
        assert shell.run("approve", digest).returncode == 0

        script = "\n".join(page.commands("Move from SQLite to PostgreSQL", "Upgrade"))
        done = run(shell, f"set -o errexit\n{script}")

        assert done.returncode == 0, done.stderr
        assert "1 sync" in done.stdout
        again = shell.run("store", "copy", target)
        assert (again.returncode, "[store-not-copied]" in again.stderr) == (3, True)
        assert "last sync 1: succeeded" in done.stdout
        assert "0 findings; what was checked is whole" in done.stdout
        shell.environment["PENSTOCK_STORE"] = target
        applied = shell.run("apply", "--yes")
        assert "sync 2 succeeded" in applied.stdout, "the approval is there, and numbers go on"
        assert shell.run("audit", "verify").returncode == 0


def test_each_section_with_commands_is_tried() -> None:
    assert Page("upgrade.md").headings() == {"Upgrade", "Go back", "Move from SQLite to PostgreSQL"}


def test_an_older_version_refuses_a_newer_store_and_changes_nothing(shell: Shell) -> None:
    assert shell.run("apply", "--yes").returncode == 0
    succeeded(Page("upgrade.md").run(shell, "Go back"))
    assert (shell.folder / "audit.jsonl").stat().st_size > 0
    store = Path(shell.environment["PENSTOCK_STORE"].removeprefix("sqlite:///"))
    engine = create_engine(shell.environment["PENSTOCK_STORE"])
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    before = store.read_bytes()

    done = shell.run("plan")

    assert done.returncode == 1
    assert "[store-failed]" in done.stderr
    assert "run the version of penstock that wrote it, or a newer one" in done.stderr
    assert store.read_bytes() == before
