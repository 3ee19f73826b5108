"""The comment and the page of each situation, byte for byte.

`GOLDEN=write` writes the files anew; look at what changed before you commit it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from controller.planning.rendering.markdown import plan_markdown
from controller.planning.rendering.page import plan_html
from controller.planning.rendering.view import PlanView
from tests.planning.plans import CASES

FOLDER = Path(__file__).parent / "golden_pages"
FORMATS: dict[str, Callable[[Iterable[PlanView]], str]] = {"md": plan_markdown, "html": plan_html}


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("case", CASES)
def test_a_plan_is_shown_as_it_was_looked_at(case: str, ending: str) -> None:
    file = FOLDER / f"{case}.{ending}"
    text = FORMATS[ending](CASES[case]())
    if os.environ.get("GOLDEN") == "write":
        file.write_text(text, encoding="utf-8", newline="\n")
    assert text == file.read_text(encoding="utf-8")


def test_every_golden_file_belongs_to_a_case() -> None:
    assert {file.name for file in FOLDER.iterdir()} == {f"{case}.{ending}" for case in CASES for ending in FORMATS}
