"""The pages in a real browser: what people see, also without scripts, in both colours, by keyboard, and on a phone.

`PICTURES=write` writes the pictures of docs/pictures anew; look at each before you commit it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.diagnosis.browser import needs_browser
from tests.pages.addresses import PAGES
from tests.pages.served import ADA, GRACE, WHO, Served, listening
from tests.pages.showroom import BUSY, HOSTILE, Showroom, flows_of, view_of
from tests.support import node
from tests.support.devtools import Browser, Tab, browser
from tests.support.world import ORGANIZATION

pytestmark = [needs_browser, pytest.mark.xdist_group("browser")]

AXE = ("axe-core@4.11.0", "axe.min.js")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SCHEMES: Mapping[str, tuple[bool, int, Mapping[str, object]]] = {
    "light": (False, 390, RULES),
    "dark": (True, 1280, {"runOnly": {"type": "rule", "values": ["color-contrast"]}}),
}
"""Whether colours are dark, the width in CSS pixels, and axe's rules."""
PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
HOSTILE_ORGANIZATION = "hostile"


@pytest.fixture(scope="module")
def service(showroom: Showroom) -> Iterator[Served]:
    with listening(showroom) as served:
        yield served


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as made:
        yield made


@contextmanager
def grace(chromium: Browser) -> Iterator[Tab]:
    """A tab of Grace's."""
    with chromium.tab() as made:
        made.send("Network.setExtraHTTPHeaders", headers={WHO: GRACE})
        made.look()
        yield made


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Tab]:
    with grace(chromium) as made:
        yield made


@dataclass(frozen=True)
class Looked:
    """What a look at all pages finds, at each page once."""

    widths: dict[str, int]
    """In CSS pixels, by page, where the screen has 390."""
    axe: dict[str, dict[str, list[str]]]
    """The places by page and rule, for each colour scheme."""


@pytest.fixture(scope="module")
def looked(chromium: Browser, service: Served) -> Looked:
    axe = node.packed(*AXE).read_text(encoding="utf-8")
    found = Looked({}, {scheme: {} for scheme in SCHEMES})
    with grace(chromium) as tab:
        for name, address in PAGES.items():
            tab.look(width=390, height=844)
            tab.open(service.url + address)
            found.widths[name] = tab.value("document.documentElement.scrollWidth")
            tab.value(axe + "; 1")
            for scheme, (dark, width, rules) in SCHEMES.items():
                tab.look(width=width, height=844, dark=dark)
                assert (
                    tab.value(f"matchMedia('(prefers-color-scheme: dark)').matches && innerWidth === {width}") is dark
                )
                # axe describes each node of what it is asked for, which is most of its work.
                results = tab.value(_SHORT_RESULTS % json.dumps({**rules, "resultTypes": ["violations"]}))
                assert results["passed"] > 0, "axe looked"
                found.axe[scheme] |= {f"{name}: {rule}": places for rule, places in results["violations"]}
    return found


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing_on_any_page(looked: Looked, scheme: str) -> None:
    """All rules on a phone in light colours; in dark ones the document is the same, and only contrast can differ."""
    assert looked.axe[scheme] == {}


_SHORT_RESULTS = """axe.run(document, %s).then((found) => ({
  passed: found.passes.length,
  violations: found.violations.map((each) => [each.id, each.nodes.map((node) => node.html)]),
}))"""


def test_no_page_is_wider_than_a_phone(looked: Looked) -> None:
    assert {name: width for name, width in looked.widths.items() if width > 390} == {}
    assert looked.widths.keys() == PAGES.keys()


def test_names_that_try_to_be_more_stay_text(tab: Tab, service: Served) -> None:
    """Nothing runs, nothing is asked of another host, and the policy had nothing to block."""
    refusal = {"flow": HOSTILE, "code": HOSTILE, "message": HOSTILE, "hint": HOSTILE}
    drift = {"flow": HOSTILE, "message": HOSTILE, "version": HOSTILE, "by": HOSTILE, "at": None}
    [flow] = flows_of(HOSTILE_ORGANIZATION, service.now, 1)
    hostile = replace(
        flow, flow="x", name=HOSTILE, labels={HOSTILE: HOSTILE}, message=HOSTILE, locked_by=HOSTILE, version=HOSTILE
    )
    texts = {"message": HOSTILE, "trigger": HOSTILE, "warnings": (HOSTILE,), "held_back": (refusal,), "drift": (drift,)}
    service.store.views.post(view_of(HOSTILE_ORGANIZATION, service.now, **texts), [hostile])
    service.store.suspensions.suspend(HOSTILE_ORGANIZATION, by=HOSTILE, reason=HOSTILE)
    below = f"/organizations/{HOSTILE_ORGANIZATION}"
    for address in (
        "/",
        below,
        f"{below}/flows",
        f"{below}/flows/x",
        f"{below}/flows?search={HOSTILE}",
        f"{below}/drift",
    ):
        tab.open(service.url + address)
        assert HOSTILE.replace("\u202e", "\\u202e") in tab.value("document.body.innerText")
    assert tab.happened("Page.javascriptDialogOpening") == []
    asked = {event["request"]["url"] for event in tab.happened("Network.requestWillBeSent")}
    assert {address for address in asked if not address.startswith(service.url)} == set()
    assert [entry for entry in tab.happened("Log.entryAdded") if entry["entry"]["source"] == "security"] == []


