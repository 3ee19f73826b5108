"""`penstock apply` hears over a real channel that a publish has ended; without one it looks, as ever."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.inside import InsideShell
from tests.support.shell import Shell, simulator_thread
from tests.support.sources import inbound, module

CHANNELS = "/api/v2/notifications/channels"
LONG_S = 100


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Applied once; what changes next is looked at after very long, if nobody says anything before."""
    with simulator_thread() as url:
        made = InsideShell(tmp_path, url)
        assert made.run("apply").returncode == 0
        made.flow("hours", module("Hours", says="Second"))
        made.flow("front", inbound("Front", says="Second", calls=["Hours"]))
        made.commit()
        httpx.delete(f"{url}/_simulator/calls").raise_for_status()
        yield made


def opened(shell: Shell) -> int:
    calls = httpx.get(f"{shell.url}/_simulator/calls").json()["calls"]
    return sum(call["statuses"].get("200", 0) for call in calls if call["route"] == CHANNELS)


def test_a_publish_that_has_ended_is_not_waited_for(shell: Shell) -> None:
    shell.environment["PENSTOCK_PUBLISH_POLL"] = str(LONG_S)
    began = time.monotonic()

    done = shell.run("apply")

    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < LONG_S
    assert opened(shell) == 1


def test_no_channel_is_opened_where_the_operator_does_not_want_one(shell: Shell) -> None:
    shell.environment["PENSTOCK_NOTIFICATIONS"] = "false"

    assert shell.run("apply").returncode == 0
    assert opened(shell) == 0


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "http-5xx", "status": 503, "match": {"route": CHANNELS}},
        {"kind": "wrong-type", "field": "connectUri", "match": {"route": CHANNELS}},
        {"kind": "reset", "match": {"route": f"{CHANNELS}/{{channelId}}/subscriptions"}},
    ],
    ids=["refused", "unreadable", "cut-off"],
)
def test_a_channel_that_cannot_be_had_changes_nothing(shell: Shell, fault: dict[str, object]) -> None:
    httpx.post(f"{shell.url}/_simulator/faults", json={"name": "broken", **fault}).raise_for_status()

    done = shell.run("apply")

    assert done.returncode == 0, done.stderr
    assert shell.json("plan")["organizations"][0]["changes"] == []
