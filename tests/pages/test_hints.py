"""A hint on a page names what its reader can do there; no page sends people to a command line."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from controller.service.pages.hints import on_page
from tests.pages.addresses import PAGES
from tests.pages.served import ADA, Served
from tests.pages.showroom import view_of
from tests.support.world import ORGANIZATION

COMMAND = re.compile(r"[\s`]--[a-z]|penstock [a-z]+|PENSTOCK_[A-Z]")
CODE = Path(__file__).parents[2] / "controller"
HINTED = ("planning", "reconcile", "delivery", "questions", "domain")
"""The packages whose refusals pages show."""


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("look at the plan, then pass --approve sha256:00ff", "look at the plan, then approve it"),
        ("wait, or pass --ignore-windows in an emergency", "wait"),
        ("raise safety.maxUpdatePercent or pass --force", "raise safety.maxUpdatePercent"),
        ("`penstock resume --organization acme` lets deliveries begin again", "“Resume” lets deliveries begin again"),
        (
            "`penstock accept desk` lets it stay, `penstock rollback desk` takes it back; every pass looks again",
            "“Accept the version” on the flow's page lets it stay, “Roll back” takes it back; every pass looks again",
        ),
        (
            "2.0 was left live: take it back with `penstock rollback desk`",
            "2.0 was left live: take it back with “Roll back” on the flow's page",
        ),
        ("commit them, or pass --allow-dirty", "commit them"),
        ("ask the operator; set PENSTOCK_GATE_HOSTS", "ask the operator"),
        ("the flow is open in Architect; ask Ada", "the flow is open in Architect; ask Ada"),
        ("", ""),
    ],
)
def test_a_hint_names_what_a_page_offers(said: str, shown: str) -> None:
    assert on_page(said) == shown


def test_no_hint_of_the_code_keeps_a_command_on_a_page() -> None:
    """Each text in the code that names a command or an option, as far as it is written in one piece."""
    texts = [
        text
        for package in HINTED
        for file in (CODE / package).rglob("*.py")
        for text in re.findall(r'"((?:[^"\\\n]|\\.)+)"', file.read_text(encoding="utf-8"))
        if COMMAND.search(text)
    ]
    assert len(texts) > 20
    assert [text for text in texts if COMMAND.search(on_page(text))] == []


@pytest.mark.parametrize("name", PAGES)
async def test_no_page_sends_people_to_a_command_line(served: Served, name: str) -> None:
    async with served.client() as client:
        page = (await client.get(PAGES[name])).text
    text = re.sub(r"<[^>]*>", " ", page)
    assert COMMAND.findall(text) == []


async def test_a_refusal_leads_to_the_button_that_lifts_it(served: Served) -> None:
    refusals = [
        {"flow": None, "code": code, "message": "no", "hint": hint}
        for code, hint in (
            ("not-confirmed", "look at the plan, then pass --approve sha256:00"),
            ("sync-suspended", "`penstock resume --organization hinted` lets deliveries begin again"),
        )
    ]
    view = view_of("hinted", served.now, held_back=refusals)
    served.store.views.post(view, [])
    served.store.suspensions.suspend("hinted", by="ada", reason="x")
    async with served.client() as client:
        page = (await client.get("/organizations/hinted")).text
    assert 'look at the plan, then approve it</span> <a href="/organizations/hinted/plan">Plan</a>' in page
    assert (
        '“Resume” lets deliveries begin again</span> <a href="/organizations/hinted/actions/resume">Resume</a>' in page
    )
    async with served.client(ADA) as client:
        page = (await client.get("/organizations/hinted")).text
    assert "/actions/" not in page, "somebody who only reads is not led to a form"


async def test_a_plan_says_what_approves_it_on_the_page(served: Served) -> None:
    view = served.store.views.organization(ORGANIZATION)
    assert view is not None
    assert [each["code"] for each in view.held_back] == ["not-confirmed"]
    served.store.views.note(replace(view, message="still"))
    async with served.client() as client:
        page = (await client.get(f"/organizations/{ORGANIZATION}/plan")).text
    assert "look at the plan, then approve it" in page
