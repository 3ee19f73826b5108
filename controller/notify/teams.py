"""Messages for Microsoft Teams: an Adaptive Card, as the Workflows trigger "When a Teams webhook request is received"
takes it, and as incoming webhooks did.

Teams refuses messages of more than 28 KB. It shows a subset of Markdown in text, and no HTML.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from controller.domain.notification import NotificationSeverity
from controller.notify.document import NotificationDocument
from controller.notify.rendering import Renderer, TextFormat, facts_of

LARGEST: Final = 28 * 1024
"""Bytes of the whole message."""
_RESERVE: Final = 2 * 1024
_VERSION: Final = "1.4"
_COLORS: Final = {
    NotificationSeverity.ERROR: "Attention",
    NotificationSeverity.WARNING: "Warning",
    NotificationSeverity.INFO: "Default",
}
_MARKDOWN: Final = re.compile(r"([\\`*_\[\]<>~#|!])")


def escaped(text: str) -> str:
    """The text as Markdown that shows it as it is: no link, no image, no mention."""
    return _MARKDOWN.sub(r"\\\1", text)


TEAMS_TEXT: Final = TextFormat(escaped, lambda text: f"**{text}**")


def teams_payload(message: NotificationDocument, renderer: Renderer) -> dict[str, Any]:
    """What is posted."""
    lines = renderer.text(message).splitlines()
    while len(json.dumps(found := _message(message, renderer, lines)).encode()) > LARGEST - _RESERVE and lines:
        lines = [*lines[: len(lines) * 3 // 4], "… and more"] if len(lines) > 2 else []
    return found


def _message(message: NotificationDocument, renderer: Renderer, lines: list[str]) -> dict[str, Any]:
    color = "Good" if message.event.is_end else _COLORS[message.severity]
    facts = [{"title": name, "value": escaped(value)} for name, value in facts_of(message)]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": _VERSION,
        "msteams": {"width": "Full"},
        "body": [
            _text(renderer.title(message), size="Medium", weight="Bolder", color=color),
            *(_text(line, spacing="Small") for line in lines),
            {"type": "FactSet", "facts": facts},
        ],
    }
    if message.url:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open in Penstock", "url": message.url}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _text(text: str, **style: str) -> dict[str, object]:
    return {"type": "TextBlock", "text": text, "wrap": True, **style}
