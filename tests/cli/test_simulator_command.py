"""`penstock simulator` begins with the resources that its options name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from controller.cli.commands.simulator import SimulatorOptions, loaded
from controller.domain.errors.process import SettingsInvalid
from controller.simulator.resources.inventory import resources_of
from controller.simulator.resources.kinds import KINDS
from controller.simulator.simulator import Simulator
from tests.simulator.test_resource_listings import NEEDY


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "needy.yaml").write_text(NEEDY, encoding="utf-8")
    return folder


def queues(simulator: Simulator) -> list[str]:
    return [one.name for one in resources_of(simulator.organization, KINDS["queue"])]


def test_a_file_says_what_there_is_and_what_the_loaded_flows_lack_is_told(
    flows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = tmp_path / "resources.json"
    given.write_text(json.dumps({"queue": ["Sales"]}), encoding="utf-8")
    simulator = loaded(SimulatorOptions(load=[flows], resources=[str(given)]))
    assert queues(simulator) == ["Sales"]
    told = capsys.readouterr().err
    assert told == "penstock simulator: inboundcall/Support: find 'queue' by value of 'Services' - no matches\n"


def test_from_flows_is_what_the_loaded_flows_name(flows: Path) -> None:
    simulator = loaded(SimulatorOptions(load=[flows], resources=["from-flows"]))
    assert queues(simulator) == ["Services"]
    assert "queue" in simulator.organization.state.resources.complete


def test_strict_needs_everything(flows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    simulator = loaded(SimulatorOptions(load=[flows], strict=True))
    assert queues(simulator) == []
    assert len(capsys.readouterr().err.splitlines()) == 5


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("queue: [Sales", r"resources\.yaml, line 2"),
        ("queues: [Sales]", r"resources\.yaml: .*'queues' is no kind of resource"),
        (None, r"resources\.yaml cannot be read: no such file"),
    ],
)
def test_a_file_with_a_mistake_is_refused(tmp_path: Path, text: str | None, told: str) -> None:
    given = tmp_path / "resources.yaml"
    if text is not None:
        given.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsInvalid, match=told):
        loaded(SimulatorOptions(resources=[str(given)]))
