"""The HTML page: it needs nothing else, runs nothing, and shows names as text."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given

from controller.domain.visible import visible
from controller.planning.rendering.page import plan_html
from controller.planning.rendering.view import FlowDifference
from tests.diagnosis.browser import dump, needs_browser
from tests.planning import plans
from tests.planning.hostile_names import NAMES, view_of
from tests.planning.plans import CASES
from tests.support.examples import examples

ELEMENTS = frozenset(
    {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "section",
        "div",
        "h1",
        "h2",
        "h3",
        "p",
        "br",
        "ul",
        "li",
    }
    | {"table", "thead", "tbody", "tr", "th", "td", "details", "summary", "strong", "span", "bdi", "code"}
)
ATTRIBUTES = frozenset({"lang", "charset", "name", "content", "http-equiv", "class"})
WITHOUT_END = frozenset({"meta", "br"})


class Page(HTMLParser):
    """The elements, attributes and text of a page. Fails where elements are not nested."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self._inside: list[str] = []
        self.feed(html)
        self.close()
        assert self._inside == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in WITHOUT_END:
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._inside.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data if "style" not in self._inside else ""


HARMLESS = Page(plan_html([view_of("x")], everything=True))


@given(NAMES)
@example(plans.HOSTILE)
@examples(60)
def test_a_name_is_only_text(name: str) -> None:
    page = Page(plan_html([view_of(name)], everything=True))
    assert [tag for tag in page.tags if tag not in ELEMENTS] == []
    assert page.attributes <= ATTRIBUTES
    assert page.tags.count("table") == HARMLESS.tags.count("table")
    assert visible(name) in page.text


@pytest.mark.parametrize("case", CASES)
def test_the_page_loads_nothing_and_runs_nothing(case: str) -> None:
    html = plan_html(CASES[case](), everything=True)
    page = Page(html)
    assert {*page.tags} <= ELEMENTS
    assert page.attributes <= ATTRIBUTES
    style = html.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in html


@pytest.mark.parametrize("case", CASES)
def test_the_page_shows_every_change_and_every_problem(case: str) -> None:
    views = CASES[case]()
    page = Page(plan_html(views))
    for view in views:
        assert all(visible(change.flow) in page.text for change in view.plan.actions)
        assert all(visible(held.message) in page.text for held in view.plan.held_back)
        assert all(visible(change.blocked.message) in page.text for change in view.plan.actions if change.blocked)


def test_differences_are_folded_beside_their_flow() -> None:
    html = plan_html([plans.updated()])
    row = html[html.index("<bdi>14 flows</bdi>") : html.index("<bdi>hours</bdi>")]
    assert row.index("<bdi>greeting</bdi>") < row.index("2 differences") < row.index("Welcome to Example Bank.")
    assert html.count("<details") == html.count("</details>") == 4
    assert "<details open" not in html


def test_a_difference_of_a_flow_that_stays_as_it_is_is_shown_too() -> None:
    """Drift that nothing is done about differs from git, and has no change."""
    view = replace(plans.created(), differences=(FlowDifference("other", "1.0 -> 2.0", (("~", "moved by hand"),)),))
    html = plan_html([view])
    assert html.index("Differences without a change") < html.index("moved by hand")


def test_flows_in_sync_are_folded_and_only_shown_when_asked_for() -> None:
    assert "<bdi>same</bdi>" not in plan_html([plans.blocked()])
    html = plan_html([plans.blocked()], everything=True)
    assert "<summary>1 flow without a change</summary>" in html
    assert "<bdi>same</bdi>" in html


def test_the_page_follows_the_readers_colours_and_the_width_of_the_screen() -> None:
    html = plan_html([plans.created()])
    assert "@media (prefers-color-scheme: dark)" in html
    assert re.search(r"@media \(max-width: \d+rem\)", html)
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in html


_FRAME = """<!DOCTYPE html>
<meta charset="utf-8">
<iframe id="plan" style="width: {width}px; height: 900px; border: 0"></iframe>
<script>
const frame = document.getElementById("plan");
frame.onload = () => {{
  const page = frame.contentDocument.documentElement;
  const narrow = [...page.querySelectorAll("p, td.flow, .problem, .plain li, .summary li")]
    .filter((each) => each.offsetWidth && each.offsetWidth < 120).length;
  document.body.dataset.measured = [page.scrollWidth, narrow].join(" ");
}};
frame.srcdoc = {page};
</script>
"""


@needs_browser
@pytest.mark.parametrize("width", [390, 1280])
def test_no_text_is_squeezed_and_the_page_is_as_wide_as_the_screen(tmp_path: Path, width: int) -> None:
    """Long reasons once left a column as wide as one letter. Wide content scrolls in a box of its own."""
    for case in ("several", "hostile"):
        page = plan_html(CASES[case](), everything=True)
        literal = (
            "`"
            + page.replace("\\", "\\\\").replace("`", "\\`").replace("${", "\\${").replace("</script", "<\\/script")
            + "`"
        )
        file = tmp_path / f"{case}.html"
        file.write_text(_FRAME.format(width=width, page=literal), encoding="utf-8")
        document, _ = dump(file, tmp_path / "profile")
        [measured] = re.findall(r'data-measured="(\d+) (\d+)"', document)
        assert measured == (str(width), "0")
