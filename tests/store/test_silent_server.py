"""A PostgreSQL server that stops answering holds up nobody for long, and is used again as soon as it answers."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Select, make_url, select, text

from controller.domain.clock import SystemClock
from controller.domain.errors.process import StoreFailed
from controller.store import faults, postgres
from controller.store.store import Store
from tests.support.patience import PATIENCE_S
from tests.support.postgres import Server, needed_server, new_store

LIMIT_S = 0.5


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One of its own: all others that are connected would hang as well."""
    with needed_server() as made:
        yield made


@pytest.fixture
def store(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(postgres, "ANSWER_TIMEOUT_S", LIMIT_S)
    monkeypatch.setattr(faults, "PROBE_PAUSE_S", 0.01)
    with Store.open(new_store(server.url), clock=SystemClock()) as opened:
        opened.leases.holder("acme")
        yield opened
        server.signal(signal.SIGCONT)


def eventually_answers(store: Store) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            store.leases.holder("acme")
        except StoreFailed:
            time.sleep(0.01)
        else:
            return
    raise AssertionError("the store is not used again")


def test_only_the_first_question_waits_for_a_server_that_hangs(server: Server, store: Store) -> None:
    server.signal(signal.SIGSTOP)

    waited_s = [seconds_of(lambda: store.leases.holder("acme")) for _ in range(20)]

    assert waited_s[0] >= LIMIT_S
    assert sum(waited_s[1:]) < LIMIT_S
    assert store.database.fault is not None
    assert "does not answer" in store.database.fault
    server.signal(signal.SIGCONT)
    eventually_answers(store)
    assert store.database.fault is None
    assert store.leases.acquire("acme", "one").holder == "one"


def test_a_transaction_whose_server_hangs_in_the_middle_fails_and_leaves_nothing(server: Server, store: Store) -> None:
    def halfway() -> None:
        with store.database.write() as connection:
            connection.execute(text("UPDATE leases SET holder = 'nobody'"))
            server.signal(signal.SIGSTOP)
            connection.execute(text("SELECT 1"))

    store.leases.acquire("acme", "one")
    with pytest.raises(StoreFailed):
        halfway()
    server.signal(signal.SIGCONT)
    eventually_answers(store)

    held = store.leases.holder("acme")
    assert held is not None
    assert held.holder == "one"


def test_a_server_that_refuses_is_asked_again_at_once(server: Server, store: Store) -> None:
    server.stop()
    assert seconds_of(lambda: store.leases.holder("acme")) < LIMIT_S
    assert store.database.fault is not None
    server.start()

    assert store.leases.holder("acme") is None
    assert store.database.fault is None


def test_a_store_that_is_closed_while_it_asks_leaves_no_connection(
    server: Server, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = make_url(new_store(server.url))
    asking, closed = threading.Event(), threading.Event()

    def later(*columns: Any) -> Select[Any]:
        asking.set()
        closed.wait(PATIENCE_S)
        return select(*columns)

    monkeypatch.setattr(faults, "select", later)
    closing = Store.open(here.render_as_string(hide_password=False), clock=SystemClock())
    with pytest.raises(StoreFailed), closing.database.write() as connection:
        sleep(connection)
    assert asking.wait(PATIENCE_S)
    closing.close()
    closed.set()

    deadline = time.monotonic() + 5
    while connections_to(here.database, store) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert connections_to(here.database, store) == 0


def connections_to(database: str | None, store: Store) -> int:
    query = text("SELECT count(*) FROM pg_stat_activity WHERE datname = :database")
    with store.database.read() as connection:
        return int(connection.execute(query, {"database": database}).scalar_one())


def test_a_migration_may_take_longer_than_any_answer(store: Store) -> None:
    with store.database.write() as connection, postgres.without_limit(connection):
        sleep(connection)

    with pytest.raises(StoreFailed, match="does not answer"), store.database.write() as connection:
        sleep(connection)


def sleep(connection: Connection) -> None:
    connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": 3 * LIMIT_S})


def seconds_of(ask: Callable[[], object]) -> float:
    began_s = time.monotonic()
    with pytest.raises(StoreFailed):
        ask()
    return time.monotonic() - began_s
