"""PostgreSQL is away for 30 seconds in the middle of deliveries: stopped, or hanging so that no connection ends."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.availability.fleet import Fleet, answers_within, fleet
from tests.support.patience import PATIENCE_S
from tests.support.postgres import Server, needed_server, new_store
from tests.support.service import Service, eventually
from tests.support.world import World

ORGANIZATIONS = 4
AWAY_S = 30.0
PROBE_S = 20.0
"""Less than Kubernetes waits for an answer of `/healthz` in all; the one question that hangs takes 6."""
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One of its own, which no other test uses."""
    with needed_server() as made:
        yield made


@pytest.fixture
def delivering(world: World, server: Server, tmp_path: Path) -> Iterator[Fleet]:
    """Two replicas whose organisations are all in delivery: some flows are published, some bake, some wait."""
    with fleet(world, new_store(server.url), tmp_path, ORGANIZATIONS) as many:
        many.ask_for("Hello", bake_s=20)
        for name in ("one", "two"):
            many.start(name)
        eventually(lambda: many.publishes() > ORGANIZATIONS, "more than half of the publishes")
        yield many


@pytest.mark.parametrize("how", ["stopped", "hanging"])
def test_a_server_that_is_away_costs_no_delivery_and_no_process(delivering: Fleet, server: Server, how: str) -> None:
    _go_away(server, how)
    until_s = time.monotonic() + AWAY_S
    try:
        while time.monotonic() < until_s:
            for replica in delivering.replicas:
                assert answers_within(replica, "/healthz", PROBE_S) == 200
            time.sleep(1)
        for replica in delivering.replicas:
            answer = replica.get("/readyz")
            assert answer is not None
            assert answer.status_code == 503
            assert "the store postgresql" in answer.text
            metrics = replica.get("/metrics")
            assert metrics is not None
            assert "penstock_ready 0.0" in metrics.text
            assert "live.not-read" in replica.log.read_text()
    finally:
        _come_back(server, how)

    _assert_delivered_once(delivering)


def test_a_server_that_drops_all_connections_again_and_again_costs_nothing(delivering: Fleet, server: Server) -> None:
    for _ in range(5):
        server.stop()
        server.start()
        time.sleep(1)

    _assert_delivered_once(delivering)


def _go_away(server: Server, how: str) -> None:
    if how == "stopped":
        server.stop()
    else:
        server.signal(signal.SIGSTOP)


def _come_back(server: Server, how: str) -> None:
    if how == "stopped":
        server.start()
    else:
        server.signal(signal.SIGCONT)


def _assert_delivered_once(many: Fleet) -> None:
    for replica in many.replicas:
        eventually(lambda replica=replica: _ready(replica), "it is ready again")
    revision = many.world.git("rev-parse", "HEAD")
    eventually(lambda: many.settled(revision, many.replicas[0]), "all in sync", within_s=2 * PATIENCE_S, every_s=1)
    assert [replica.stop() for replica in many.replicas] == [0, 0]
    many.assert_published("1.0")
    many.assert_recorded("1.0")
    many.assert_nothing_left()
    many.assert_one_writer_at_a_time()


def _ready(replica: Service) -> bool:
    answer = replica.get("/readyz")
    return answer is not None and answer.status_code == 200
