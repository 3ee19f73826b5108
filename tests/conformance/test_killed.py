"""Kill -9 at any moment of `penstock apply` and `penstock run`, against paged versions, staged rollouts and switches.

Every check kills some, `make nightly` more than a hundred; a failure names its seed and leaves its folder behind.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import run

ROOT = Path(__file__).parents[2]
EVERY_RUN, NIGHTLY = 2, 120


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "seeds",
    [
        range(EVERY_RUN),
        *(pytest.param(range(place, place + 13), marks=pytest.mark.nightly) for place in range(EVERY_RUN, NIGHTLY, 13)),
    ],
    ids=str,
)
def test_whenever_it_is_killed_what_is_asked_for_is_live_once_and_recorded(seeds: range, tmp_path: Path) -> None:
    words = (str(tmp_path / "stories"), *map(str, seeds))
    done = run(*words, module="tests.conformance.killed", strict=False, cwd=ROOT, timeout=3600)
    assert done.returncode == 0, done.stderr[-4000:]
    outcome = json.loads((tmp_path / "stories" / "outcome.json").read_text())
    assert [told["seed"] for told in outcome] == list(seeds)
    assert sum(told["kills"] for told in outcome) >= len(seeds) * 2 / 3, "nearly all are killed"
    assert not (wrong := [told for told in outcome if told["wrong"]]), json.dumps(wrong, indent=2)
