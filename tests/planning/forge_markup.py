"""Reads a comment as forges do: their Markdown parser first, and then their search in the text of the result.

Mentions, references and links of bare text are no part of CommonMark: forges look for them in the text nodes of the
HTML, outside of code. The patterns follow GitHub's documentation of autolinks, GitLab's of its references, and Gitea's
modules/markup/html.go and modules/references/references.go. They are wider than those of any forge.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

import cmarkgfm
from cmarkgfm.cmark import Options
from markdown_it import MarkdownIt

OURS = frozenset(
    {"h3", "h4", "p", "b", "strong", "br", "ul", "li", "code", "pre", "blockquote", "details", "summary"}
    | {"table", "thead", "tbody", "tr", "th", "td"}
)
"""The elements that a comment may have."""
LIVE = {
    "mention": r"@[\w\"]",
    "issue": r"#\d",
    "merge request": r"!\d",
    "label": r"~[\w\"]",
    "milestone": r"%[\w\"]",
    "snippet": r"\$\d",
    "epic": r"&\d",
    "alert": r"\^alert",
    "iteration": r"\*iteration",
    "bracketed reference": r"\[(?:issue|epic|work_item|vulnerability|feature_flag|cadence|contact|wiki_page):",
    "wiki page": r"\[\[",
    "inline difference": r"[\[{][+-]",
    "prefixed issue": r"\b(?:[Gg][HhLl]|[A-Z]{2,})-\d",
    "path of an issue": r"/(?:issues|pull|pulls|discussions|merge_requests)/\d",
    "commit": r"[0-9a-fA-F]{7}",
    "address": r"[a-zA-Z]://",
    "bare host": r"(?i:www\.)",
    "emoji": r":[\w+-]+:",
}
COMMONMARK = MarkdownIt("commonmark").enable(["table", "strikethrough"])


class Document(HTMLParser):
    """The elements, the text inside and outside of code, and the cells of each row."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.code: list[str] = []
        self.comments: list[str] = []
        self.tables: list[list[int]] = []
        self._inside: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append(0)
        elif tag in ("td", "th"):
            self.tables[-1][-1] += 1
        if tag != "br":
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._inside.pop() == tag, "the elements are nested"

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        (self.code if "code" in self._inside else self.texts).append(data)

    @property
    def text(self) -> str:
        """All text outside of code, as a reader sees it."""
        return "".join(self.texts).replace("\u200b", "")


def github(markdown: str) -> Document:
    """The comment through GitHub's own parser, with raw HTML, which GitHub sanitises only later."""
    return Document(cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE))


def commonmark(markdown: str) -> Document:
    """The comment through another parser of CommonMark with tables."""
    return Document(COMMONMARK.render(markdown))


def live_markup(markdown: str) -> list[str]:
    """What a forge would do about the comment beyond showing our elements and text."""
    found: list[str] = []
    for line in markdown.splitlines():
        found += [f"quick action: {line}"] if re.match(r"\s*/", line) else []
    for document in (github(markdown), commonmark(markdown)):
        found += [f"element: {tag}" for tag in document.tags - OURS]
        found += [f"comment: {each}" for each in document.comments]
        found += [f"table: {rows}" for rows in document.tables if len(set(rows)) != 1]
        text = "\n".join(document.texts)  # no pattern matches a line end
        found += [f"{name}: {each[0]}" for name, pattern in LIVE.items() for each in re.finditer(pattern, text)]
    return found
