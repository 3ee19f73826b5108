"""Plans as text at the widths of terminals: golden files, and what holds for every width."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.visible import visible
from controller.planning.inputs import PlanInputs
from controller.planning.model import HeldBack, Plan
from controller.planning.plan import make_plan
from controller.planning.rendering.layout import Cell as Field
from controller.planning.rendering.layout import Screen, aligned, columns, cut, listed, noted_once, wrapped
from controller.planning.rendering.text import plan_text
from tests.planning.compact import live_state, organization, recorded_state
from tests.planning.organizations_of_text import Document, add, large, mixed, one_flow

GOLDEN = Path(__file__).parent / "golden"
SIZES: dict[int, Callable[[], Document]] = {1: one_flow, 27: mixed, 300: large}
WIDTHS = (80, 120, 200)


def planned(document: Document) -> Plan:
    return make_plan(organization(document), live_state(document), recorded_state(document), PlanInputs("4f2a91c03b7d"))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("flows", SIZES)
def test_a_plan_looks_as_in_its_golden_file(flows: int, width: int) -> None:
    """GOLDEN=write writes the files anew; read them before you commit them."""
    plan = planned(SIZES[flows]())
    path = GOLDEN / f"plan-{flows}-flows-{width}.txt"
    text = plan_text([plan], screen=Screen(width))
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")

    assert len(plan.changes) == flows
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [40, 60, *WIDTHS])
@pytest.mark.parametrize("flows", SIZES)
def test_no_line_is_wider_than_the_terminal_or_ends_in_blanks(flows: int, width: int) -> None:
    """The digest is one word, and is never broken."""
    lines = plan_text([planned(SIZES[flows]())], everything=True, screen=Screen(width)).splitlines()
    wide = [line for line in lines if columns(line) > width and not line.startswith("Plan sha256:")]

    assert (wide, [line for line in lines if line != line.rstrip()]) == ([], [])


def test_every_change_has_one_line_whatever_the_width() -> None:
    plan = planned(large())
    for width in (None, 60, *WIDTHS):
        lines = plan_text([plan], screen=Screen(width)).splitlines()
        assert sum(line.startswith(("  + ", "  ~ ")) for line in lines) == len(plan.actions) == 270


def test_shortened_names_stay_different() -> None:
    """At 60 columns, 240 names differ in the middle, where the ellipsis would be."""
    lines = plan_text([planned(large())], screen=Screen(60)).splitlines()
    names = [line.split()[2] for line in lines if line.startswith("  ~ republish")]

    assert all("…" in name for name in names)
    assert len(set(names)) == 240


def test_a_long_reason_is_told_once() -> None:
    text = plan_text([planned(large())], screen=Screen(200))

    assert text.count("callers keep a module's version until they are published again") == 1
    assert len(re.findall(r"^20 callers follow Shared Announcements \d\d, wave 2: ", text, re.MULTILINE)) == 12


def test_without_a_terminal_names_are_whole_and_sentences_are_one_line() -> None:
    """So that a log can be searched."""
    text = plan_text([planned(mixed())])

    assert "…" not in text
    assert "1 restore, wave 1: changed" not in text
    assert (
        "\n10 callers follow Branded Greeting, wave 2: callers keep a module's version until they are published "
        in text
    )


def test_hostile_names_stay_inert_and_keep_their_place() -> None:
    plan = planned(mixed())
    for width in (None, *WIDTHS):
        text = plan_text([plan], screen=Screen(width))
        assert not set(text) & set("\x1b\u202e\r")
        assert visible("Web chat (EU | \x1b[31mred\u202e) 客服") in text.replace("\n      ", " ")
    rows = [line for line in plan_text([plan], screen=Screen(120)).splitlines() if line.startswith("  ~ ")]
    assert len({columns(re.split(r"\d+\.0 →", line)[0]) for line in rows}) == 1


def test_only_problems_shows_what_is_blocked_and_counts_the_rest() -> None:
    text = plan_text([planned(mixed())], only_problems=True, screen=Screen(80))

    assert [line.split()[0] for line in text.splitlines() if re.match(r"  [!~+>-] ", line)] == ["!", "!", "!"]
    assert "\n21 changes without problems are not shown\nfernhill at 4f2a91c03b7d: 4 to create" in text


def test_the_summary_of_every_organisation_is_at_the_end() -> None:
    *_, first, _, second, digest = plan_text([planned(mixed()), planned(one_flow())]).splitlines()

    assert first.startswith("fernhill at 4f2a91c03b7d: ")
    assert second == "production at 4f2a91c03b7d: 1 to create"
    assert digest.startswith("Plan sha256:")


def test_refusals_come_before_everything_and_one_for_many_changes_is_told_once() -> None:
    left_out = [
        HeldBack(f"flow-{number}", "not-confirmed", "its removal is not confirmed", None) for number in range(3)
    ]
    refused = HeldBack(None, "safety-limit", "fernhill: would change 12 of 20 flows", "look at the plan")
    plan = replace(planned(mixed()), held_back=(refused, *left_out))

    assert plan_text([plan]).splitlines()[1:4] == [
        "! apply would be refused now: fernhill: would change 12 of 20 flows; look at the plan [safety-limit]",
        "! apply would leave out 3 changes (flow-0, flow-1, flow-2) now: its removal is not confirmed [not-confirmed]",
        "",
    ]


def test_callers_of_different_modules_are_one_group_that_names_them() -> None:
    document: Document = {}
    for name in ("alpha", "beta"):
        add(document, name, f"commonmodule/{name.capitalize()}", version="1.0", was="old")
        add(
            document, f"calls-{name}", f"inboundcall/{name}", version="1.0", calls=[f"commonmodule/{name.capitalize()}"]
        )
    text = plan_text([planned(document)])

    assert "2 callers follow the flows named beside them, wave 2: callers keep a module's version" in text
    assert '  ~ republish  calls-alpha  inboundcall   1.0 → new  "alpha"  follows Alpha\n' in text


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("branded-greeting", 16, "branded-greeting"),
        ("branded-greeting", 11, "brand…eting"),
        ("客服中心呼叫流程", 9, "客服…流程"),
        ("e\u0301te\u0301 fini", 6, "e\u0301t…ini"),
        ("abc", 1, "…"),
    ],
)
def test_a_name_is_cut_in_the_middle_by_columns(text: str, width: int, shown: str) -> None:
    assert cut(text, width) == shown
    assert columns(shown) <= width


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=60), st.integers(1, 40))
def test_a_cut_name_always_fits(text: str, width: int) -> None:
    assert columns(cut(text, width)) <= width


@given(st.lists(st.text("ab 客", min_size=1, max_size=12), max_size=20), st.integers(12, 60))
def test_wrapping_loses_no_word_and_fits(words: list[str], width: int) -> None:
    text = " ".join(words)
    lines = wrapped(text, Screen(width), "  ", "    ")

    assert " ".join(lines).split() == text.split()
    assert all(columns(line) <= max(width, 4 + max(map(columns, line.split()), default=0)) for line in lines)


def test_a_list_of_names_says_how_many_do_not_fit() -> None:
    names = ["front-desk", "holidays", "opening-hours"]

    assert listed(names, None) == "front-desk, holidays, opening-hours"
    assert listed(names, 25) == "front-desk and 2 more"
    assert listed(names, 10) == "fro…esk +2"
    assert listed([], 10) == ""


def test_wide_characters_keep_columns_aligned() -> None:
    grid = aligned([[Field("客服"), Field("x")], [Field("desk"), Field("x")]], Screen(80))

    assert grid.lines == ("客服  x", "desk  x")


def test_a_note_of_neighbours_is_told_once_with_their_number() -> None:
    notes = [("a",), ("a", "b"), ("a",), (), ("a",), ("b",)]

    assert noted_once(notes) == [(), ("b",), ("these 3: a",), (), ("a",), ("b",)]
