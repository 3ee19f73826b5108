"""Every mistake is told at once, with file, line, column, what was expected and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.manifests.repository import mistakes, read_case, write

CASES = sorted((Path(__file__).parent / "cases").glob("*.case"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_mistakes_of_a_repository_are_those_of_its_case(path: Path, tmp_path: Path) -> None:
    case = read_case(path)
    expected = case.pop("expected").splitlines()
    assert mistakes(write(tmp_path, case)) == expected
