"""The HTML page is self-contained, safe whatever a trace holds, and works in a real browser."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from controller.diagnosis.analysis import Analysis
from controller.diagnosis.page import page
from tests.diagnosis.browser import dump, needs_browser
from tests.diagnosis.traces import event, execution, read_execution, read_trace, write

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>\"'&\u2028{{7*7}}"
FILE = execution(
    event("startedFlow", 0, variables=[write("Flow.lang", "en")]),
    event("startedTask", 1, taskName=HOSTILE, variables=[]),
    event(
        "actionUpdateData",
        2,
        actionName="Init",
        statements=[write(HOSTILE, HOSTILE), write("Flow.Password", "hunter2")],
    ),
    event("actionCallData", 3, actionName="Look up", outputPathId="__TIMEOUT__", errors=[HOSTILE]),
    event("startedTask", 15, taskName="Closed", variables=[write("Flow.lang", "fr")]),
    event("endedFlow", 20),
    flowName=HOSTILE,
    conversationId=HOSTILE,
)


class Elements(HTMLParser):
    """What a browser would make of the text: the tags with their attributes, and the text of each script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self._within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._within = tag if tag in self.raw else ""
        if self._within:
            self.raw[tag].append("")

    def handle_data(self, data: str) -> None:
        if self._within:
            self.raw[self._within][-1] += data

    def handle_endtag(self, _tag: str) -> None:
        self._within = ""


def embedded(text: str) -> dict:
    return json.loads(Elements(text).raw["script"][0])


def test_a_hostile_trace_adds_no_element_and_no_attribute() -> None:
    plain = json.loads(json.dumps(FILE).replace(json.dumps(HOSTILE)[1:-1], "x"))
    harmless, hostile = (Elements(page(Analysis(read_execution(each)))) for each in (plain, FILE))
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in harmless.tags]
    assert {name for _, attributes in hostile.tags for name in attributes} == {
        name for _, attributes in harmless.tags for name in attributes
    }
    assert "owned" not in "".join(hostile.raw["script"][1:])


def test_the_page_needs_nothing_from_outside() -> None:
    elements = Elements(page(Analysis(read_execution(FILE))))
    for tag, attributes in elements.tags:
        assert tag not in {"link", "img", "iframe", "object", "embed", "form", "base"}
        assert "src" not in attributes
        assert "style" not in attributes, "the policy forbids it"
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "#").startswith("#")


def test_the_policy_allows_exactly_the_pages_own_style_and_script() -> None:
    elements = Elements(page(Analysis(read_execution(FILE))))
    policy = next(attributes["content"] for _, attributes in elements.tags if attributes.get("http-equiv"))
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"

    def hashed(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert directives["style-src"] == hashed(elements.raw["style"][0])
    assert directives["script-src"] == hashed(elements.raw["script"][1])


def test_secrets_are_not_on_the_page() -> None:
    text = page(Analysis(read_execution(FILE)))
    assert "hunter2" not in text
    assert "Flow.Password" in text


def test_the_embedded_differences_add_up_to_the_state_of_each_step() -> None:
    data, state = embedded(page(Analysis(read_execution(FILE)))), []
    current: dict[str, str] = {}
    for step in data["steps"]:
        current = {name: value for name, value in current.items() if name not in step["gone"]}
        current |= {name: value[0] for name, value in step["set"].items()}
        state.append(dict(current))
    assert [each.get("Flow.lang") for each in state] == ['"en"'] * 4 + ['"fr"', None]
    assert state[2]["Flow.Password"] == '"***"'
    assert HOSTILE not in state[4], "the task that it belonged to ended"


def test_of_a_long_trace_a_part_is_shown_and_the_rest_is_counted() -> None:
    steps = [{"id": f"s{place}", "type": "play", "status": "error", "variables": {"v": 1}} for place in range(600)]
    text = page(Analysis(read_trace({"id": "t"}, [steps])), first=100, limit=50)
    data = embedded(text)
    assert (data["first"], len(data["steps"])) == (100, 50)
    assert data["steps"][0]["set"] == {"v": ["1", 0]}, "the first step that is shown has the whole state"
    assert "Shown are steps 100 to 149 of 600." in text
    assert "100 more are in the JSON artifact." in text


def test_a_trace_without_steps_has_a_page() -> None:
    assert "<b>0</b> steps" in page(Analysis(read_trace({"id": "t"}, [])))


def test_lone_surrogates_do_not_stop_a_page_from_being_written() -> None:
    document = execution(event("actionUpdateData", 1, actionName="\ud83d", statements=[write("Flow.\udc00", "\ud83d")]))
    page(Analysis(read_execution(document))).encode("utf-8")


@pytest.fixture
def opened(tmp_path: Path):
    def show(text: str, fragment: str = "") -> str:
        (tmp_path / "page.html").write_text(text, encoding="utf-8")
        document, console = dump(tmp_path / "page.html", tmp_path / "profile", fragment=fragment)
        assert not console, console
        return document

    return show


@needs_browser
def test_in_a_browser_the_first_anomaly_is_chosen_and_its_variables_are_shown(opened) -> None:
    document = opened(page(Analysis(read_execution(FILE))))
    assert 'data-ready="yes"' in document, "the script ran under the page's policy"
    assert "owned" not in re.search(r"<title>(.*?)</title>", document, re.DOTALL)[1].split("=")[0]
    panel = document[document.index('id="panel"') :]
    assert "Step 3: actionCallData Look up" in panel
    assert re.search(r"<th>Flow\.lang</th><td[^>]*>\"en\"</td>", panel)
    assert html.escape(HOSTILE, quote=False).split("\u2028")[0] in panel


@needs_browser
def test_in_a_browser_an_address_chooses_its_step(opened) -> None:
    panel = opened(page(Analysis(read_execution(FILE))), "#s4")
    assert "Step 4: startedTask Closed" in panel
    assert re.search(r'<th>Flow\.lang</th><td[^>]*>"fr"<span class="was">was "en"</span>', panel)


@needs_browser
def test_in_a_browser_thousands_of_steps_open(opened) -> None:
    steps = [
        {"id": f"s{place}", "type": "play", "status": "ok", "variables": {f"v{place % 40}": place}}
        for place in range(2000)
    ]
    document = opened(page(Analysis(read_trace({"id": "t"}, [steps]))), "#s1999")
    assert 'data-ready="yes"' in document
    assert "Step 1999: play" in document
