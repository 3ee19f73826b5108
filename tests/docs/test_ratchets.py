"""The coverage floor never falls: pyproject.toml is compared with what git remembers of it.

The files that `make test` leaves to `make proof` are there: a file that is renamed would return to it unseen.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.conftest import LONG

ROOT = Path(__file__).parents[2]
_FLOOR = re.compile(r"^fail[-_]under = ([\d.]+)$", re.MULTILINE)
"""As SlipCover spells it, and as coverage.py does, which measured before."""


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=False, capture_output=True, text=True).stdout


def test_the_coverage_floor_only_rises() -> None:
    """A shallow checkout knows fewer earlier values, and a folder without git none."""
    commits = _git("log", "--format=%H", "-G", "^fail[-_]under = ", "--", "pyproject.toml").split()
    earlier = [float(value) for each in commits for value in _FLOOR.findall(_git("show", f"{each}:pyproject.toml"))]
    (floor,) = _FLOOR.findall((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    assert float(floor) >= max(earlier, default=0)


def test_each_file_that_is_left_to_the_proofs_exists() -> None:
    files = [ROOT / "tests" / folder / f"test_{name}.py" for folder, names in LONG.items() for name in names.split()]

    assert [file for file in files if not file.is_file()] == []
