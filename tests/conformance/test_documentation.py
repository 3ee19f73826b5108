"""docs/concepts/testing.md tells how many combinations and stories are played."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conformance import test_killed, test_two_faults

PAGE = (Path(__file__).parents[2] / "docs" / "concepts" / "testing.md").read_text(encoding="utf-8")


def test_the_counts_are_those_that_are_played() -> None:
    found = re.findall(r"\| (\d+) (combinations|stories) \| (\d+) (?:combinations|stories) \|", PAGE)
    assert {what: (int(every), int(nightly)) for every, what, nightly in found} == {
        "combinations": (test_two_faults.EVERY_RUN, test_two_faults.NIGHTLY),
        "stories": (test_killed.EVERY_RUN, test_killed.NIGHTLY),
    }
