"""The comment on a pull request: complete, short enough, and harmless whatever a name holds."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given

from controller.domain.visible import visible
from controller.planning.model import BaseView, ChangeKind, Plan, Unplanned
from controller.planning.rendering.escaping import LONGEST, code, escape
from controller.planning.rendering.markdown import COMMENT_LIMIT, plan_markdown
from controller.planning.rendering.view import FlowDifference, PlanView
from controller.questions.plan_views import MOST_DRAWN, mermaid_order, plan_views
from tests.planning import plans
from tests.planning.forge_markup import LIVE, github, live_markup
from tests.planning.hostile_names import DANGEROUS, NAMES, view_of
from tests.planning.plans import CASES
from tests.support.examples import examples


@given(NAMES)
@example(plans.HOSTILE)
@examples(60)
def test_no_name_is_live_markup_on_any_forge(name: str) -> None:
    assert live_markup(plan_markdown([view_of(name), view_of(name)], everything=True)) == []


@pytest.mark.parametrize("name", [each for each in DANGEROUS if each.strip()])
def test_the_dangerous_alone_is_harmless(name: str) -> None:
    assert live_markup(plan_markdown([view_of(name)], everything=True)) == []


@pytest.mark.parametrize("name", ["@team", "#12", "GH-1", "o/r/issues/4", "d8a994e", "www.example.com", "a://b"])
def test_the_search_for_live_markup_finds_what_is_not_escaped(name: str) -> None:
    """Or the tests above could not fail."""
    assert live_markup(f"- {name}\n")


@given(NAMES)
@examples(60)
def test_a_reader_sees_exactly_the_name(name: str) -> None:
    """In a cell, in a list and in a title of a folded part, once the zero-width spaces are taken out."""
    for frame in ("|  |\n|---|\n| <b>{}</b> |\n", "- <b>{}</b>\n", "<details><summary>{}</summary>\n\n</details>\n"):
        shown = github(frame.format(escape(name))).text
        expected = visible(name)
        expected = expected if len(expected) <= LONGEST else f"{expected[: LONGEST - 1]}…"
        assert shown.replace("\xa0", " ").strip() == expected.replace("\xa0", " ").strip()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Main IVR", "Main IVR"),
        ("queue-01", "queue-01"),
        ("Main IVR ", "Main IVR&#160;"),
        ("a|b", "a&#124;b"),
        ("<b>", "&#60;b&#62;"),
        ("@all", "&#64;&#8203;all"),
        ("60 %, limit 30 %", "60 %, limit 30 %"),
        ("1. first", "1&#46; first"),
        ("3.0 → 4.0", "3.0 → 4.0"),
        ("/close", "&#47;close"),
        ("a\nb", "a&#92;nb"),
        ("😀 ü 客服", "😀 ü 客服"),
    ],
)
def test_names_stay_readable_in_the_source(name: str, shown: str) -> None:
    """A name without anything special is as it is, so that it can be copied."""
    assert escape(name) == shown


def test_only_plain_identifiers_are_code() -> None:
    assert code("penstock approve sha256:1f") == "`penstock approve sha256:1f`"
    assert code("a`b") == "a&#96;b"
    assert code("@x") == "&#64;&#8203;x"


def test_the_summary_comes_first_then_problems_then_changes() -> None:
    text = plan_markdown(plans.several())
    places = [text.index(part) for part in ("<b>production-us</b>", "safety-limit", "| flow |", "mermaid", "approve")]
    assert places == sorted(places)
    assert text.count("- <b>production") == 3


def test_callers_with_one_reason_are_one_row_and_a_folded_table() -> None:
    text = plan_markdown([plans.updated()])
    [row] = [line for line in text.splitlines() if "<b>10 callers</b>" in line]
    assert row.endswith("| 4.0 → a new version | follow Branded Greeting |")
    assert "<summary>10 callers follow Branded Greeting</summary>" in text
    assert all(text.count(f"<b>menu-{number:02}</b>") == 1 for number in range(10))


def test_pinned_versions_are_one_row_whatever_versions_are_live() -> None:
    text = plan_markdown([plans.many()])
    [row] = [line for line in text.splitlines() if "| switch |" in line]
    assert row.endswith("| one version each | the pinned version is not live, another one is |")
    assert '| <b>flow-299</b><br>inboundcall "Flow-299" | 299.1 → 9.0 |  |' in text


def test_where_nothing_changes_the_text_is_short() -> None:
    staging = replace(plans.nothing(), plan=replace(plans.nothing().plan, organization="staging"))
    assert plan_markdown([plans.nothing(), staging]) == (
        "### Penstock plan\n\n- <b>production</b>: in sync, nothing to do\n- <b>staging</b>: in sync, nothing to do\n"
    )
    assert plan_markdown([]) == "No organisation to plan for.\n"


def test_a_view_against_a_base_says_what_it_hides_and_approves_the_full_plan() -> None:
    view = plans.refused()
    text = plan_markdown([view])
    hidden = "hidden, because the base has them as well: 3 changes and 1 out-of-band difference"
    assert f"1 to create, compared with main; {hidden}\n" in text
    assert f"penstock approve {view.plan.digest}" in text
    whole = replace(view.plan, view=BaseView("main", "4567abc0123", flows=("front",)))
    assert "1 to create, compared with main\n" in plan_markdown([PlanView(whole)])


def test_changes_that_the_base_has_as_well_are_neither_listed_nor_drawn() -> None:
    plan = replace(plans.updated().plan, view=BaseView("main", "4567abc0123", flows=("greeting", "menu-00")))
    [view] = plan_views([plan])
    text = plan_markdown([view])
    assert view.order.count("-->") == 1
    assert "menu-00" in text
    assert "menu-01" not in text
    assert "holiday" not in text


def test_an_organisation_without_a_plan_is_named_with_the_reason() -> None:
    text = plan_markdown([plans.nothing()], [Unplanned("added", "the branch adds this organisation")])
    assert "- <b>added</b>: no plan\n" in text
    assert "#### added\n\n**Notes**\n\n- the branch adds this organisation\n" in text
    assert "approve" not in text


def test_a_plan_from_an_unchecked_file_is_marked_and_cannot_be_approved() -> None:
    text = plan_markdown([plans.updated()], checked=False)
    assert "This plan comes from a file that was not checked. It cannot be approved." in text
    assert "approve sha256" not in text
    assert plans.updated().plan.digest not in text


def test_the_order_is_drawn_up_to_fifty_flows() -> None:
    def chain(length: int) -> Plan:
        ids = [f"f{number}" for number in range(length)]
        calls = {one: [f"inboundcall/{other}"] for one, other in pairwise(ids)}
        return plans.plan_of(
            {"desired": {id_: {"key": f"inboundcall/{id_}", "digest": "a", "calls": calls.get(id_, [])} for id_ in ids}}
        )

    [view] = plan_views([chain(MOST_DRAWN)])
    assert view.order.count("-->") == MOST_DRAWN - 1
    assert "```mermaid\nflowchart LR\n" in plan_markdown([view])
    assert mermaid_order(chain(MOST_DRAWN + 1)) == ""
    assert mermaid_order(plans.created().plan) == ""


def test_an_arrow_leads_from_what_is_deployed_first() -> None:
    order = mermaid_order(plans.updated().plan)
    names = dict(re.findall(r'(n\d+)\["([\w-]+)<br/>', order))
    arrows = {(names[one], names[other]) for one, other in re.findall(r"(n\d+) --> (n\d+)", order)}
    assert arrows == {("greeting", f"menu-{number:02}") for number in range(10)} | {("hours", "holiday")}


@pytest.mark.parametrize("case", CASES)
def test_a_comment_is_never_longer_than_allowed_and_never_broken(case: str) -> None:
    views = CASES[case]()
    whole = plan_markdown(views, everything=True, limit=10_000_000)
    texts = {plan_markdown(views, everything=True)}
    assert max(map(len, texts)) <= COMMENT_LIMIT
    for limit in (2_000, 5_000, 20_000, 40_000, COMMENT_LIMIT, 1_000_000):
        text = plan_markdown(views, everything=True, limit=limit)
        assert len(text) <= limit
        assert (text == whole) == ("Shortened to fit a comment" not in text)
        assert (len(whole) <= limit) == (text == whole)
        texts.add(text)
    for text in texts:
        assert live_markup(text) == []


def test_a_long_plan_is_cut_from_its_least_important_end() -> None:
    """Differences go first, then the order, members, drift and changes; refusals, blocks and the summary stay."""
    views = plans.several()

    def left(limit: int) -> list[str]:
        text = plan_markdown(views, limit=limit)
        marks = {
            "differences": "**Differences**", "order": "mermaid", "members": "<summary>14 flows", "drift": "**Drift**",
            "changes": "<b>holiday</b>", "problems": "safety-limit", "summary": "<b>staging</b>",
        }  # fmt: skip
        return [name for name, mark in marks.items() if mark in text]

    whole = len(plan_markdown(views))
    steps = [left(limit) for limit in range(whole, 2_000, -100)]
    assert steps[0] == ["differences", "order", "members", "drift", "changes", "problems", "summary"]
    assert all(later == earlier[len(earlier) - len(later) :] for earlier, later in pairwise(steps))
    assert {len(step) for step in steps} >= {7, 6, 5, 4, 3, 2}


def test_what_is_cut_is_counted_with_the_way_to_see_it() -> None:
    text = plan_markdown([plans.unlike()], limit=30_000)
    [notice] = [line for line in text.splitlines() if line.startswith("> ")]
    changes = text.count("| switch |")
    assert notice == (
        f"> Shortened to fit a comment: 100 flow comparisons and {300 - changes} changes left out. "
        "`penstock plan --diff` shows everything."
    )
    assert text.index(notice) < text.index("| flow |")


def test_of_too_many_changes_removals_stay_longest() -> None:
    changes = plans.unlike().plan.changes
    removal = replace(changes[-1], kind=ChangeKind.DELETE, flow="goes-away")
    plan = replace(plans.unlike().plan, changes=(*changes, removal))
    text = plan_markdown([PlanView(plan)], limit=3_000)
    assert "goes-away" in text
    assert "flow-000" in text
    assert "flow-299" not in text


def test_a_long_list_of_differences_inside_one_flow_is_cut_and_counted() -> None:
    difference = FlowDifference("front", "1.0 -> flows/front.yaml", (("~", "a"),) * 1000)
    text = plan_markdown([replace(plans.created(), differences=(difference,))])
    assert text.count("- `~` a\n") == 100
    assert "- and 900 more\n" in text


def test_the_search_patterns_are_those_that_forges_use() -> None:
    """Each pattern finds the example of its forge's documentation."""
    examples = {
        "mention": "@user_name", "issue": "#123", "merge request": "!123", "label": "~bug", "milestone": "%v1.23",
        "snippet": "$123", "epic": "&123", "alert": "^alert#123", "iteration": '*iteration:"title"',
        "bracketed reference": "[vulnerability:123]", "wiki page": "[[Home]]", "inline difference": "{+ added +}",
        "prefixed issue": "GH-26", "path of an issue": "jlord/sheetsee.js/issues/26",
        "commit": "a5c3785ed8d6a35868bc169f07e40e889087fd2e", "address": "https://github.com", "bare host": "www.a.org",
        "emoji": ":+1:",
    }  # fmt: skip
    assert examples.keys() == LIVE.keys()
    assert all(re.search(LIVE[name], example) for name, example in examples.items())
