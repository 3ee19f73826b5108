"""Finds the line of one key in a block mapping, from the position where the mapping begins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

from controller.flows.loading import YamlDocument
from controller.flows.yaml_events import Position

_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""The line breaks that libyaml counts."""


class KeyPositions:
    """The positions of keys in one document. Only the beginning of each mapping is kept when a document is read."""

    def __init__(self, document: YamlDocument) -> None:
        self._document = document

    def of(self, mapping: object, key: str) -> Position | None:
        """The position of a key; of the mapping's beginning where its keys do not stand below each other.

        None for a mapping of another document.
        """
        begin = self._document.begin_of(mapping)
        if begin is None or not isinstance(mapping, Mapping) or next(iter(mapping), None) == key:
            return begin
        line, column = begin
        for number in range(line, len(self._lines) + 1):
            text = self._lines[number - 1]
            if number > line and text[: column - 1].strip():
                break
            if _is_key(text[column - 1 :], key):
                return number, column
        return begin

    @cached_property
    def _lines(self) -> list[str]:
        return _LINE_BREAK.split(self._document.text)


def _is_key(text: str, key: str) -> bool:
    quote = text[:1] if text[:1] in ("'", '"') else ""
    return text.removeprefix(quote).startswith(f"{key}{quote}:")
