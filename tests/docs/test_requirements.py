"""docs/reference/requirements.md names tests that exist, and every row of the requirements."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT.parent / "shared" / "REQUIREMENTS.md"
ROWS = re.findall(
    r"^\| ([A-Z]\d+) \| (.+?) \| (.+?) \| (.*?) ?\|$",
    (ROOT / "docs" / "reference" / "requirements.md").read_text(),
    re.MULTILINE,
)
NAMED = sorted({name for *_, tests, _ in ROWS for name in re.findall(r"`([^`]+)`", tests)})


@cache
def functions_of(path: Path) -> frozenset[str]:
    """The names of the test functions of a file; none where there is no such file."""
    if not path.is_file():
        return frozenset()
    found = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return frozenset(each.name for each in found if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_test_that_is_named_exists() -> None:
    missing = [
        name for name in NAMED if name.partition("::")[2] not in functions_of(ROOT / "tests" / name.partition("::")[0])
    ]
    assert not missing


def test_every_row_names_a_test_or_says_what_is_missing() -> None:
    assert ROWS
    assert not [key for key, _, tests, gap in ROWS if tests == "none" and not gap]


@pytest.mark.skipif(not REQUIREMENTS.exists(), reason="the requirements are not beside the project")
def test_every_row_of_the_requirements_is_there_once() -> None:
    wanted = re.findall(r"^\| ([A-Z]\d+) \|", REQUIREMENTS.read_text(encoding="utf-8"), re.MULTILINE)
    assert [key for key, *_ in ROWS] == wanted
