"""A document is written piece by piece, in the same text as in one piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from hypothesis import given
from hypothesis import strategies as st

from controller.domain.documents import json_chunks, json_text, optional


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    name: str
    colour: Colour | None
    number: float | None
    sure: bool
    words: Sequence[str]
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lone:
    only: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    rows: Sequence[Row]
    groups: Sequence[Sequence[str]]
    lone: Lone
    others: Sequence[Lone]
    from_: str
    detail: dict[str, object]
    absent: Row | None = optional()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
ROWS = st.builds(
    Row,
    name=st.text(),
    colour=st.sampled_from([None, *Colour]),
    number=st.none() | st.floats(allow_nan=False) | st.integers(),
    sure=st.booleans(),
    words=st.lists(st.text()),
    at=st.none() | st.just(datetime(2026, 8, 10, tzinfo=UTC)),
)
LONE = st.builds(Lone, only=st.text())
DOCUMENTS = st.builds(
    Document,
    rows=st.lists(ROWS) | st.tuples(ROWS),
    groups=st.lists(st.lists(st.text())),
    lone=LONE,
    others=st.lists(LONE),
    from_=st.text(),
    detail=st.dictionaries(st.text(), JSON),
    absent=st.none() | ROWS,
)


@given(DOCUMENTS)
def test_the_pieces_are_the_text_of_the_whole(document: Document) -> None:
    assert "".join(json_chunks(document)) == json_text(document, ascii_only=True)


def test_a_piece_holds_a_part_of_a_long_list() -> None:
    rows = [Row(name=f"{number}", colour=None, number=number, sure=True, words=()) for number in range(20_000)]
    document = Document(rows=rows, groups=(), lone=Lone(only=""), others=(), from_="", detail={})

    pieces = [len(piece) for piece in json_chunks(document)]

    assert max(pieces) < sum(pieces) / 30