def test_what_runs_moves_on_the_page_without_a_reload(tab: Tab, service: Served) -> None:
    tab.open(f"{service.url}/organizations/{BUSY}")
    tab.value("window.kept = true")
    tab.value(_until("document.body.dataset.listening === 'yes'"))
    service.store.running.step(BUSY, "record_sync", done=1, total=2)
    tab.value(_until("document.querySelector('.steps [aria-current]').textContent.includes('record 1/2')"))
    assert tab.value("window.kept") is True


def test_the_time_left_counts_down_between_events(tab: Tab, service: Served) -> None:
    tab.open(f"{service.url}/organizations/{BUSY}")
    left = "document.querySelector('time[data-left]').textContent"
    before = tab.value(left)
    tab.value(_until(f"{left} !== {json.dumps(before)}"))
    assert tab.value(left).endswith(" left")


def test_without_scripts_the_flows_are_searched_and_a_plan_is_approved(tab: Tab, service: Served) -> None:
    tab.send("Emulation.setScriptExecutionDisabled", value=True)
    tab.open(f"{service.url}/organizations/{ORGANIZATION}/flows?search=bill")
    assert "billing" in tab.text()
    assert "night-service" not in tab.text()
    digest = service.store.views.organization(ORGANIZATION).plan_digest
    tab.open(f"{service.url}/organizations/{ORGANIZATION}")
    tab.click("Approve the plan")
    tab.wait("Page.loadEventFired")
    assert digest in tab.text()
    tab.type("textarea", "Read with Ada")
    tab.click("Approve", "button")
    tab.wait("Page.loadEventFired")
    assert "The plan is approved." in tab.text()
    assert service.store.approvals.of(ORGANIZATION, digest).by == GRACE


def test_a_page_is_used_by_keyboard(tab: Tab, service: Served) -> None:
    """The first key leads past the bar, and each stop is visible."""
    tab.open(f"{service.url}/organizations/{ORGANIZATION}/flows")
    tab.press("Tab")
    assert tab.value("document.activeElement.textContent") == "Skip to the content"
    assert tab.value("document.activeElement.getBoundingClientRect().top >= 0")
    stops: list[str] = []
    while "billing" not in stops:
        tab.press("Tab")
        stops.append(tab.value("document.activeElement.name || document.activeElement.textContent"))
        assert tab.value("getComputedStyle(document.activeElement).outlineStyle") != "none", stops[-1]
        assert len(stops) < 60
    assert {"Organisations", "search", "sync", "health"} <= {*stops}
    tab.press("Enter")
    tab.wait("Page.loadEventFired")
    assert tab.value("location.pathname").startswith(f"/organizations/{ORGANIZATION}/flows/")


def test_somebody_who_only_reads_is_offered_nothing(tab: Tab, service: Served) -> None:
    tab.send("Network.setExtraHTTPHeaders", headers={WHO: ADA})
    for address in (f"/organizations/{ORGANIZATION}", f"/organizations/{ORGANIZATION}/flows/billing"):
        tab.open(service.url + address)
        assert tab.value("document.querySelectorAll('a[href*=\"/actions/\"]').length") == 0


SHOWN = {
    "organisations": ("/", {}),
    "organisations-dark": ("/", {"dark": True}),
    "organisation": (f"/organizations/{BUSY}", {}),
    "flows": (f"/organizations/{ORGANIZATION}/flows", {}),
    "flow": (f"/organizations/{ORGANIZATION}/flows/main-ivr?diff=1", {}),
    "plan": (f"/organizations/{ORGANIZATION}/plan", {}),
    "graph-dark": (f"/organizations/{ORGANIZATION}/graph", {"dark": True}),
    "sync": ("/syncs/2", {}),
    "phone-dark": (f"/organizations/{BUSY}", {"width": 390, "height": 844, "dark": True}),
}


@pytest.mark.skipif(os.environ.get("PICTURES") != "write", reason="only on request: PICTURES=write")
def test_the_pictures_of_the_documentation_are_written(chromium: Browser, showroom: Showroom) -> None:
    with listening(showroom) as served, grace(chromium) as tab:
        for name, (address, size) in SHOWN.items():
            tab.look(**size)
            tab.open(served.url + address)
            if tab.value("'events' in document.body.dataset"):
                tab.value(_until("document.body.dataset.listening === 'yes'"))
            (PICTURES / f"{name}.png").write_bytes(tab.picture(whole=False))


def _until(condition: str) -> str:
    """A promise of the page that is kept once the condition holds."""
    return (
        "new Promise((kept) => { const look = () => "
        f"{{ if ({condition}) kept(true); else setTimeout(look, 20); }}; look(); }})"
    )
