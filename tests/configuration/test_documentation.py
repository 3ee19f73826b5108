"""The page about the configuration file, and its JSON Schema, say what the reader takes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from controller.cli.commands.schema import schema
from controller.reconcile.configuration.document import read_configuration

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(apiVersion.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", BLOCKS)
def test_each_example_is_read_and_fits_the_schema(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "configuration.yaml").write_text(text, encoding="utf-8")
    read_configuration(tmp_path / "configuration.yaml")
    schema("configuration/v1")
    found = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(found)
    jsonschema.Draft202012Validator(found).validate(yaml.safe_load(text))


def test_the_page_names_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    schema("penstock.configuration/v1")
    found = json.loads(capsys.readouterr().out)
    shapes = [found, *(each for each in found["$defs"].values() if "properties" in each)]
    keys = {key for shape in shapes for key in shape["properties"]}
    assert {key for key in keys if not re.search(rf"\b{key}\b", PAGE)} == set()
