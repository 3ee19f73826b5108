"""docs/how-to/back-up.md: its commands back up and restore both kinds of stores, and nothing is published twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.docs.how_to import Page, run, succeeded
from tests.support.inside import InsideShell
from tests.support.postgres import needed_server
from tests.support.programs import needed_program
from tests.support.shell import simulator_thread
from tests.support.sources import module

FIRST, SECOND = {"Front": ["1.0"], "Hours": ["1.0"]}, {"Front": ["1.0", "2.0"], "Hours": ["1.0", "2.0"]}
DATABASE = r"postgresql://penstock@db\.example\.com/(\w+)"
PROGRAMS = {"sqlite3": "sqlite3", "pg_dump": "postgresql-client", "pg_restore": "postgresql-client"}


class Site:
    """A repository, an organisation, and a store of one kind, with the page's commands for it."""

    def __init__(self, folder: Path, url: str, server: str | None) -> None:
        self.shell = InsideShell(folder, url)
        self.backups, self.state = folder / "backups", folder / "state"
        places = {"/backups": str(self.backups), "/var/lib/penstock": str(self.state)}
        for each in (self.backups, self.state):
            each.mkdir()
        self.kind, store = "SQLite", f"sqlite:///{self.state / 'penstock.db'}"
        if server is not None:
            self.kind, store = "PostgreSQL", server.replace("/postgres?", "/penstock?")
            places[DATABASE] = server.replace("/postgres?", r"/\1?")
            succeeded({"createdb": run(self.shell, f'createdb --maintenance-db="{server}" penstock')})
        self.shell.environment |= {"PENSTOCK_STORE": store, "PENSTOCK_AUDIT_DIR": str(folder / "audit")}
        self.page = Page("back-up.md", places)

    def deliver(self) -> None:
        done = self.shell.run("apply", "--yes")
        assert done.returncode == 0, done.stderr

    def change(self, hours: str) -> None:
        self.shell.flow("hours", module("Hours", says=f"We are {hours}"))
        self.shell.commit()

    def lose_the_store(self) -> None:
        """Leave an empty database of PostgreSQL, and no file of SQLite."""
        for file in self.state.glob("penstock.db*"):
            file.unlink()
        if self.kind == "PostgreSQL":
            dropped, made, _ = self.page.commands("Restore PostgreSQL")
            succeeded({command: run(self.shell, command) for command in (dropped, made)})

    def published(self) -> dict[str, list[str]]:
        """Every publish that took effect, by flow, in order."""
        flows = httpx.get(f"{self.shell.url}/_simulator/flows", timeout=30).json()["flows"]
        return {
            flow["name"]: [entry["version"] for entry in flow["history"] if entry["action"] == "publish"]
            for flow in flows
        }

    def compared(self, heading: str) -> dict[str, str]:
        """What the page's commands of that section say; only the audit log may have findings."""
        done = self.page.run(self.shell, heading)
        found = {command: each.returncode for command, each in done.items()}
        assert found == dict.fromkeys(found, 0) | {"penstock audit verify": 1}, done
        return {command: each.stdout for command, each in done.items()}


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    for program, package in PROGRAMS.items():
        needed_program(program, package)
    server = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    with simulator_thread() as url:
        yield Site(tmp_path, url, server)


@pytest.fixture
def postgres() -> Iterator[str]:
    with needed_server() as server:
        yield server.url


def test_an_older_backup_and_a_lost_store_are_survived_and_nothing_is_published_twice(site: Site) -> None:
    site.deliver()
    succeeded(site.page.run(site.shell, f"Back up {site.kind}"))
    site.change("open")
    site.deliver()
    assert site.published() == SECOND

    succeeded(site.page.run(site.shell, f"Restore {site.kind}"))
    told = site.compared("After a restore")

    assert "in sync, nothing to do" in told["penstock plan"]
    assert "2 Synced" in told["penstock status"]
    assert "last sync 1: succeeded" in told["penstock status"], "the store is that of the backup"
    assert re.search(r"2\.0 .* now +delivered", told["penstock history"])
    assert "the chain was cut off" in told["penstock audit verify"]
    assert re.search(r"broken: commit [0-9a-f]{12}", told["penstock audit verify"])
    site.deliver()
    assert site.published() == SECOND, "nothing is published twice"

    site.lose_the_store()
    told = site.compared("Without a backup")

    assert "in sync, nothing to do" in told["penstock plan"]
    assert re.search(r"1\.0 .* delivered", told["penstock history"])
    assert "the record was last written by another store" in told["penstock audit verify"]
    site.deliver()
    assert site.published() == SECOND, "nothing is published twice"
    site.change("closed")
    site.deliver()
    assert site.published()["Hours"] == ["1.0", "2.0", "3.0"]


def test_each_section_with_commands_is_tried() -> None:
    assert Page("back-up.md").headings() == {
        *("Back up SQLite", "Restore SQLite", "Back up PostgreSQL", "Restore PostgreSQL"),
        *("After a restore", "Without a backup", "How long the history is kept"),
    }


def test_both_ways_to_copy_an_sqlite_store_give_the_same_store(tmp_path: Path) -> None:
    with simulator_thread() as url:
        site = Site(tmp_path, url, None)
        site.deliver()
        succeeded(site.page.run(site.shell, "Back up SQLite", "How long the history is kept"))
        entries = site.shell.run("audit", "export").stdout
        assert entries
        for name in ("penstock.db", "penstock-by-penstock.db"):
            site.shell.environment["PENSTOCK_STORE"] = f"sqlite:///{site.backups / name}"
            assert site.shell.run("audit", "export").stdout == entries
            assert site.shell.run("audit", "verify").returncode == 0
            assert (site.backups / "penstock-by-penstock.db").stat().st_mode & 0o077 == 0
