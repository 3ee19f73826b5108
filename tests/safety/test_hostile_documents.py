"""What a person hands over, or has on the disk, is read or refused in one sentence, whatever it holds."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from controller.cli.plan_file import read_saved_plan
from controller.domain.errors.delivery import PlanUnreadable
from controller.domain.errors.repository import RepositoryTooLarge
from tests.manifests.repository import flow, load, organization, write

SCHEMA = "penstock.plan/v1"
ORGANIZATION = {"name": "acme", "digest": "sha256:0", "changes": []}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 200_000,
        '{"a":' * 200_000,
        "null",
        "[]",
        "1e999",
        json.dumps({"schema": SCHEMA}),
        json.dumps({"schema": SCHEMA, "organizations": {}}),
        json.dumps({"schema": SCHEMA, "organizations": "acme"}),
        json.dumps({"schema": SCHEMA, "organizations": [7]}),
        json.dumps({"schema": SCHEMA, "organizations": ["acme"]}),
        json.dumps({"schema": SCHEMA, "organizations": [{**ORGANIZATION, "changes": None}]}),
        json.dumps({"schema": SCHEMA, "organizations": [{**ORGANIZATION, "changes": [None]}]}),
        json.dumps({"schema": SCHEMA, "organizations": [{**ORGANIZATION, "changes": {"flow": "x"}}]}),
        json.dumps({"schema": [SCHEMA], "organizations": [ORGANIZATION]}),
        "\x00",
        '{"organizations": "\\ud800"}',
    ],
    ids=range(17),
)
def test_what_is_no_saved_plan_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)

    with pytest.raises(PlanUnreadable, match="is not a plan of the form"):
        read_saved_plan(path)


def test_a_device_is_no_saved_plan() -> None:
    with pytest.raises(PlanUnreadable, match="is not a plan of the form"):
        read_saved_plan(Path("/dev/zero"))


def test_folders_that_nest_deeper_than_a_path_may_are_refused_by_their_limit(tmp_path: Path) -> None:
    root = write(tmp_path, {"organization.yaml": organization(), "flow.yaml": flow()})
    here, inside = os.open(root, os.O_RDONLY), "d" * 250
    try:
        for _ in range(20):
            os.mkdir(inside, dir_fd=here)
            there = os.open(inside, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = there
        os.close(os.open("flow.yaml", os.O_WRONLY | os.O_CREAT, dir_fd=here))
    finally:
        os.close(here)

    with pytest.raises(RepositoryTooLarge, match="is longer than 1024 characters"):
        load(root)
