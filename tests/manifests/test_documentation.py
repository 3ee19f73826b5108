"""docs/reference/manifests.md is true: every block in it loads, and its tables are those of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from controller.domain.identity import FlowType
from controller.flows.roots import ARCHY_ROOTS
from controller.manifests.endpoint import REGIONS
from controller.manifests.schema import json_schema
from tests.manifests.field_table import rows
from tests.manifests.repository import flow, load, mistakes, organization, write

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "manifests.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml ?(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SHAPES = sorted(
    name
    for name, shape in json_schema()["$defs"].items()
    if "properties" in shape  # type: ignore[attr-defined]
)
DESCRIBED_IN_PROSE = {"CredentialsShape", "Flow", "Organization", "OrganizationMetadata", "VariableShape"}


def documents(kind: str, text: str) -> list[dict[str, Any]]:
    """The manifests of a block; a fragment of a spec becomes one."""
    indented = "".join(f"  {line}\n" for line in text.splitlines())
    whole = {"": text, "organization": organization(indented), "flow": flow(spec=indented)}[kind]
    return list(yaml.safe_load_all(whole))


def repository(root: Path, manifests: list[dict[str, Any]]) -> Path:
    """The manifests with all that they need: an organisation, the folders that they include, the flow files."""
    files: dict[str, str] = {"shared/f.yaml": flow("shared", source="{file: ../flows/shared.yaml}")}
    flows = [manifest for manifest in manifests if manifest["kind"] == "Flow"]
    organizations = [manifest for manifest in manifests if manifest["kind"] == "Organization"]
    pinned = any("version" in manifest["spec"]["source"] for manifest in flows)
    files["own/o.yaml"] = yaml.safe_dump(organizations[0]) if organizations else organization()
    if pinned:
        files["own/o.yaml"] += "  api: versioned\n"
    for manifest in flows:
        files[f"own/{manifest['metadata']['name']}.yaml"] = yaml.safe_dump(manifest)
        files.update(flow_file(manifest["spec"]))
    values = [value for each in organizations for value in each["spec"].get("substitutions", ())]
    files["flows/shared.yaml"] = f"commonModule:\n  name: Shared\n  description: '{placeholders(values)}'\n"
    if not any("include" in each["spec"] for each in organizations):
        if values:
            files["own/shared.yaml"] = files.pop("shared/f.yaml")
        else:
            del files["shared/f.yaml"]
    return write(root, files)


def flow_file(spec: dict[str, Any]) -> Iterator[tuple[str, str]]:
    source = spec["source"]
    if "file" in source:
        root = {kind: root for root, kind in ARCHY_ROOTS.items()}[spec.get("type", "inboundcall")]
        text = f"{root}:\n  name: {spec.get('name', 'Main IVR')}\n"
        yield f"own/{source['file']}", f"{text}  description: '{placeholders(source.get('substitutions', ()))}'\n"


def placeholders(names: Any) -> str:
    return " ".join(f"{{{{{name}}}}}" for name in names)


@pytest.mark.parametrize(("kind", "text"), BLOCKS, ids=lambda part: part.splitlines()[0] if part else "whole")
def test_every_block_is_valid_and_loads(kind: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_VALUE_PIN", "4711")
    manifests = documents(kind, text)
    for manifest in manifests:
        jsonschema.Draft202012Validator(json_schema()).validate(manifest)
    assert load(repository(tmp_path, manifests)).organizations


def test_there_are_blocks_of_every_form() -> None:
    assert {kind for kind, _ in BLOCKS} == {"", "organization", "flow"}
    assert len(BLOCKS) >= 14


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape not in DESCRIBED_IN_PROSE])
def test_every_field_has_its_row(shape: str) -> None:
    for row in rows(shape):
        assert row in PAGE


def test_the_mistakes_that_are_shown_are_what_is_told(tmp_path: Path) -> None:
    mistaken = organization("  sync: {}\n  safety: {}\n  windows: []\n  cycles: block\n  onLockd: wait\n").replace(
        "  credentials", "  api: architekt\n  credentials"
    )
    files = {
        "manifests/production.yaml": mistaken.replace("  sync: {}\n", ""),
        "manifests/voice.yaml": "# 1\n# 2\n" + flow(source="{file: ../flows/main-irv.yaml}"),
        "manifests/greeting.yaml": flow("greeting", source="{file: ../flows/greeting.yaml}"),
        "flows/main-ivr.yaml": "",
        "flows/greeting.yaml": "commonModule:\n" + "#\n" * 11 + "          name: A\n          name: B\n",
    }
    shown = re.search(r"^```text\n(flows/greeting.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert shown is not None
    assert mistakes(write(tmp_path, files)) == shown[1].splitlines()


def test_regions_and_types_are_listed() -> None:
    for domain, region in REGIONS.items():
        assert f"| `{domain}` | {region} |" in PAGE
    for kind in FlowType:
        assert f"`{kind.value}`" in PAGE
