"""pyproject.toml, constraints.txt and docs/reference/dependencies.md name the same libraries."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.distributions import installed_with

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
TEST_GROUP = PYPROJECT["dependency-groups"]["test"]
IMAGE_GROUP = PYPROJECT["dependency-groups"]["image"]
DOCUMENT = (ROOT / "docs" / "reference" / "dependencies.md").read_text(encoding="utf-8")
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINNED = {canonicalize_name(line.partition("==")[0]) for line in CONSTRAINTS}


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(each).name) for each in requirements}


def documented(heading: str) -> set[str]:
    """The names in the first column of a section's table; several may stand in one cell."""
    section = DOCUMENT.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE)
    return {canonicalize_name(name.strip()) for row in rows for name in row.split(",")} - {"library"}


def test_every_dependency_is_explained_and_nothing_else() -> None:
    assert documented("At run time") == names(PROJECT["dependencies"])


def test_every_test_dependency_is_explained_and_nothing_else() -> None:
    assert documented("For tests only") == names(TEST_GROUP)


def test_what_writes_the_images_requirements_is_explained() -> None:
    assert documented("For the image") == names(IMAGE_GROUP)


def test_constraints_are_versions_without_addresses() -> None:
    assert [line for line in CONSTRAINTS if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line)] == []


def test_constraints_hold_what_an_installation_brings_and_nothing_else() -> None:
    wanted = {*PROJECT["dependencies"], *TEST_GROUP, *IMAGE_GROUP}

    assert installed_with(wanted) <= PINNED
    assert installed_with(wanted, machine=None) >= PINNED
