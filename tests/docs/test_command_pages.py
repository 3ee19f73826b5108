"""The reference tells of every command, option and setting that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from controller.cli.commands import COMMANDS, Commands
from controller.cli.lazy import LazyGroup
from controller.reconcile.settings import Settings

DOCS = Path(__file__).parents[2] / "docs" / "reference"
PAGE = (DOCS / "commands.md").read_text(encoding="utf-8")
ELSEWHERE = {"graph": "graph.md", "diff": "graph.md", "simulator": "simulator.md", "trace": "traces.md"}
COMMON = {"--help", "--format", "--organization", "--out", "--folder"}


def test_every_command_has_a_section_and_no_other() -> None:
    assert sorted(re.findall(r"^## penstock (\S+)$", PAGE, re.MULTILINE)) == sorted(COMMANDS)


def test_every_setting_is_in_the_table_and_no_other() -> None:
    table = (DOCS / "configuration.md").read_text(encoding="utf-8").split("## Settings")[1].split("\n## ")[0]
    outside = {
        "LOG_LEVEL",
        "LOG_FORMAT",
        "WEBHOOK_SECRET",
        "INCOMING_WEBHOOK_SECRET",
        "FORGE_TOKEN",
        "GIT_TOKEN",
        "SESSION_KEY",
        "OIDC_CLIENT_SECRET",
        "SERVER",
        "TOKEN",
    }  # read before, or apart from, the settings

    named = {name for row in re.findall(r"^\| (`PENSTOCK.*?) \|", table, re.MULTILINE) for name in row.split(", ")}
    assert named == {f"`PENSTOCK_{name.upper()}`" for name in {*Settings.model_fields, *outside}}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_is_told_of(name: str) -> None:
    told = PAGE.split(f"## penstock {name}\n")[1].split("\n## ")[0]
    if name in ELSEWHERE:
        told += (DOCS / ELSEWHERE[name]).read_text(encoding="utf-8")
    command = Commands().load(name)
    parts = [command.load(each) for each in command.entries] if isinstance(command, LazyGroup) else [command]
    options = {option for part in parts for each in part.params for option in each.opts if option.startswith("--")}

    assert {option for option in options - COMMON if not re.search(rf"--(no-)?{option[2:]}\b", told)} == set()
