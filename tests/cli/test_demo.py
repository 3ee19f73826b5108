"""`penstock demo`, as `make demo` runs it: every claim of its story is checked while it is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from controller.cli.demo.chapters import CHAPTERS

PENSTOCK = Path(sys.executable).with_name("penstock")


def test_the_demo_comes_to_its_end_and_every_claim_of_it_holds(tmp_path: Path) -> None:
    done = subprocess.run([PENSTOCK, "demo"], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    told = [line for line in done.stdout.splitlines() if line[:2] in {f"{number}." for number in range(10)}]
    assert len(told) == len(CHAPTERS)
    assert done.stdout.count("✓") >= len(CHAPTERS)
    assert list(tmp_path.iterdir()) == []
