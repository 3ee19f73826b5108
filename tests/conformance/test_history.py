"""`penstock history` where the organisation dates no version: the times come from sightings, and say so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.deployment_servers import LITERAL, SHORT, DeploymentServer, literal, ours
from tests.conformance.desk import Desk
from tests.conformance.flows import IVR

_LITERAL = (pytest.mark.nightly, pytest.mark.skipif(not LITERAL.exists(), reason="the other server is absent"))


@pytest.fixture(params=[ours, pytest.param(literal, marks=_LITERAL)], ids=["ours", "literal"])
def server(request: pytest.FixtureRequest) -> Iterator[DeploymentServer]:
    with request.param() as made:
        made.set(**SHORT)
        yield made


@pytest.fixture
def desk(server: DeploymentServer, tmp_path: Path) -> Desk:
    made = Desk(tmp_path, server.url, server.client)
    made.pin(IVR, "12.0")
    made.commit()
    assert made.apply()[0] == 0
    return made


def told(desk: Desk, *options: str) -> dict[str, Any]:
    done = desk.run("history", "retail-ivr", "--format", "json", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    (organization,) = json.loads(done.stdout)["organizations"]
    (flow,) = organization["flows"]
    found: dict[str, Any] = flow
    return found


def answer(desk: Desk, at: datetime) -> tuple[bool, list[str | None]]:
    found = told(desk, "--at", at.isoformat())["at"]
    return found["certain"], found["versions"]


def test_an_out_of_band_publish_happened_between_two_sightings(server: DeploymentServer, desk: Desk) -> None:
    before = desk.clock.now()
    server.by_hand(IVR, "14.0")
    meanwhile = desk.clock.now()
    desk.pin(IVR, "13.0")
    desk.commit()
    assert desk.apply("--force")[0] == 0

    flow = told(desk)

    assert [(each["version"], each["result"]) for each in flow["periods"]] == [
        ("13.0", "delivered"),
        ("14.0", "hand-made"),
        ("12.0", "adopted"),
    ]
    by_hand, adopted = flow["periods"][1:]
    begun = {name: datetime.fromisoformat(moment) for name, moment in by_hand["began"].items()}
    assert begun["earliest"] <= before <= meanwhile <= begun["latest"]
    assert adopted["ended"] == by_hand["began"]
    assert answer(desk, meanwhile) == (False, ["12.0", "14.0"])
    assert answer(desk, datetime.fromisoformat(by_hand["seen_from"])) == (True, ["14.0"])
    assert answer(desk, desk.clock.now()) == (True, ["13.0"])
    text = desk.run("history", "retail-ivr", "--at", meanwhile.isoformat()).stdout
    assert "it was 12.0 or 14.0" in text


def test_what_a_publish_changed_is_known_to_the_moment_it_was_sent(server: DeploymentServer, desk: Desk) -> None:
    desk.pin(IVR, "13.0")
    desk.commit()
    assert desk.apply()[0] == 0
    assert server.history(IVR) == ["13.0"]

    newest, adopted = told(desk)["periods"]

    began = [datetime.fromisoformat(newest["began"][name]) for name in ("earliest", "latest")]
    assert datetime.fromisoformat(adopted["seen_from"]) < began[0] < began[1]
    assert answer(desk, began[0] - timedelta(milliseconds=1)) == (True, ["12.0"])
    assert answer(desk, began[1]) == (True, ["13.0"])


def test_an_out_of_band_publish_that_only_this_command_sees_is_live_now(server: DeploymentServer, desk: Desk) -> None:
    server.by_hand(IVR, "14.0")

    newest, adopted = told(desk)["periods"]

    assert (newest["version"], newest["result"], newest["seen_from"]) == ("14.0", "hand-made", newest["seen_until"])
    assert adopted["ended"]["latest"] == newest["seen_from"]
    assert answer(desk, datetime.fromisoformat(adopted["seen_from"])) == (True, ["12.0"])
