"""A private PostgreSQL server for a test session: its own folder, a Unix socket, no TCP port, durability off."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text


def server_programs() -> Path | None:
    """The folder with `initdb` and `pg_ctl`, newest release first; None where PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return None if on_path is None else Path(on_path).resolve().parent


@contextlib.contextmanager
def running_server(programs: Path) -> Iterator[str]:
    """Start a server, yield the SQLAlchemy URL of its database `postgres`, stop it and remove its folder."""
    owner = _unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if owner is not None:
        shutil.chown(folder, owner)
    data, log = folder / "data", folder / "log"
    run = _Runner(programs, owner)
    try:
        run("initdb", "-D", data, "-U", "penstock", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c max_connections=50"
        run("pg_ctl", "-D", data, "-l", log, "-w", "-t", "30", "-o", options, "start")
        try:
            yield f"postgresql://penstock@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def needed_server() -> Iterator[str]:
    """A running server for tests; they are skipped where it is not installed, except in CI, where it must be."""
    programs = server_programs()
    if programs is None:
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL's server programs are not installed")
        pytest.skip("PostgreSQL's server programs are not installed")
    with running_server(programs) as url:
        yield url


def new_database(server: str) -> str:
    """The URL of an empty database on that server."""
    name = f"s{uuid.uuid4().hex}"
    engine = create_engine(server.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.replace("/postgres?", f"/{name}?")


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
            timeout=60,
        )


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root; other users run it as themselves."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
