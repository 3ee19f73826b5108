"""Loads flow files as plain values: the one document of a YAML text, with positions of mappings and keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import yaml

from controller.flows.plain_reader import read_plain
from controller.flows.yaml_events import Position
from controller.flows.yaml_reader import Keys, YamlNode, YamlRules, read_nodes, read_trees

T = TypeVar("T")

MAXIMUM_NODES = 1_000_000
"""Largest number of nodes after expansion of aliases. The largest public flow has fewer than 20,000."""
MAXIMUM_DEPTH = 300
"""Largest nesting depth. The deepest public flow has 51."""
_RULES = YamlRules(
    MAXIMUM_DEPTH,
    MAXIMUM_NODES,
    key_hint="put a {{placeholder}} in quotes, or give it a value under spec.source.substitutions",
)
_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""The line breaks that libyaml counts."""


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """One parsed document that can tell positions."""

    value: object
    begins: Mapping[int, yaml.Mark | Position] = field(repr=False)
    """Where each mapping begins, by its `id`."""
    text: str = field(repr=False)

    def begin_of(self, mapping: object) -> Position | None:
        """The position of a mapping of this document, in block style its first key; None for anything else."""
        begin = self.begins.get(id(mapping))
        return begin if begin is None or isinstance(begin, tuple) else (begin.line + 1, begin.column + 1)

    def locate(self, path: Sequence[str]) -> Position:
        """The position of a path's last key, or of the last one that exists; the text is read again for it."""
        node = load_node(self.text)
        return node.locate(path, at_key=True) if node is not None else (1, 1)


def load_yaml(text: str) -> object:
    """The only document of a YAML 1.2 text as dicts, lists, str, int, float, bool and None; None for an empty text.

    Mapping keys are always strings, as they are written. Raises FlowFileInvalid, with line and column, for anything
    else than one well-formed document within the bounds of this module: duplicate, merged or compound keys, unknown
    tags, several documents, aliases to themselves.
    """
    return load_document(text).value


def load_node(text: str) -> YamlNode | None:
    """Like `load_yaml`, but as a tree of nodes with positions; None for an empty text."""
    return _only(read_nodes(text, _RULES))


def load_document(text: str) -> YamlDocument:
    """Like `load_yaml`, with positions."""
    plain = read_plain(text, depth=_RULES.depth, values=_RULES.values)
    if plain is not None:
        return YamlDocument(plain.value, plain.begins, text)
    begins: dict[int, yaml.Mark | Position] = {}

    def keep(value: object, position: Position, _keys: Keys) -> object:
        if isinstance(value, dict):
            begins[id(value)] = position
        return value

    return YamlDocument(_only(read_trees(text, _RULES, keep)), begins, text)


def _only(documents: Iterator[T]) -> T | None:
    # Read to the end, because a second document or another mistake may follow.
    found = list(documents)
    return found[0] if found else None


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
