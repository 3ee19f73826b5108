"""The pictures of docs/concepts have the states and steps of the code, and no others."""

from __future__ import annotations

import re
from pathlib import Path

from controller.domain.status import StepState

CONCEPTS = Path(__file__).parents[2] / "docs" / "concepts"
_IN_ORDER = [StepState.PENDING, StepState.SKIPPED, *(each for each in StepState if each not in {"pending", "skipped"})]
CHANGES = (CONCEPTS / "changes.md").read_text(encoding="utf-8")


def test_the_picture_shows_every_state_of_a_change() -> None:
    picture = re.search(r"```mermaid\n(.*?)```", CHANGES, re.DOTALL)
    assert picture is not None
    drawn = {name for pair in re.findall(r"^    (\S+) --> (\w+|\[\*\])", picture[1], re.MULTILINE) for name in pair}

    assert drawn - {"[*]"} == {state.value.replace("-", "_") for state in StepState}


def test_every_state_of_a_change_is_explained() -> None:
    table = CHANGES.split("| state | meaning |")[1].split("\n\n")[0]

    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == [state.value for state in _IN_ORDER]


def test_terms_are_in_order() -> None:
    page = (CONCEPTS / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^\| ([a-z][^|]*) \|", page, re.MULTILINE)[1:]

    assert terms == sorted(terms)
