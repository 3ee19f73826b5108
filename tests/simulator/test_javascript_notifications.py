"""Genesys' own JavaScript SDK and Node's own WebSocket hear what happens in the simulator."""

from __future__ import annotations

from typing import Any

import pytest

from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.simulator import javascript_sdk, sources
from tests.simulator.typescript_models import Declarations

pytestmark = pytest.mark.proof

METADATA = "channel.metadata"


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the channel brought: `before` and `after` the flow's topic was given up."""
    javascript_sdk.installed()
    folder = tmp_path_factory.mktemp("flows")
    for name in ("GREETING", "MAIN", "SUPPORT"):
        (folder / f"{name}.yaml").write_text(getattr(sources, name), encoding="utf-8")
    simulator = Simulator(settings=SimulatorSettings(publish_s=0.1, heartbeat_s=0.2))
    simulator.load_folder(folder)
    with running(simulator) as url:
        return javascript_sdk.run("listen.cjs", url, home=folder)


@pytest.fixture(scope="module")
def declared() -> Declarations:
    return javascript_sdk.declarations()


def events(heard: dict[str, Any], topic: str) -> list[dict[str, Any]]:
    return [message for message in heard["before"] if message["topicName"] == topic]


def test_a_publish_is_heard_when_it_begins_and_when_it_ends(heard: dict[str, Any]) -> None:
    begun, ended = (message["eventBody"] for message in events(heard, heard["topics"][0]))
    operation = heard["published"]["currentOperation"]
    for body, status in ((begun, "STARTED"), (ended, "SUCCESS")):
        assert (body["id"], body["name"]) == (heard["flowId"], "Main IVR")
        assert body["currentOperation"]["id"] == operation["id"]
        assert body["currentOperation"]["client"] == {"id": "penstock", "name": "Penstock"}
        assert (body["currentOperation"]["actionName"], body["currentOperation"]["actionStatus"]) == ("PUBLISH", status)
    assert (begun["currentOperation"]["complete"], ended["currentOperation"]["complete"]) == (False, True)
    assert ended["publishedVersion"]["id"] == heard["published"]["publishedVersion"]["id"] == "1.0"


def test_an_execution_is_heard_with_its_error(heard: dict[str, Any]) -> None:
    [message] = events(heard, heard["topics"][1])
    assert (message["eventBody"]["flowId"], message["eventBody"]["flowVersion"]) == (heard["flowId"], "1.0")
    assert [error["reason"] for error in message["eventBody"]["errors"]] == ["BROKEN"]


def test_every_event_has_the_shape_that_the_sdk_declares(heard: dict[str, Any], declared: Declarations) -> None:
    flow, execution = heard["topics"]
    kinds = {
        flow: "ArchitectFlowNotificationFlowNotification",
        execution: "V2FlowExecutionDataFlowidTopicFlowExecutionHistory",
    }
    messages = [message for message in heard["before"] if message["topicName"] != METADATA]
    assert {message["topicName"] for message in messages} == {flow, execution}
    for message in messages:
        assert sorted(message) == ["eventBody", "metadata", "topicName", "version"]
        assert message["metadata"]["CorrelationId"]
        kind = kinds[message["topicName"]]
        assert list(declared.mistakes(message["eventBody"], f"Models.{kind}")) == []


def test_every_event_names_only_members_of_its_enumerations(heard: dict[str, Any]) -> None:
    from tests.simulator.sdk_models import mistakes

    for message in events(heard, heard["topics"][0]):
        assert list(mistakes(message["eventBody"], "ArchitectFlowNotificationFlowNotification")) == []


def test_every_answer_about_channels_has_the_shape_that_the_sdk_declares(
    heard: dict[str, Any], declared: Declarations
) -> None:
    about_channels = [answer for answer in heard["answers"] if answer["api"] == "NotificationsApi"]
    assert [answer["status"] for answer in about_channels] == [200, 200, 200, 200, 200, 204]
    for answer in about_channels:
        kind = declared.answer(answer["api"], answer["method"])
        assert list(declared.mistakes(answer.get("body"), kind)) == [], answer["method"]


def test_a_ping_is_answered_and_a_heartbeat_comes_unasked(heard: dict[str, Any]) -> None:
    said = [message["eventBody"] for message in events(heard, METADATA)]
    assert said.count({"message": "pong"}) == 1
    assert {"message": "WebSocket Heartbeat"} in said


def test_topics_that_were_given_up_are_heard_no_more(heard: dict[str, Any]) -> None:
    """A publish and an execution took place, and the pong came after them."""
    assert [topic["id"] for topic in heard["kept"]["entities"]] == [heard["topics"][1]]
    assert len(heard["channels"]["entities"]) == 1
    assert {message["topicName"] for message in heard["after"]} == {METADATA}
    assert {"message": "pong"} in [message["eventBody"] for message in heard["after"]]
