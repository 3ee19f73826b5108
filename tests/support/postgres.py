"""A private PostgreSQL server for a test session: in memory if it can, a Unix socket, no TCP port, durability off."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from controller.domain.clock import SystemClock
from controller.store.store import Store
from tests.support.forked_workers import SHARED_FOLDER
from tests.support.memory import roomy

_COPIES_FILES = 150_000
"""The first version that copies a database in one of two ways. Its usual one logs each page: five times the work."""
_ADMINISTRATORS: dict[str, psycopg.Connection] = {}
"""By the server's URL."""


def server_programs() -> Path | None:
    """The folder with `initdb` and `pg_ctl`, newest release first; None where PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return None if on_path is None else Path(on_path).resolve().parent


class Server:
    """A server that runs, and can be stopped as by a crash and started again on its data."""

    def __init__(self, folder: Path, run: _Runner) -> None:
        self.url = f"postgresql://penstock@/postgres?host={folder}"
        """The SQLAlchemy URL of its database `postgres`."""
        self._folder = folder
        self._run = run
        self._data = folder / "data"
        self._fill()
        self.start()

    def _fill(self) -> None:
        """Give it empty databases. Workers of one run copy those that one of them made, which takes a tenth as long."""
        shared = os.environ.get(SHARED_FOLDER)
        if shared is None:
            self._initialize()
            return
        template, new = Path(shared) / "postgresql", Path(shared) / "postgresql.new"
        with (Path(shared) / "postgresql.lock").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            if not template.exists():
                self._initialize()
                _copy(self._data, new)
                new.rename(template)
                return
        _copy(template, self._data)

    def _initialize(self) -> None:
        options = ("-U", "penstock", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        self._run("initdb", "-D", self._data, *options)

    def start(self) -> None:
        """Returns when it takes connections."""
        places = f"-c listen_addresses='' -c unix_socket_directories={self._folder}"
        # Autovacuum would begin a process for each database once a minute, and there are hundreds.
        options = f"{places} -c fsync=off -c autovacuum=off -c max_connections=50"
        self._run("pg_ctl", "-D", self._data, "-l", self._folder / "log", "-w", "-t", "120", "-o", options, "start")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server and to all of its processes: after SIGSTOP connections hang until SIGCONT."""
        first = int((self._data / "postmaster.pid").read_text().split()[0])
        found = subprocess.run(["pgrep", "-P", str(first)], capture_output=True, text=True, check=False).stdout
        for process in (first, *map(int, found.split())):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def stop(self) -> None:
        """At once: no session is ended in order, and what was committed is found again by recovery."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")


def _copy(source: Path, target: Path) -> None:
    """With owners and modes."""
    subprocess.run(["cp", "-a", source, target], check=True)


@contextlib.contextmanager
def running_server(programs: Path) -> Iterator[Server]:
    """Start a server, stop it and remove its folder."""
    owner = _unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=roomy()))
    if owner is not None:
        shutil.chown(folder, owner)
    try:
        server = Server(folder, _Runner(programs, owner))
        try:
            yield server
        finally:
            if server.url in _ADMINISTRATORS:
                _ADMINISTRATORS.pop(server.url).close()
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def needed_server() -> Iterator[Server]:
    """A running server for tests; they are skipped where it is not installed, except in CI, where it must be."""
    programs = server_programs()
    if programs is None:
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL's server programs are not installed")
        pytest.skip("PostgreSQL's server programs are not installed")
    with running_server(programs) as server:
        yield server


def new_database(server: str, template: str = "template1") -> str:
    """The URL of a database of its own on that server: empty, or a copy of another one that nobody uses."""
    name = f"s{uuid.uuid4().hex}"
    how = "STRATEGY FILE_COPY" if _administrator(server).info.server_version >= _COPIES_FILES else ""
    _administrator(server).execute(f"CREATE DATABASE {name} TEMPLATE {template} {how}".encode())
    return server.replace("/postgres?", f"/{name}?")


def drop(server: str, url: str) -> None:
    """Give back the room of a database, in memory some megabytes."""
    _administrator(server).execute(f"DROP DATABASE {make_url(url).database} WITH (FORCE)".encode())


def _administrator(server: str) -> psycopg.Connection:
    """A connection that stays open, because the server begins a process for each; a new one after it was stopped."""
    kept = _ADMINISTRATORS.get(server)
    if kept is not None:
        with contextlib.suppress(psycopg.OperationalError):
            kept.execute("SELECT 1")
            return kept
        kept.close()
    made = _ADMINISTRATORS[server] = psycopg.connect(server, autocommit=True)
    return made


def new_store(server: str) -> str:
    """The URL of a store of its own on that server, with its schema."""
    return new_database(server, _migrated(server))


@cache
def _migrated(server: str) -> str:
    """The name of a store that is copied."""
    url = new_database(server)
    Store.open(url, clock=SystemClock()).close()
    return str(make_url(url).database)


class _Runner:
    def __init__(self, programs: Path, user: str | None) -> None:
        self._programs = programs
        self._user = user

    def __call__(self, program: str, *arguments: object) -> None:
        subprocess.run(
            [str(self._programs / program), *map(str, arguments)],
            check=True,
            user=self._user,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"},
            timeout=180,
        )


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root; other users run it as themselves."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
