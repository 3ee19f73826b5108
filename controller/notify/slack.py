"""Messages for Slack, and for what takes Slack's format: Mattermost, Rocket.Chat, Zulip, Discord's `/slack` addresses.

Slack shows `blocks`; the others show `text`, which Slack uses for the notification on a phone. Limits are those of
Slack's Block Kit (a header of 150 characters, a section of 3,000, 50 blocks) and of Mattermost (a text of 16,383).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from controller.notify.document import NotificationDocument
from controller.notify.rendering import Renderer, TextFormat, facts_of

_HEADER: Final = 150
_SECTION: Final = 3000
_SECTIONS: Final = 20
_TEXT: Final = 12_000
_NO_JOINT: Final = "\u200b"
"""Shows nothing, and keeps the two characters around it from meaning something together."""
_CUT: Final = "… and more"


def escaped(text: str) -> str:
    """The text without mentions and links: what Slack documents for `&`, `<`, `>`, and what others read in Markdown."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return plain.replace("@", f"@{_NO_JOINT}").replace("](", f"]{_NO_JOINT}(")


SLACK_TEXT: Final = TextFormat(escaped, lambda text: f"*{text}*")


def slack_payload(message: NotificationDocument, renderer: Renderer) -> dict[str, Any]:
    """What is posted."""
    title, lines = renderer.title(message), renderer.text(message).splitlines()
    facts = " · ".join(f"{name}: {escaped(value)}" for name, value in facts_of(message))
    link = f"<{_address(message.url)}|Open in Penstock>" if message.url else ""
    sections = [*_sections(lines), *([link] if link else [])]
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(title, _HEADER), "emoji": False}},
        *({"type": "section", "text": {"type": "mrkdwn", "text": section}} for section in sections),
        {"type": "context", "elements": [{"type": "mrkdwn", "text": _cut(facts, _SECTION)}]},
    ]
    text = "\n".join(_within([f"*{title}*", *lines, facts], _TEXT - len(link) - 1) + ([link] if link else []))
    return {"text": text, "blocks": blocks}


def _address(url: str) -> str:
    """As Slack's link syntax takes it."""
    return url.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")


def _sections(lines: Iterable[str]) -> Iterator[str]:
    """The lines in as few sections as hold them."""
    section: list[str] = []
    sections = 0
    for line in (_cut(line, _SECTION) for line in lines):
        if section and sum(map(len, section)) + len(section) + len(line) > _SECTION:
            yield "\n".join(section)
            section, sections = [], sections + 1
            if sections == _SECTIONS:
                yield _CUT
                return
        section.append(line)
    if section:
        yield "\n".join(section)


def _within(lines: list[str], longest: int) -> list[str]:
    kept: list[str] = []
    for line in lines:
        if sum(map(len, kept)) + len(kept) + len(line) + len(_CUT) + 1 > longest:
            return [*kept, _CUT]
        kept.append(line)
    return kept


def _cut(text: str, longest: int) -> str:
    """At most so long, without half an escape at its end."""
    if len(text) <= longest:
        return text
    shown = text[: longest - 1]
    begun = shown.rfind("&", len(shown) - 5)
    return (shown[:begun] if begun >= 0 and ";" not in shown[begun:] else shown) + "…"
