"""The version is the same in every file that names it, and the changelog has an entry for it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

from controller import __version__

ROOT = Path(__file__).parents[2]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
CLASSIFIER = "Programming Language :: Python :: "


def test_the_changelog_begins_with_this_version() -> None:
    released = re.findall(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)$", CHANGELOG, re.MULTILINE)

    assert released[0][0] == __version__
    assert [day for _, day in released] == sorted((day for _, day in released), reverse=True)


def test_changes_are_sorted_by_kind() -> None:
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "Measured"}

    assert set(re.findall(r"^### (.+)$", CHANGELOG, re.MULTILINE)) <= kinds


def test_the_commands_of_the_image_name_this_version() -> None:
    page = (ROOT / "docs" / "how-to" / "build-the-image.md").read_text(encoding="utf-8")
    named = re.findall(r"/penstock:(\S+)", page)

    assert named
    assert set(named) == {__version__}


def test_only_pythons_that_ci_runs_are_claimed() -> None:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["classifiers"]
    claimed = {each.removeprefix(CLASSIFIER) for each in classifiers if re.fullmatch(rf"{CLASSIFIER}3\.\d+", each)}
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))

    assert claimed == set(workflow["jobs"]["check"]["strategy"]["matrix"]["python"])
