"""Organisations share flows by including them, and load on their own when only one is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.domain.desired import SourceFile
from controller.domain.errors.manifest import ManifestInvalid
from controller.domain.errors.process import SettingsInvalid
from tests.manifests.repository import flow, load, organization, write

GREETING = "commonModule:\n  name: Greeting\n  description: '{{greeting}}'\n"


def shared(greeting: str, include: str = "../shared") -> str:
    return f"  include: [{include}]\n  substitutions: {{greeting: {greeting}}}\n"


def repository(root: Path, **more: str) -> Path:
    files = {
        "dev/o.yaml": organization(shared("Hi"), name="dev"),
        "prod/o.yaml": organization(shared("Good morning", "../shared/greeting.yaml"), name="prod"),
        "shared/greeting.yaml": flow("greeting", source="{file: ../flows/greeting.yaml}"),
        "flows/greeting.yaml": GREETING,
    }
    return write(root, {**files, **more})


def test_an_included_flow_belongs_to_each_organisation_with_that_organisations_values(tmp_path: Path) -> None:
    dev, prod = load(repository(tmp_path)).organizations
    assert [dev.flows[0].id, prod.flows[0].id] == ["greeting", "greeting"]
    texts = [flow.source.text.read() for flow in (*dev.flows, *prod.flows) if isinstance(flow.source, SourceFile)]
    assert ["Hi" in text for text in texts] == [True, False]
    assert ["Good morning" in text for text in texts] == [False, True]
    assert dev.flows[0].wanted != prod.flows[0].wanted


def test_a_flow_file_can_be_shared_by_manifests_of_two_organisations(tmp_path: Path) -> None:
    files = {
        f"{name}/o.yaml": f"{organization(name=name)}---\n{flow(source='{file: ../flows/ivr.yaml}')}"
        for name in ("dev", "prod")
    }
    assert len({flow.wanted for each in load(write(tmp_path, files)).organizations for flow in each.flows}) == 1


def test_names_are_unique_across_own_and_included_flows(tmp_path: Path) -> None:
    own = flow("greeting", source="{file: ../flows/ivr.yaml}")
    with pytest.raises(ManifestInvalid) as caught:
        load(repository(tmp_path, **{"dev/f.yaml": own}))
    assert [str(mistake.origin) for mistake in caught.value.mistakes] == ["shared/greeting.yaml:3:18"]


def test_an_organisation_loads_beside_a_broken_one(tmp_path: Path) -> None:
    root = repository(tmp_path, **{"prod/f.yaml": flow(source="{file: gone.yaml}"), "prod/g.yaml": "kind: Flow\n\tx"})
    desired = load(root, only=["dev"])
    assert [organization.name for organization in desired.organizations] == ["dev"]
    assert desired.unused == ()
    with pytest.raises(ManifestInvalid) as caught:
        load(root, only=["prod"])
    assert {mistake.origin.file for mistake in caught.value.mistakes} == {"prod/f.yaml", "prod/g.yaml"}


def test_a_shared_flows_mistake_concerns_those_who_include_it(tmp_path: Path) -> None:
    root = repository(
        tmp_path,
        **{"lab/o.yaml": organization(name="lab"), "shared/greeting.yaml": flow("greeting", "  suspendd: true\n")},
    )
    assert [organization.name for organization in load(root, only=["lab"]).organizations] == ["lab"]
    for name in ("dev", "prod"):
        with pytest.raises(ManifestInvalid, match="suspendd"):
            load(root, only=[name])


def test_asking_for_an_organisation_that_is_not_there_names_the_closest(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        load(repository(tmp_path), only=["prdo"])
    assert caught.value.hint == 'did you mean "prod"?'
