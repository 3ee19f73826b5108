"""Each format stays within what its service documents, and shows strangers' words as they are."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import structlog
from slack_sdk.models.blocks import Block

from controller.domain.documents import plain
from controller.domain.errors.process import SettingsInvalid
from controller.notify.document import NotificationDocument
from controller.notify.receiver import MessageTemplates
from controller.notify.rendering import EXAMPLE, Renderer, TextFormat
from controller.notify.slack import SLACK_TEXT, slack_payload
from controller.notify.teams import LARGEST, TEAMS_TEXT, teams_payload
from tests.notify.messages import HOSTILE, hostile, many
from tests.support import node

JAVASCRIPT = Path(__file__).parent / "javascript"
PLAIN = TextFormat(str)


def slack(message: NotificationDocument, templates: MessageTemplates | None = None) -> dict[str, Any]:
    return slack_payload(message, Renderer(SLACK_TEXT, templates))


def teams(message: NotificationDocument, templates: MessageTemplates | None = None) -> dict[str, Any]:
    return teams_payload(message, Renderer(TEAMS_TEXT, templates))


def texts(payload: object) -> str:
    """All strings of a payload."""
    if isinstance(payload, str):
        return payload
    values = payload.values() if isinstance(payload, dict) else payload if isinstance(payload, list) else ()
    return "\n".join(map(texts, values))


def test_a_document_is_read_as_it_was_written() -> None:
    assert NotificationDocument.read(json.loads(json.dumps(plain(EXAMPLE)))) == EXAMPLE


@pytest.mark.parametrize("message", [EXAMPLE, hostile(), many(3), many(50), many(500), replace(EXAMPLE, url=None)])
def test_slacks_own_library_takes_every_message(message: NotificationDocument) -> None:
    payload = slack(message)

    assert len(payload["blocks"]) <= 50
    for block in payload["blocks"]:
        parsed = Block.parse(block)
        assert parsed is not None
        assert parsed.to_dict()["type"] == block["type"]  # to_dict checks the lengths
    sections = [block["text"]["text"] for block in payload["blocks"] if block["type"] == "section"]
    assert all(0 < len(text) <= 3000 for text in sections)
    assert len(payload["blocks"][0]["text"]["text"]) <= 150
    assert len(payload["text"]) <= 16_383, "Mattermost refuses longer ones"


def test_slack_says_what_happened_to_what_why_and_what_to_do_next() -> None:
    payload = slack(EXAMPLE)

    for said in (payload["text"], texts(payload["blocks"])):
        assert "example: main-ivr was rolled back" in said
        assert "*main-ivr* (1.0 → 2.0): gate errorRate: 8 of 50 executions failed" in said
        assert "Next: commit a correction" in said
        assert "Commit: 4b825dc642cb" in said
        assert "Author: Ada Lovelace" in said
        assert "<https://penstock.example.com/syncs/7|Open in Penstock>" in said


def test_no_name_mentions_anybody_or_links_anywhere_in_slack_and_mattermost() -> None:
    said = texts(slack(hostile()))

    assert re.findall(r"<[^|>]*", said) == ["<https://penstock.example.com/syncs/7"] * 2
    assert not re.search(r"@\w", said), "Mattermost and Discord mention people by a plain @"
    assert "](" not in said
    assert "&lt;!channel&gt;" in said


def test_a_cut_leaves_no_half_escape() -> None:
    said = slack(replace(EXAMPLE, title="x" * 146 + "&<>&<>"))["blocks"][0]["text"]["text"]

    assert len(said) <= 150
    assert not re.search(r"&(?!amp;|lt;|gt;)", said)


@pytest.mark.parametrize("message", [EXAMPLE, hostile(), many(500), replace(EXAMPLE, why="é" * 2000, url=None)])
def test_a_message_for_teams_stays_within_28_kb(message: NotificationDocument) -> None:
    payload = teams(message)

    assert len(json.dumps(payload).encode()) < LARGEST
    (attachment,) = payload["attachments"]
    assert payload["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What Microsoft's own library makes of the cards of an example and of hostile names."""
    library = node.installed("adaptivecards@3.0.5", "markdown-it@14.1.0", "jsdom@26.1.0")
    cards = json.dumps([teams(message)["attachments"][0]["content"] for message in (EXAMPLE, hostile())])
    found: list[dict[str, Any]] = node.run(
        JAVASCRIPT / "card.cjs", str(library), home=tmp_path_factory.mktemp("node"), given=cards
    )
    return found


@pytest.mark.proof
def test_microsofts_own_parser_finds_nothing_wrong_with_a_card(rendered: list[dict[str, Any]]) -> None:
    found, _ = rendered

    assert found["wrong"] == []
    assert found["links"] == []
    assert found["actions"] == 1
    assert found["bold"] == ["main-ivr"]
    for said in ("example: main-ivr was rolled back", "8 of 50 executions failed", "Next: commit a correction"):
        assert said in found["text"]


@pytest.mark.proof
def test_no_name_becomes_markup_in_a_card(rendered: list[dict[str, Any]]) -> None:
    _, found = rendered

    assert (found["links"], found["images"], found["wrong"]) == ([], 0, [])
    assert found["bold"] == [HOSTILE]
    assert "entities" not in json.dumps(teams(hostile())), "a mention needs an entity"


class Tags(HTMLParser):
    """The tags, links and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str | None] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_no_name_becomes_markup_in_a_mails_page() -> None:
    tags = Tags()
    tags.feed(Renderer(PLAIN).html(hostile()))

    assert tags.links == ["https://penstock.example.com/syncs/7"]
    assert not tags.tags & {"at", "img", "script"}
    assert HOSTILE in tags.text


# Templates of the operator.


def templates(folder: Path, text: str, title: str | None = None) -> MessageTemplates:
    (folder / "text.jinja").write_text(text)
    (folder / "title.jinja").write_text(title or "")
    return MessageTemplates(text=folder / "text.jinja", title=None if title is None else folder / "title.jinja")


def test_an_operators_template_is_filled_and_its_values_are_escaped(tmp_path: Path) -> None:
    own = templates(
        tmp_path, "*Voice*: {{ message.why }} <https://wiki.example.com|Wiki>", "Voice: {{ message.title }}"
    )

    said = slack(hostile(), own)["text"]

    assert "*Voice*: &lt;!channel&gt;" in said
    assert "<https://wiki.example.com|Wiki>" in said, "the operator's own words are markup"
    assert "*Voice: &lt;!channel&gt;" in said


@pytest.mark.parametrize(
    "text",
    [
        "{{ message.nothing_such }}",
        "{{ message.why ",
        "{{ message.__class__.__mro__ }}",
        "{{ 1 / 0 }}",
        "{% include '/etc/passwd' %}",
    ],
)
def test_a_template_that_cannot_be_filled_is_refused_when_it_is_read(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"text\.jinja"):
        Renderer(PLAIN, templates(tmp_path, text))


def test_a_template_that_fails_later_is_replaced_by_penstocks_own(tmp_path: Path) -> None:
    own = templates(tmp_path, "{{ message.flows[0].flow }} failed")
    renderer = Renderer(PLAIN, own)

    with structlog.testing.capture_logs() as events:
        said = renderer.text(replace(EXAMPLE, flows=(), flows_total=0, why="the organisation is away"))

    assert said == "the organisation is away\nNext: commit a correction"
    assert [each["event"] for each in events] == ["notification.template-broken"]


def test_a_template_that_is_gone_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"none\.jinja cannot be read"):
        Renderer(PLAIN, MessageTemplates(text=tmp_path / "none.jinja"))
