"""A hostile pull request of a fork gets a comment that says what is wrong; nothing else leaves the controller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import yaml

from tests.support.forges.server import Server, served
from tests.support.reviewing import Reviewing
from tests.support.sources import inbound

PIN, PASSWORD = "4711-of-prod", "correct-horse-battery"
"""No digest holds either by chance."""


def lead_elsewhere(place: Reviewing, url: str) -> Callable[[], None]:
    """The organisation and its credentials at another address."""

    def write() -> None:
        place.world.describe(
            apiUrl=url,
            loginUrl=url,
            credentials={"clientId": {"env": "ACME_ID"}, "clientSecret": {"env": "GENESYS_OTHER_SECRET"}},
        )
        place.world.flow("front", inbound("Front", says="Good day"))

    return write


async def test_endpoints_and_credentials_of_a_fork_get_no_call(
    place: Reviewing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENESYS_OTHER_SECRET", "the-secret-of-another-organisation")
    elsewhere = Server()
    with served(elsewhere) as url:
        async with httpx.AsyncClient() as client:
            assert (await client.get(url)).status_code == 404, "it is there"
        elsewhere.calls.clear()
        pull = place.open("greeting", lead_elsewhere(place, url), by="mallory")
        async with place.controller() as controller:
            await controller.drift()
            body = place.body(pull)
    assert elsewhere.calls == []
    assert "Good day" in body, "it is planned by the base's endpoint"
    assert "credentials" in body
    assert "apiUrl" in body
    assert "the-secret-of-another-organisation" not in body


def metadata_gate(place: Reviewing) -> None:
    gates = [{"http": {"url": "http://169.254.169.254/latest/meta-data/"}}]
    place.world.flow("front", inbound("Front", says="Good day"), gates=gates)


def bomb(place: Reviewing) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    text = "\n".join(["apiVersion: penstock/v1", "kind: Flow", "metadata: {name: bomb}", *lines, "spec: *a11", ""])
    (place.world.clone / "bomb.yaml").write_text(text, encoding="utf-8")


def too_many_files(place: Reviewing) -> None:
    for number in range(60):
        (place.world.clone / f"file-{number}.yaml").write_text("kind: Nothing\n", encoding="utf-8")


def markup(place: Reviewing) -> None:
    place.world.manifest("x", source={"file": "flows/<img src=x onerror=alert(1)>|[a](http://evil.example).yaml"})


def link_out(place: Reviewing) -> None:
    (place.world.clone / "flows" / "front.yaml").unlink()
    (place.world.clone / "flows" / "front.yaml").symlink_to(Path("/proc/self/environ"))


MISTAKES: dict[Callable[[Reviewing], None], str] = {
    metadata_gate: "169.254.169.254",
    bomb: "bomb.yaml",
    too_many_files: "more than 40",
    markup: "&#60;img",
    link_out: "front.yaml",
}
"""With what is told of each."""


async def test_each_mistake_of_a_fork_is_told_and_makes_no_call(place: Reviewing) -> None:
    place.settings["repository_entries"] = 40
    hostile = {write: place.open(write.__name__, lambda write=write: write(place), by="mallory") for write in MISTAKES}
    good = place.open("good", lambda: place.world.flow("front", inbound("Front", says="Good day")))
    async with place.controller() as controller:
        await controller.drift()
        for write, pull in hostile.items():
            body = place.body(pull)
            assert "There is no plan" in body
            assert MISTAKES[write] in body
            assert "<img" not in body
            assert "](http" not in body
            assert place.statuses(pull.sha) == {"penstock/plan": "failure"}
        assert "Good day" in place.body(good), "the others are planned all the same"
        assert controller.controller.board.ready
    written = [each for each in place.server.writes() if "/comments" not in each and "/statuses/" not in each]
    assert written == []


def greeting(says: str) -> str:
    return inbound("Front", says=says)


@pytest.fixture
def with_values(place: Reviewing, monkeypatch: pytest.MonkeyPatch) -> Reviewing:
    """A flow of the base has a value of the environment; another value is there that no manifest names."""
    monkeypatch.setenv("PENSTOCK_VALUE_PIN", PIN)
    monkeypatch.setenv("PENSTOCK_VALUE_OTHER", PASSWORD)
    world = place.world
    source = {"file": "flows/pin.yaml", "substitutions": {"pin": {"env": "PENSTOCK_VALUE_PIN"}}}
    (world.clone / "flows" / "pin.yaml").write_text(inbound("Pin", says="{{pin}}"), encoding="utf-8")
    world.manifest("pin", source=source)
    place.commit("Use a value")
    return place


def leave_it(place: Reviewing) -> None:
    place.world.flow("front", inbound("Front", says="Good day"))


def take_another(place: Reviewing) -> None:
    source = {"file": "flows/front.yaml", "substitutions": {"x": {"env": "PENSTOCK_VALUE_OTHER"}}}
    (place.world.clone / "flows" / "front.yaml").write_text(inbound("Front", says="{{x}}"), encoding="utf-8")
    place.world.manifest("front", source=source)


def take_the_same_elsewhere(place: Reviewing) -> None:
    source = {"file": "flows/front.yaml", "substitutions": {"x": {"env": "PENSTOCK_VALUE_PIN"}}}
    (place.world.clone / "flows" / "front.yaml").write_text(inbound("Front", says="{{x}}"), encoding="utf-8")
    place.world.manifest("front", source=source)


def move_it_within_the_flow(place: Reviewing) -> None:
    (place.world.clone / "flows" / "pin.yaml").write_text(inbound("Pin", says="It is {{pin}}"), encoding="utf-8")


def lead_it_to_another_flow(place: Reviewing) -> None:
    path = place.world.clone / "pin.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document["spec"]["renamedFrom"] = "Front"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")


def ask_whether_one_is_there(place: Reviewing) -> None:
    source = {"file": "flows/front.yaml", "substitutions": {"x": {"env": "PENSTOCK_VALUE_ABSENT"}}}
    (place.world.clone / "flows" / "front.yaml").write_text(inbound("Front", says="{{x}}"), encoding="utf-8")
    place.world.manifest("front", source=source)


TRIES = (
    take_another,
    take_the_same_elsewhere,
    move_it_within_the_flow,
    lead_it_to_another_flow,
    ask_whether_one_is_there,
)


async def test_a_fork_cannot_choose_where_values_of_the_environment_go(with_values: Reviewing) -> None:
    pulls = [with_values.open(write.__name__, lambda write=write: write(with_values), by="mallory") for write in TRIES]
    async with with_values.controller() as controller:
        await controller.drift()
        for pull in pulls:
            body = with_values.body(pull)
            assert "is not read for a change from a fork" in body
            assert "is not set" not in body
            assert PIN not in body
            assert PASSWORD not in body


async def test_a_fork_that_leaves_such_flows_alone_is_planned(with_values: Reviewing) -> None:
    fork = with_values.open("fork", lambda: leave_it(with_values), by="mallory")
    own = with_values.open("own", lambda: move_it_within_the_flow(with_values))
    async with with_values.controller() as controller:
        await controller.drift()
        assert "Good day" in with_values.body(fork)
        assert PIN not in with_values.body(fork)
        assert "It is" in with_values.body(own), "people who may write here may use the values"
