"""Excerpts of a server's words for errors: short, on one line, without secrets or signed links."""

from __future__ import annotations

import re

from controller.domain.redaction import MASK, SECRETS

_URL = re.compile(r"(\b(?:https?|wss?)://[^\s\"'<>?]++)(\?[^\s\"'<>]*+)?", re.IGNORECASE)
_TAGS = re.compile(r"<(script|style)\b.*?(?:</\1>|\Z)|<[^<>]*+>?", re.IGNORECASE | re.DOTALL)
"""Possessive quantifiers: without them a long run of `<` would take quadratic time."""
_LONGEST_INPUT = 20_000


def excerpt(text: str, *, limit: int = 500) -> str:
    """The first `limit` characters on one line, with the query string of every link masked."""
    shown = _URL.sub(lambda link: f"{link[1]}?{MASK}" if link[2] else link[0], text[:_LONGEST_INPUT])
    shown = "".join(character if character.isprintable() else " " for character in SECRETS.text(shown))
    shown = " ".join(shown.split())
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def first_words(content: bytes) -> str:
    """The first words of a body that is not JSON, without markup."""
    text = content[:4000].decode("utf-8", "replace")
    return excerpt(_TAGS.sub(" ", text), limit=120) or "an empty body"
