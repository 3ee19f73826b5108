"""The project's own manifests and examples load, and show what they are there to show."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from controller.domain.desired import Organization, SourceFile
from tests.manifests.repository import load

PROJECT = Path(__file__).parents[2]
NO_MANIFESTS = {"ci", "flows"}
EXAMPLES = sorted(path for path in (PROJECT / "examples").iterdir() if path.is_dir() and path.name not in NO_MANIFESTS)


@pytest.fixture
def demo(tmp_path: Path) -> Organization:
    for folder in ("manifests", "examples/flows"):
        shutil.copytree(PROJECT / folder, tmp_path / folder)
    (organization,) = load(tmp_path).organizations
    return organization


def consumers(organization: Organization) -> Counter[str]:
    return Counter(
        name
        for flow in organization.flows
        if isinstance(flow.source, SourceFile)
        for name in {reference.name for reference in flow.source.references}
    )


def test_the_demonstration_covers_ten_types_with_flows_that_need_each_other(demo: Organization) -> None:
    assert len(demo.flows) == 13
    assert len({flow.key.type for flow in demo.flows}) == 10
    used = consumers(demo)
    assert used["Customer Lookup"] >= 4
    assert used["Waiting Room"] >= 2
    assert used["Card Payment"] >= 2


def test_everything_that_the_demonstration_refers_to_is_part_of_it(demo: Organization) -> None:
    assert set(consumers(demo)) <= {flow.key.name for flow in demo.flows}


def test_the_demonstration_uses_every_flow_file_that_is_there() -> None:
    assert load(PROJECT, folder="manifests").files[:13] == tuple(
        sorted(f"examples/flows/{path.name}" for path in (PROJECT / "examples/flows").iterdir())
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_loads_from_its_own_folder_and_from_the_project(path: Path) -> None:
    desired = load(path)
    assert desired.organizations
    assert desired.unused == ()
    assert all(organization.flows for organization in desired.organizations)
    names = [
        organization.name for organization in load(PROJECT, folder=path.relative_to(PROJECT).as_posix()).organizations
    ]
    assert names == [organization.name for organization in desired.organizations]


def test_two_organisations_share_two_flows_and_differ_in_their_content() -> None:
    development, production = load(PROJECT / "examples/two-organizations").organizations
    wanted = [{flow.id: flow.wanted for flow in each.flows} for each in (development, production)]
    assert set(wanted[1]) == {"front-door", "greeting"}
    assert all(wanted[0][name] != wanted[1][name] for name in wanted[1])
