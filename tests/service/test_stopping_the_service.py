"""`penstock run` is told to stop: it ends soon, its log says what it left, and the next process goes on with it."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.domain.capabilities import ARCHITECT, VERSIONED
from tests.service.shop import Shop, organization
from tests.support.shell import free_port

SOON_S = 60
"""What a pod has."""
BAKE_S = 15


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with organization(tmp_path) as served:
        yield served


def serving(shop: Shop) -> None:
    shop.environment |= {"PENSTOCK_HTTP_ADDRESS": f"127.0.0.1:{free_port()}", "PENSTOCK_POLL_INTERVAL": "0.3"}


def stopped(process: subprocess.Popen[str], number: signal.Signals) -> float:
    """How long it took to end, without an error."""
    before = time.monotonic()
    process.send_signal(number)
    assert process.wait(timeout=SOON_S) == 0
    return time.monotonic() - before


def left(shop: Shop) -> dict[str, object]:
    """The one event that tells what was left open."""
    lines = [json.loads(line) for line in shop.log.read_text().splitlines() if line.startswith("{")]
    (event,) = [line for line in lines if line["event"] == "sync.stopped"]
    return event


@pytest.mark.parametrize(("dialect", "number"), [(ARCHITECT, signal.SIGINT), (VERSIONED, signal.SIGTERM)])
def test_a_publish_that_runs_is_finished_and_the_next_one_not_begun(
    dialect: str, number: signal.Signals, tmp_path: Path, url: str
) -> None:
    """Also at the level of logs that is the default."""
    shop = Shop(tmp_path, url, dialect)
    serving(shop)
    shop.publishes_slowly()
    with shop.started("run", str(shop.folder)) as process:
        shop.publishing("hours")
        stopped(process, number)

    event = left(shop)
    assert event["level"] == "warning"
    assert (event["changes"], event["parked"]) == ({"hours": "recorded", "front": "skipped"}, [])
    assert shop.live() == {"Front": "1.0", "Hours": "2.0"}
    shop.comes_to_its_end()


@pytest.mark.parametrize(("dialect", "number"), [(ARCHITECT, signal.SIGTERM), (VERSIONED, signal.SIGINT)])
def test_a_version_that_bakes_is_parked_at_once(dialect: str, number: signal.Signals, tmp_path: Path, url: str) -> None:
    shop = Shop(tmp_path, url, dialect, rollout={"bake": f"{BAKE_S}s"})
    serving(shop)
    shop.environment["PENSTOCK_LOG_LEVEL"] = "info"
    with shop.started("run", str(shop.folder)) as process:
        shop.told('"event": "change.baking"')
        took_s = stopped(process, number)

    assert took_s < BAKE_S
    event = left(shop)
    assert (event["changes"], event["parked"]) == ({"hours": "baking", "front": "skipped"}, ["hours"])
    assert "the next run resumes" in str(event["hint"])
    shop.comes_to_its_end()


def test_a_second_interrupt_ends_it_at_once_and_breaks_nothing(tmp_path: Path, url: str) -> None:
    shop = Shop(tmp_path, url, ARCHITECT)
    serving(shop)
    shop.publishes_slowly()
    with shop.started("run", str(shop.folder)) as process:
        shop.publishing("hours")
        process.send_signal(signal.SIGINT)
        shop.told("a second signal quits now")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=SOON_S) == -signal.SIGINT

    shop.comes_to_its_end()
