"""How plans are shown: complete, the same every time, and safe whatever a name holds."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from controller.domain.identity import FlowKey
from controller.domain.status import StepState
from controller.domain.visible import visible
from controller.planning.inputs import PlanInputs
from controller.planning.model import ChangeKind, Plan, UnderWay
from controller.planning.plan import make_plan
from controller.planning.rendering.document import plan_json
from controller.planning.rendering.escaping import escape
from controller.planning.rendering.layout import Screen
from controller.planning.rendering.markdown import plan_markdown
from controller.planning.rendering.page import plan_html
from controller.planning.rendering.text import plan_text
from controller.planning.rendering.view import PlanView
from tests.planning.compact import live_state, organization, recorded_state

NASTY = "Main | <script>alert(1)</script> `x` **b** [a](http://e) @team #12 \r\n\x1b[31m\u202ered\u2028 😀 "


def _plan(document: dict[str, Any]) -> Plan:
    return make_plan(organization(document), live_state(document), recorded_state(document), PlanInputs("0123abc"))


@pytest.fixture
def plan() -> Plan:
    """One change of each look: added, changed, blocked, removed, in sync; with drift, a cycle and an unmanaged flow."""
    return _plan(
        {
            "organization": {"prune": True},
            "desired": {
                "a": {"key": "inboundcall/A", "digest": "a", "calls": ["inboundcall/B"]},
                "b": {"key": "inboundcall/B", "digest": "b", "calls": ["inboundcall/A"]},
                "greeting": {"key": "commonmodule/Greeting", "digest": "g2"},
                "hours": {"key": "inboundcall/Hours", "version": "2.0"},
                "ivr": {"key": "inboundcall/Main IVR", "digest": "i", "calls": ["commonmodule/Greeting"]},
                "same": {"key": "inboundcall/Same", "digest": "s"},
            },
            "live": {
                "commonmodule/Greeting": {"version": "3.0"},
                "inboundcall/Hours": {"version": "1.0"},
                "inboundcall/Main IVR": {"version": "4.0", "locked": {"name": "Jane"}},
                "inboundcall/Old": {"version": "1.0"},
                "inboundcall/Same": {"version": "5.0"},
                "inboundcall/By Hand": {"version": "1.0"},
            },
            "recorded": {
                "commonmodule/Greeting": {"manifest": "greeting", "version": "3.0", "digest": "g1"},
                "inboundcall/Main IVR": {
                    "manifest": "ivr",
                    "version": "4.0",
                    "digest": "i",
                    "consumed": {"commonmodule/Greeting": "3.0"},
                },
                "inboundcall/Old": {"manifest": "old", "version": "1.0", "digest": "o"},
                "inboundcall/Same": {"manifest": "same", "version": "5.0", "digest": "s"},
            },
        }
    )


@pytest.fixture
def nasty() -> Plan:
    """A plan in which everything that can carry a name carries a nasty one."""
    return _plan(
        {
            "organization": {"name": NASTY},
            "desired": {NASTY: {"key": f"inboundcall/{NASTY}", "digest": "a", "calls": [f"inboundcall/{NASTY}2"]}},
            "live": {f"inboundcall/{NASTY}": {"version": "1|0", "locked": {"name": NASTY}}},
            "recorded": {f"inboundcall/{NASTY}": {"manifest": NASTY, "version": "0.9", "digest": "old"}},
            "partial": [NASTY],
        }
    )


def test_text_shows_what_blocks_what_changes_and_why(plan: Plan) -> None:
    """The blocked changes come first, each reason is told once, and the summary is last."""
    assert plan_text([plan]) == (
        "production\n"
        "2 blocked (cycle): flows consume each other: a -> b -> a; break the cycle, or set cycles: group once all of "
        "these flows are published\n"
        "  ! create     a         inboundcall   new\n"
        "  ! create     b         inboundcall   new            after a\n"
        "\n"
        "1 blocked (flow-locked): inboundcall/Main IVR is locked by Jane, since when is not known; ask them to check "
        "in, or set onLocked: wait or unlock\n"
        '  ! republish  ivr       inboundcall   4.0 → new      "Main IVR"  after greeting\n'
        "\n"
        "1 to publish: the source changed\n"
        "  ~ publish    greeting  commonmodule  3.0 → new\n"
        "\n"
        "1 to switch: 2.0 is pinned, 1.0 is live\n"
        "  > switch     hours     inboundcall   1.0 → 2.0\n"
        "\n"
        "1 to unpublish: its manifest 'old' is gone, and sync.prune is on\n"
        "  - unpublish  old       inboundcall   1.0 → nothing\n"
        "\n"
        "Cycles\n"
        "  a -> b -> a\n"
        "\n"
        "Notes\n"
        "  1 flow is in no manifest and left alone\n"
        "\n"
        "production at 0123abc: 2 to create, 1 to publish, 1 to switch, 1 to republish, 1 to unpublish (3 blocked), "
        "1 unchanged\n"
        f"Plan {plan.digest}\n"
    )


def test_a_pinned_caller_that_a_moving_module_leaves_behind_is_told_in_every_form() -> None:
    """It is no change, so it would be in no table: it is bound to what it was published with, and stays so."""
    moving = _plan(
        {
            "desired": {
                "greeting": {"key": "commonmodule/Greeting", "digest": "g2"},
                "ivr": {"key": "inboundcall/IVR", "version": "4.0"},
            },
            "live": {
                "commonmodule/Greeting": {"version": "3.0"},
                "inboundcall/IVR": {"version": "4.0", "calls": ["commonmodule/Greeting"]},
            },
            "recorded": {
                "commonmodule/Greeting": {"manifest": "greeting", "version": "3.0", "digest": "g1"},
                "inboundcall/IVR": {"manifest": "ivr", "version": "4.0", "consumed": {"commonmodule/Greeting": "2.0"}},
            },
        }
    )
    told = (
        "pinned version 4.0 of inboundcall/IVR stays bound to 2.0 of commonmodule/Greeting, "
        "which this plan publishes anew; pin a version that was published after it, or give the manifest a source"
    )
    [drift] = json.loads(plan_json([moving]))["organizations"][0]["drift"]
    assert (drift["flow"], drift["kind"], drift["message"]) == ("ivr", "stale-binding", told)
    assert (drift["expected"], drift["actual"]) == (None, "2.0")
    assert f"  ivr (stale-binding): {told}\n" in plan_text([moving])
    assert f"- <b>ivr</b> (stale-binding): {escape(told)}\n" in plan_markdown([PlanView(moving)])
    assert told in plan_html([PlanView(moving)])


def test_what_a_delivery_is_about_to_change_is_told_in_every_form() -> None:
    """What is live does not show it, so that a plan without changes must not pass for the last word."""
    keys = [FlowKey("inboundcall", f"{name} {NASTY}") for name in ("A", "B", "C")]
    states = (StepState.PUBLISHING, StepState.ROLLING_BACK, StepState.VALIDATED)
    under_way = tuple(
        UnderWay(f"{key.name[0].lower()}<b>", key, ChangeKind.PUBLISH, state, "0123456789abcdef", "1.0", "2.0")
        for key, state in zip(keys, states, strict=True)
    )
    inputs = PlanInputs("0123abc", under_way=under_way)
    plan = make_plan(organization({}), live_state({}), recorded_state({}), inputs)

    told = (
        "a delivery of revision 0123456789ab is unfinished and is resumed before this plan; it changes "
        "a<b> (publishing), b<b> (going back to 1.0), c<b> (not begun)"
    )
    assert plan_text([plan]).startswith(f"production\nNotes\n  {told}\n")
    assert "production at 0123abc: nothing to do\n" in plan_text([plan])
    assert f"- {escape(told)}\n" in plan_markdown([PlanView(plan)])
    assert told.replace("<", "&lt;").replace(">", "&gt;") in plan_html([PlanView(plan)])
    listed = json.loads(plan_json([plan]))["organizations"][0]["under_way"]
    assert [each["state"] for each in listed] == ["publishing", "rolling-back", "validated"]
    assert listed[0] == {
        "flow": "a<b>",
        "type": "inboundcall",
        "name": keys[0].name,
        "change": "publish",
        "state": "publishing",
        "revision": "0123456789abcdef",
        "from_version": "1.0",
        "to_version": "2.0",
    }
    quiet = make_plan(organization({}), live_state({}), recorded_state({}), PlanInputs("0123abc"))
    assert plan.digest == quiet.digest


def test_everything_lists_the_flows_in_sync_too(plan: Plan) -> None:
    assert " same " not in plan_text([plan])
    assert "  = none       same      inboundcall   5.0\n" in plan_text([plan], everything=True)
    assert '"Same"' in plan_markdown([PlanView(plan)], everything=True)
    assert "Same" in plan_html([PlanView(plan)], everything=True)


def test_what_nothing_is_done_about_is_not_called_in_sync() -> None:
    """A flow that was moved by hand stays as it is without healing, and differs from git."""
    moved = _plan(
        {
            "desired": {"hours": {"key": "inboundcall/Hours", "digest": "a"}},
            "live": {"inboundcall/Hours": {"version": "2.0"}},
            "recorded": {"inboundcall/Hours": {"manifest": "hours", "version": "1.0", "digest": "a"}},
        }
    )

    shown = [plan_text([moved], everything=True), plan_markdown([PlanView(moved)], everything=True)]

    assert all("changed out of band" in text and "in sync" not in text.lower() for text in shown)


def test_a_manifest_that_renamed_its_flow_is_not_called_gone() -> None:
    renamed = _plan(
        {
            "organization": {"prune": True},
            "desired": {"ivr": {"key": "inboundcall/Front Door", "digest": "a", "renamedFrom": "Main IVR"}},
            "live": {"inboundcall/Main IVR": {"version": "4.0"}},
            "recorded": {"inboundcall/Main IVR": {"manifest": "ivr", "version": "4.0", "digest": "a"}},
        }
    )

    text = plan_text([renamed])

    assert "manifest 'ivr' asks for another flow now" in text
    assert "gone" not in text


def test_colour_is_only_in_signs_and_titles(plan: Plan) -> None:
    """Without colour there is no escape sequence at all; with it, taking the sequences out gives the plain text."""
    assert "\x1b" not in plan_text([plan])
    assert "\x1b[33m~\x1b[0m publish" in plan_text([plan], screen=Screen(color=True))
    assert re.sub(r"\x1b\[[\d;]*m", "", plan_text([plan], screen=Screen(color=True))) == plan_text([plan])


def test_a_plan_without_changes_says_so() -> None:
    in_sync = _plan({})
    assert plan_text([in_sync]).startswith("production at 0123abc: in sync, nothing to do\n")
    assert plan_text([]) == "No organisation to plan for.\n"
    assert plan_markdown([]) == "No organisation to plan for.\n"


def test_a_name_cannot_write_to_the_terminal(nasty: Plan) -> None:
    """Control characters, line ends and direction marks are shown as escapes; emoji and letters as they are."""
    text = plan_text([nasty])
    assert not set(text) & set("\x1b\r\u202e\u2028")
    assert r"\r\n\x1b[31m\u202ered\u2028 😀" in text
    assert all(
        line.startswith(("  ", "Main", "1 blocked", "Drift", "Notes", "Plan ")) for line in text.split("\n") if line
    )


def test_json_holds_names_exactly_and_follows_the_contract(plan: Plan, nasty: Plan) -> None:
    """The fields that programs rely on, in deployment order; nothing is escaped away."""
    document = json.loads(plan_json([plan, nasty]))
    assert list(document) == ["schema", "digest", "revision", "organizations"]
    assert document["schema"] == "penstock.plan/v1"
    first, second = document["organizations"]
    assert first["summary"] == dict(plan.summary())
    assert [change["flow"] for change in first["changes"]] == [change.flow for change in plan.actions]
    assert first["unmanaged"] == 1
    republish = first["changes"][-1]
    assert {key: republish[key] for key in ("flow", "type", "name", "change", "from_version", "to_version")} == {
        "flow": "ivr",
        "type": "inboundcall",
        "name": "Main IVR",
        "change": "republish",
        "from_version": "4.0",
        "to_version": None,
    }
    assert (republish["wave"], republish["depends_on"], republish["blocked"]["code"]) == (
        2,
        ["greeting"],
        "flow-locked",
    )
    assert second["name"] == NASTY
    assert {drift["name"] for drift in second["drift"]} == {NASTY}


def test_the_digest_of_one_organisation_is_its_plans(plan: Plan) -> None:
    """So that approving what was shown approves the plan."""
    assert json.loads(plan_json([plan]))["digest"] == plan.digest
    assert json.loads(plan_json([plan, plan]))["digest"] not in (plan.digest, json.loads(plan_json([]))["digest"])


def test_json_lists_flows_in_sync_only_when_asked(plan: Plan) -> None:
    short, long = (json.loads(plan_json([plan], everything=everything)) for everything in (False, True))
    assert "none" not in {change["change"] for change in short["organizations"][0]["changes"]}
    assert len(long["organizations"][0]["changes"]) == len(plan.changes)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_html_needs_nothing_else_and_runs_nothing(plan: Plan, nasty: Plan) -> None:
    """No script, no link, no image; names are text."""
    parser = _Tags()
    parser.feed(plan_html([PlanView(plan), PlanView(nasty)]))
    assert not {"script", "link", "img", "iframe", "a"} & set(parser.tags)
    assert not {"src", "href", "onclick"} & {name for name, _ in parser.attributes}
    assert any("<script>alert(1)</script>" in text for text in parser.text)
    assert parser.tags.count("h2") == 2


def test_html_shows_every_change(plan: Plan) -> None:
    page = plan_html([PlanView(plan)])
    assert all(f"<strong><bdi>{change.flow}</bdi></strong>" in page for change in plan.actions)
    assert page.count('<p class="stop">blocked <code>') == 3


@pytest.mark.parametrize("text", ["Main IVR ", "Ünïcode", "客服", "👩‍👩‍👧", "a\\b"])
def test_what_is_visible_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [("\x00", r"\x00"), ("\x1b]8;;", r"\x1b]8;;"), ("\u2066a\u2069", r"\u2066a\u2069"), ("\x85", r"\x85")],
)
def test_what_hides_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown
