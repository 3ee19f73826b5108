"""Cuts a long text from its least important end, and counts the parts that it left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from controller.domain.wording import counted

NOTICE_ROOM = 400
"""Characters kept for the notice."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the text that is kept or left out as a whole."""

    text: str
    rank: tuple[int, ...]
    """Its importance; what ranks lowest goes first, and of equal ranks the last part."""
    noun: str
    """The word for it in the notice; its plural ends in s."""


@dataclass(frozen=True, slots=True)
class Block:
    """Parts with a frame, which is left out together with the last of them."""

    parts: Sequence[Part]
    before: str = ""
    after: str = ""


def fitted(blocks: Sequence[Block], limit: int, notice: Callable[[str], str]) -> str:
    """The text in at most `limit` characters, with a `notice` of the omitted parts below the first block.

    `notice` gets the counted nouns (`3 rows and 1 note`) and returns at most `NOTICE_ROOM` characters.
    """
    left = [set(range(len(block.parts))) for block in blocks]
    excess = sum(map(_length, blocks)) - limit
    if excess <= 0:
        return "".join(_text(block, kept) for block, kept in zip(blocks, left, strict=True))
    excess += NOTICE_ROOM
    dropped: Counter[str] = Counter()
    for place, number in _least_first(blocks):
        if excess <= 0:
            break
        block = blocks[place]
        left[place].discard(number)
        dropped[block.parts[number].noun] += 1
        excess -= len(block.parts[number].text)
        if not left[place]:
            excess -= len(block.before) + len(block.after)
    texts = [_text(block, kept) for block, kept in zip(blocks, left, strict=True)]
    return "".join((texts[0], notice(_counted(dropped)), *texts[1:]))


def _least_first(blocks: Sequence[Block]) -> list[tuple[int, int]]:
    places = [(place, number) for place, block in enumerate(blocks) for number in range(len(block.parts))]
    places.reverse()
    return sorted(places, key=lambda at: blocks[at[0]].parts[at[1]].rank)


def _length(block: Block) -> int:
    return len(block.before) + len(block.after) + sum(len(part.text) for part in block.parts) if block.parts else 0


def _text(block: Block, kept: set[int]) -> str:
    if not kept:
        return ""
    return "".join((block.before, *(block.parts[number].text for number in sorted(kept)), block.after))


def _counted(dropped: Mapping[str, int]) -> str:
    words = [counted(count, noun) for noun, count in dropped.items()]
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""
