"""Lays text out for a terminal: columns, wrapped sentences, shortened names. Measures in columns, not characters.

Callers escape names with `visible` first; nothing here looks for control characters.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile

from rich.cells import cell_len

from controller.domain.visible import JOINERS

_GAP = "  "
_LEAST = 10
"""Columns that a shortened name keeps."""
_MOST = 40
"""Columns to which names are filled up where lines have no limit; longer ones are whole, and end the alignment."""
_ELLIPSIS = "…"
_SHARES = (0.7, 0.3, 0.85, 0.15, 0.5)
"""Shares of a shortened name's room that its beginning gets where halves are not enough to tell names apart."""


class Style(StrEnum):
    """SGR parameters (ECMA-48) of a style."""

    PLAIN = ""
    BOLD = "1"
    DIM = "2"
    GREEN = "32"
    YELLOW = "33"
    RED = "31"
    CYAN = "36"
    MAGENTA = "35"
    ALARM = "1;31"


@dataclass(frozen=True, slots=True)
class Screen:
    """Where text is shown."""

    width: int | None = None
    """Columns; None where lines have no limit, as in a log: names are whole there, and sentences stay on a line."""
    color: bool = False

    def paint(self, text: str, style: Style) -> str:
        """The text in the style; as it is without colour."""
        return f"\x1b[{style}m{text}\x1b[0m" if self.color and style and text else text


LOG = Screen()
"""No terminal: no colour, and no limit to a line."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of a line."""

    text: str
    style: Style = Style.PLAIN


@dataclass(frozen=True, slots=True)
class Grid:
    """Lines with aligned fields."""

    lines: tuple[str, ...]
    """As wide as `width`, blanks at the end included."""
    width: int


def columns(text: str) -> int:
    """Columns that the text takes on a terminal."""
    return len(text) if text.isascii() else cell_len(text)


def wrapped(text: str | Sequence[str], screen: Screen, first: str = "", rest: str | None = None) -> list[str]:
    """The sentence in lines that fit, broken at blanks; a sequence of phrases is broken between them only.

    `first` begins the first line, and `rest` the others, or as many blanks. A word that is wider than a line stays
    whole.
    """
    rest = " " * columns(first) if rest is None else rest
    words = text.split(" ") if isinstance(text, str) else text
    if screen.width is None:
        return [first + " ".join(words)]
    lines, line, used = [], first, columns(first)
    empty = True
    for word in words:
        width = columns(word)
        if not empty and used + 1 + width > screen.width:
            lines.append(line.rstrip())
            line, used, empty = rest, columns(rest), True
        line, used = (line + word, used + width) if empty else (f"{line} {word}", used + 1 + width)
        empty = False
    return [*lines, line.rstrip()]


def aligned(
    rows: Sequence[Sequence[Cell]],
    screen: Screen,
    *,
    flexible: Sequence[int] = (),
    optional: Sequence[int] = (),
    indent: int = 0,
) -> Grid:
    """The rows with aligned fields; a column without text takes no room.

    Where they do not fit, the fields of the `flexible` columns are shortened, and if that does not suffice, the
    `optional` columns are left out one after the other.
    """
    texts = [[cell.text for cell in column] for column in zip(*rows, strict=True)]
    widths = [max(map(columns, column), default=0) for column in texts]
    if screen.width is not None:
        _fit(widths, screen.width - indent, flexible, optional)
        for index in flexible:
            texts[index] = _shortened(texts[index], widths[index])
    else:
        for index in flexible:
            widths[index] = min(widths[index], _MOST)
    styles = [[cell.style for cell in row] for row in rows]
    lines = tuple(
        " " * indent + _line(fields, widths, styled, screen)
        for fields, styled in zip(zip(*texts, strict=True), styles, strict=True)
    )
    return Grid(lines, indent + _total(widths))


def _line(fields: Sequence[str], widths: Sequence[int], styles: Sequence[Style], screen: Screen) -> str:
    return _GAP.join(
        screen.paint(text, style) + " " * (width - columns(text))
        for text, width, style in zip(fields, widths, styles, strict=True)
        if width
    )


