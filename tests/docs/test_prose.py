"""Pages are in plain English: few of the turns of phrase that make prose hard to read.

kopf's, httpx's and structlog's docstrings have 0.3 to 0.6 of these in 1,000 words.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")])
MOST_PER_1000 = 3.0
_TURNS = re.compile(
    r"\b(what (?:is|was|it|they|are|will|would|has|had|can|came|becomes|became|nobody|somebody|everybody)"
    r"|whoever|whatever|whichever|nobody|somebody|of which|in vain|besides|by itself|gone on with|goes on with"
    r"|go on with|for ever|as they stand|stands?|is at rest|not at its end|the word to stop|the last word|what asks"
    r"|whose|taken back|takes back|by hand|wish|glance|deed|comes? to rest)\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_is_in_plain_english(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    turns = [found[0] for found in _TURNS.finditer(text)]

    assert 1000 * len(turns) / len(text.split()) <= MOST_PER_1000, turns
