"""Loads flow files as plain values: the one document of a YAML text, with positions of mappings and keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

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


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """One parsed document, with the positions of its mappings."""

    value: object
    mappings: Mapping[int, tuple[Position, Keys]] = field(repr=False)
    """Positions of each mapping and its keys, by the mapping's `id`."""

    def begin_of(self, mapping: object) -> Position | None:
        """The position of a mapping of this document, in block style its first key; None for anything else."""
        place = self.mappings.get(id(mapping))
        return place[0] if place is not None else None

    def locate(self, path: Sequence[str]) -> Position:
        """The position of a path's last key, or of the last one that exists."""
        value, position = self.value, (1, 1)
        for part in path:
            if not isinstance(value, dict) or part not in value:
                break
            position = self.mappings[id(value)][1][part]
            value = value[part]
        return position


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
    mappings: dict[int, tuple[Position, Keys]] = {}

    def keep(value: object, position: Position, keys: Keys) -> object:
        if isinstance(value, dict):
            mappings[id(value)] = position, keys
        return value

    return YamlDocument(_only(read_trees(text, _RULES, keep)), mappings)


def _only(documents: Iterator[T]) -> T | None:
    # Read to the end, because a second document or another mistake may follow.
    found = list(documents)
    return found[0] if found else None