def _total(widths: Iterable[int]) -> int:
    shown = [width for width in widths if width]
    return sum(shown) + len(_GAP) * max(len(shown) - 1, 0)


def _fit(widths: list[int], room: int, flexible: Sequence[int], optional: Sequence[int]) -> None:
    """Reduce the widths to the room, as far as possible."""
    for index in optional:
        least = [min(width, _LEAST) if at in flexible else width for at, width in enumerate(widths)]
        if _total(least) <= room:
            break
        widths[index] = 0
    while _total(widths) > room:
        widest = max(flexible, key=lambda index: widths[index], default=None)
        if widest is None or widths[widest] <= _LEAST:
            return
        widths[widest] -= 1


def _shortened(texts: Sequence[str], width: int) -> list[str]:
    """The texts in that many columns, and different where they were different; one that cannot be stays whole."""
    if not width or all(columns(text) <= width for text in texts):
        return list(texts)
    whole = dict.fromkeys(texts)
    short = {text: cut(text, width) for text in whole}
    for share in _SHARES:
        if len(set(short.values())) == len(short):
            break
        short = {text: cut(text, width, share) for text in whole}
    same: dict[str, list[str]] = {}
    for text, shown in short.items():
        same.setdefault(shown, []).append(text)
    for alike in same.values():
        if len(alike) > 1:
            short |= _around_the_difference(alike, width)
    shown_by = Counter(short.values())
    return [short[text] if shown_by[short[text]] == 1 else text for text in texts]


def _around_the_difference(alike: Sequence[str], width: int) -> dict[str, str]:
    """The texts from a little before the place where they begin to differ."""
    common = sum(1 for _ in takewhile(lambda chars: len(set(chars)) == 1, zip(*alike, strict=False)))
    start = max(common - width // 3, 0)
    room = width - 2 * columns(_ELLIPSIS)
    return {text: f"{_ELLIPSIS}{_fitting(text[start:], room)}{_ELLIPSIS}" for text in alike}


def cut(text: str, width: int, share: float = 0.5) -> str:
    """The text with an ellipsis in place of its middle, in at most `width` columns.

    `share` is that of the beginning, from 0 to 1.
    """
    if columns(text) <= width:
        return text
    room = max(width - columns(_ELLIPSIS), 0)
    head = _fitting(text, round(room * share))
    tail = _fitting(text[::-1], room - columns(head))[::-1]
    while tail and (tail[0] in JOINERS or unicodedata.combining(tail[0])):
        tail = tail[1:]
    return head + _ELLIPSIS + tail


def _fitting(text: str, width: int) -> str:
    """The longest beginning in that many columns."""
    end = min(len(text), width if text.isascii() else 4 * width)
    while end and columns(text[:end]) > width:
        end -= 1
    return text[:end]


def listed(names: Sequence[str], room: int | None) -> str:
    """The names separated by commas, as many as fit, and how many more there are; at least one, cut if it must be."""
    for count in range(len(names) if room is None else min(len(names), room), 0, -1):
        more = len(names) - count
        text = ", ".join(names[:count]) + (f" and {more} more" if more else "")
        if room is None or columns(text) <= room:
            return text
    if not names:
        return ""
    others = f" +{len(names) - 1}" if len(names) > 1 else ""
    return cut(names[0], max((room or 0) - len(others), 1)) + others


def noted_once(notes: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The notes below each line. A note of several lines in a row is below the last one: `these 5: …`."""
    shown: list[tuple[str, ...]] = []
    since: dict[str, int] = {}
    for place, (own, following) in enumerate(zip(notes, [*notes[1:], ()], strict=True)):
        since = {note: since.get(note, place) for note in own}
        counts = {note: place - begin + 1 for note, begin in since.items() if note not in following}
        shown.append(tuple(note if count == 1 else f"these {count}: {note}" for note, count in counts.items()))
    return shown
