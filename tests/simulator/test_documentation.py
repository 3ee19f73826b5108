"""docs/reference/simulator.md tells of every control route and kind of fault, and of no others."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from controller.flows.loading import load_yaml
from controller.simulator.app import CONTROL
from controller.simulator.control import EDITS
from controller.simulator.faults import Fault, FaultKind, parse_faults
from controller.simulator.resources.kinds import KINDS
from controller.simulator.resources.loading import parse_resources
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "simulator.md").read_text(encoding="utf-8")


def test_every_control_route_is_documented_and_exists() -> None:
    documented = set(re.findall(r"^\| `((?:GET|POST|PATCH|DELETE) /_simulator\S*)` \|", PAGE, re.MULTILINE))
    # That a name may hold slashes (`{name:path}`) is nothing that a caller writes.
    assert documented == {f"{endpoint.method} {endpoint.template.replace(':path}', '}')}" for endpoint in CONTROL}


def test_every_edit_of_a_user_is_documented() -> None:
    row = next(line for line in PAGE.splitlines() if "{edit}" in line)
    assert set(EDITS) <= set(re.findall(r"`([a-z]+)`", row))


def test_every_kind_of_fault_is_documented_and_exists() -> None:
    table = PAGE[PAGE.index("| kind |") : PAGE.index("## Control")]
    assert set(re.findall(r"^\| `([a-z0-9-]+)` \|", table, re.MULTILINE)) == {str(kind) for kind in FaultKind}


def test_the_faults_of_the_page_can_be_set(simulator: Simulator) -> None:
    found = re.search(r"```yaml\n(faults:.*?)```", PAGE, re.DOTALL)
    assert found
    faults = parse_faults(load_yaml(found.group(1)))
    assert [fault.name for fault in faults] == ["storm", "main-ivr-never-switches"]
    simulator.set_faults(*faults)


def test_every_kind_of_resource_is_documented_with_its_listing_and_permission() -> None:
    section = PAGE[PAGE.index("## Resources") : PAGE.index("## Where Genesys' documents are silent")]
    rows = re.findall(r"^\| `([a-z-]+)` \| `(/[a-z/]+)\S* ?.*\| (.+) \|$", section, re.MULTILINE)
    documented = {kind: (f"/api/v2{uri}", re.findall(r"`(\S+:view)`", rights)) for kind, uri, rights in rows}
    assert documented == {kind.name: (kind.uri, list(kind.permission("view"))) for kind in KINDS.values()}


def test_the_resources_of_the_page_can_be_loaded(simulator: Simulator) -> None:
    found = re.search(r"```yaml\n(queue:.*?)```", PAGE, re.DOTALL)
    assert found
    simulator.load_resources(parse_resources(load_yaml(found.group(1))))
    assert {
        "queue",
        "data-action",
        "data-table",
        "user-prompt",
        "schedule",
    } == simulator.organization.state.resources.complete


@pytest.mark.parametrize("name", ["older_version", "unknown_version", "locked_upload", "second_checkout"])
def test_defaults_of_undecided_behaviours_are_as_documented(name: str) -> None:
    row = next(line for line in PAGE.splitlines() if f"`{name}`" in line)
    assert f"`{getattr(SimulatorSettings(), name)}` (default" in row


async def test_every_setting_that_can_be_changed_is_documented(api: httpx.AsyncClient) -> None:
    shown = (await api.get("/_simulator/settings")).json()
    table = PAGE[PAGE.index("## Settings") : PAGE.index("## Control")]
    names = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {name for cell in names for name in re.findall(r"`(\w+)`", cell)} == set(shown)


def test_every_field_that_chooses_requests_is_documented() -> None:
    for field in Fault.model_fields:
        assert f"`{field}`" in PAGE or f"`{field}:" in PAGE or field in ("name", "kind", "match"), field
