"""Genesys' own JavaScript SDK works against the simulator unchanged: nothing is told to it but the address."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from controller.flows.flow_file import parse
from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.simulator import javascript_sdk, sources
from tests.simulator.sources import MAIN, changed
from tests.simulator.typescript_models import Declarations

pytestmark = pytest.mark.proof


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the SDK saw on its one way through the organisation."""
    javascript_sdk.installed()
    folder = tmp_path_factory.mktemp("flows")
    for name in ("GREETING", "MAIN", "SUPPORT"):
        (folder / f"{name}.yaml").write_text(getattr(sources, name), encoding="utf-8")
    changed_source = tmp_path_factory.mktemp("changed") / "main.yaml"
    changed_source.write_text(changed(MAIN), encoding="utf-8")
    settings = SimulatorSettings(publish_s=0.1, upload_s=0.1, export_s=0.1, validate_s=0.1)
    simulator = Simulator(settings=settings)
    simulator.load_folder(folder)
    with running(simulator) as url:
        executions = {"flow": "inboundcall/Main IVR", "count": 10, "error_rate": 0.3}
        httpx.post(f"{url}/_simulator/executions", json=executions).raise_for_status()
        return javascript_sdk.run("drive.cjs", url, str(changed_source), home=folder)


@pytest.fixture(scope="module")
def declared() -> Declarations:
    return javascript_sdk.declarations()


def test_the_sdk_gets_a_token_and_its_roles(seen: dict[str, Any]) -> None:
    assert seen["token"] is True
    assert seen["roles"] == 1


def test_the_sdk_pages_flows_and_reads_rate_limit_headers(seen: dict[str, Any]) -> None:
    assert sorted(seen["listing"]["names"]) == ["Greeting", "Main IVR", "Support"]
    headers = seen["listing"]["headers"]
    assert headers["inin-ratelimit-allowed"] == "300"
    assert headers["inin-ratelimit-count"] == "2"
    assert 0 < int(headers["inin-ratelimit-reset"]) <= 60
    assert headers["inin-correlation-id"]


def test_the_sdk_publishes_and_polls_until_it_is_live(seen: dict[str, Any]) -> None:
    published = seen["published"]
    assert published["operation"]["complete"] is False
    assert published["flow"]["currentOperation"]["id"] == published["operation"]["id"]
    assert published["flow"]["currentOperation"]["actionStatus"] == "SUCCESS"
    assert published["flow"]["publishedVersion"]["id"] == "2.0"
    assert published["versions"] == ["2.0", "1.0"]


def test_the_sdk_uploads_a_file_and_exports_what_it_means(seen: dict[str, Any]) -> None:
    assert seen["uploaded"]["sent"] == 200
    assert (seen["uploaded"]["job"]["status"], seen["version"]) == ("Success", "3.0")
    assert parse(seen["exported"]).digest == parse(changed(MAIN)).digest


def test_the_sdk_validates_and_asks_the_dependency_index(seen: dict[str, Any]) -> None:
    assert seen["validated"]["status"] == "Success"
    assert seen["dependencies"] == {
        "consumed": ["Greeting", "Support"],
        "consuming": ["Main IVR"],
        "build": "OPERATIONAL",
    }


def test_the_sdk_queries_executions_and_downloads_one(seen: dict[str, Any]) -> None:
    assert seen["ran"]["count"] == 10
    assert (seen["ran"]["file"]["executionId"], seen["ran"]["file"]["flowVersion"]) == (seen["ran"]["asked"], "1.0")


def test_the_sdk_reads_error_bodies(seen: dict[str, Any], declared: Declarations) -> None:
    for name, status, code in (
        ("missing", 404, "architect.flow.not.found"),
        ("refused", 400, "invalid.query.param.value"),
    ):
        error = seen[name]["body"]
        assert list(declared.mistakes(error, "Models.ErrorBody")) == []
        assert (error["status"], error["code"]) == (status, code) == (seen[name]["status"], code)
        assert error["contextId"] == seen[name]["correlation"]
        assert error["message"]


def test_every_answer_has_the_shape_that_the_sdk_declares(seen: dict[str, Any], declared: Declarations) -> None:
    """Each answer of the whole walk, against the type that its method promises."""
    assert len({answer["method"] for answer in seen["answers"]}) == 19
    for answer in seen["answers"]:
        kind = declared.answer(answer["api"], answer["method"])
        assert list(declared.mistakes(answer["body"], kind)) == [], answer["method"]


def test_every_answer_names_only_members_of_its_enumerations(seen: dict[str, Any], declared: Declarations) -> None:
    """The JavaScript SDK types enumerations as strings; Genesys' Python SDK has the same models with their members."""
    from tests.simulator.sdk_models import mistakes

    for answer in seen["answers"]:
        kind = declared.answer(answer["api"], answer["method"]).removeprefix("Models.")
        assert list(mistakes(answer["body"], kind)) == [], answer["method"]


def test_any_value_of_another_type_in_any_answer_would_be_found(seen: dict[str, Any], declared: Declarations) -> None:
    """So that the two tests above can fail wherever an answer can be wrong."""
    tried = 0
    for answer in {answer["method"]: answer for answer in seen["answers"]}.values():
        kind = declared.answer(answer["api"], answer["method"])
        for wrong in _each_value_replaced(answer["body"]):
            assert list(declared.mistakes(wrong, kind)) != []
            tried += 1
    assert tried > 200


def _each_value_replaced(value: Any) -> Iterator[Any]:
    """Copies of an answer, each with one value turned into a list inside a list, which nothing is declared to be."""
    for path in _paths(value):
        wrong = copy.deepcopy(value)
        holder = wrong
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = [[]]
        yield wrong


def _paths(value: Any) -> Iterator[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in entries:
        yield (key,)
        for path in _paths(item):
            yield (key, *path)
