"""Manifests for real flow files load, each with what its file needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.flows.flow_file import parse
from controller.flows.substitution import placeholders, render
from tests.flows.corpus import FILES, TEMPLATES, text_of
from tests.manifests.repository import flow, load, organization, write


@pytest.mark.corpus
@pytest.mark.skipif(not FILES, reason="the folder of real flow files is absent")
def test_a_repository_of_real_flow_files_loads(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"o.yaml": organization()}
    keys = set()
    for number, file in enumerate([*FILES, *TEMPLATES]):
        names = placeholders(text_of(file))
        key = parse(render(text_of(file), dict.fromkeys(names, f"value {number}"))).key
        if key in keys:
            continue  # two states of one flow
        keys.add(key)
        values = ", ".join(f"{name}: value {number}" for name in names)
        files[f"real/{number}.yaml"] = file.read_bytes()
        source = f"{{file: real/{number}.yaml, substitutions: {{{values}}}}}"
        files[f"f{number}.yaml"] = flow(f"f-{number}", f"  type: {key.type}\n", source=source)
    desired = load(write(tmp_path, files))
    assert {flow.key for flow in desired.organizations[0].flows} == keys
    assert len(keys) >= 20
