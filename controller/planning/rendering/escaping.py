"""Text as Markdown that shows exactly this text and does nothing else.

A forge works on a comment three times: before parsing (quick actions, bots, mathematics), while parsing (CommonMark and
GitHub's extensions) and after it, in the text nodes of the HTML (mentions, references, links, emoji). So the method has
three parts.

- Characters with a meaning in Markdown or HTML are written as numeric character references. Those are never structure
  (https://spec.commonmark.org/0.31.2/#entity-and-numeric-character-references), also not in a table cell or in HTML.
- The text stays on one line, and its first character cannot begin a block or a quick action.
- A zero-width space parts what the forges look for in text. Renovate protects the comments that it posts to the same
  forges like this (`sanitizeMarkdown` in lib/util/markdown.ts). An HTML comment or an empty element between the
  characters would not last: sanitisers remove both, and the text around them grows together again.

Text that the forges link: https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting
/autolinked-references-and-urls, https://docs.gitlab.com/user/markdown/#gitlab-specific-references, and the patterns of
Gitea in modules/markup/html.go and modules/references/references.go.
"""

from __future__ import annotations

import re

from controller.domain.visible import visible

LONGEST = 600
"""Characters of one text in a comment; more is cut and marked with an ellipsis."""

_PARTED = "\u200b"
_SIGILS = re.compile(
    r"""(?<=[@#!~%$&^*])(?=[\w"'])"""  # @user #1 !1 ~label %milestone $1 &1 ^alert#1 *iteration:
    r"|(?<=[\[{])(?=\S)"  # [issue:1] [[page]] [-removed-] {+added+}
    r"|(?<=:)(?=//)|(?<=[wW])(?=[wW]{2}\.)"  # https://example.com www.example.com
    r"|(?<=[gG][hHlL]-)(?=\d)|(?<=[A-Z]-)(?=\d)"  # GH-1 GL-1, and the keys of a linked tracker
    r"|(?<=/)(?=\d)"  # owner/repository/issues/1
    r"|(?<=:)(?=[\w+-]+:)"  # :emoji:
)
_HEXADECIMAL = re.compile(r"[0-9a-f]{6}(?=[0-9a-f])", re.IGNORECASE)
"""All forges link abbreviated commits from 7 digits on."""
_SPECIAL = re.compile(r"[&<>\\`*_{}\[\]|~!$#@" + _PARTED + "]")
_FIRST = re.compile(r"^(\d*)(?:(?<=\d)([.)])(?=\s|$)|(?<!\d)(['+,\-./:;=?]))")
"""`1. ` and `1) ` begin a list, `+` and `-`, too, `=` ends a heading, `/` begins a quick action."""
_EDGE_SPACE = re.compile(r"^ +| +$|(?<= ) +")
_PLAIN = re.compile(r"\w[\w.:/ -]*", re.ASCII)


def escape(text: str, limit: int = LONGEST) -> str:
    """The text on one line, for any place inside a line of Markdown, a table cell or an HTML element."""
    text = visible(text)
    if len(text) > limit:
        text = f"{text[: limit - 1]}…"
    text = _SIGILS.sub(_PARTED, text)
    text = _HEXADECIMAL.sub(lambda match: match.group() + _PARTED, text)
    text = _SPECIAL.sub(_reference, text)
    text = _EDGE_SPACE.sub(lambda match: "&#160;" * len(match.group()), text)
    return _FIRST.sub(lambda match: match[1] + _reference(match[2] or match[3]), text)


def code(text: str) -> str:
    """Letters, digits and `_.:/ -` as code; text with any other character is escaped instead."""
    return f"`{text}`" if _PLAIN.fullmatch(text) else escape(text)


def _reference(char: re.Match[str] | str) -> str:
    return f"&#{ord(char if isinstance(char, str) else char.group())};"
