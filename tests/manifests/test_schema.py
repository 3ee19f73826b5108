"""The JSON Schema describes what the loader takes, for editors and for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml

from controller.manifests.schema import json_schema
from tests.manifests.repository import EVERYTHING, FLOW, flow, organization, read_case

PROJECT = Path(__file__).parents[2]
VALIDATOR = jsonschema.Draft202012Validator(json_schema())
MANIFESTS = sorted(
    path
    for folder in ("manifests", "examples")
    for path in (PROJECT / folder).rglob("*.yaml")
    if "apiVersion: penstock/" in path.read_text(encoding="utf-8")
)


def documents(text: str) -> Iterator[object]:
    return (document for document in yaml.safe_load_all(text) if document is not None)


def test_the_schema_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert json_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_schema_is_the_same_every_time() -> None:
    assert json_schema() == json_schema()


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_manifest_of_the_project_is_valid(path: Path) -> None:
    for document in documents(path.read_text(encoding="utf-8")):
        VALIDATOR.validate(document)


@pytest.mark.parametrize("text", [organization(EVERYTHING), flow(spec=FLOW), organization(), flow()])
def test_what_the_loader_takes_is_valid(text: str) -> None:
    for document in documents(text):
        VALIDATOR.validate(document)


CASES = [
    "unknown-keys",
    "missing-fields",
    "unknown-words",
    "durations",
    "percentages",
    "bounds",
    "source-choice",
    "names-of-manifests",
]


@pytest.mark.parametrize("name", CASES)
def test_what_is_mistaken_in_form_is_invalid(name: str) -> None:
    files = read_case(Path(__file__).parent / "cases" / f"{name}.case")
    told = {line.split(":")[0] for line in files.pop("expected").splitlines()}
    for path in told:
        assert not all(VALIDATOR.is_valid(document) for document in documents(files[path])), path


def fields(schema: dict[str, object]) -> Iterator[tuple[str, dict[str, object]]]:
    for kind, definition in schema["$defs"].items():  # type: ignore[attr-defined]
        for name, field in definition.get("properties", {}).items():
            yield f"{kind}.{name}", {**definition_behind(schema, field), **field}


def definition_behind(schema: dict[str, object], field: dict[str, object]) -> dict[str, object]:
    name = str(field.get("$ref", "")).rsplit("/", 1)[-1]
    return schema["$defs"].get(name, {})  # type: ignore[attr-defined, no-any-return]


def test_every_field_has_a_description_and_none_may_be_null() -> None:
    for name, field in fields(json_schema()):
        assert field.get("description"), name
        assert {"type": "null"} not in field.get("anyOf", []), name  # type: ignore[operator]


def test_defaults_are_written_as_a_manifest_writes_them() -> None:
    known = {name: field.get("default") for name, field in fields(json_schema())}
    assert known["HttpShape.timeout"] == "10s"
    assert known["ExecutionShape.timeout"] == "2m"
    assert known["RolloutShape.bake"] == "0s"
    assert known["SafetyShape.maxUpdatePercent"] == 30
    assert known["OrganizationSpec.api"] == "architect"
