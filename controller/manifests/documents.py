"""The documents of a YAML file, and what the cache keeps of them: whether they are manifests, and their trees.

Only files that git holds are cached, by git's id of the content, and of manifests only those without mistakes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from controller.domain.errors.manifest import FlowFileInvalid
from controller.flows.yaml_reader import YamlNode, YamlRules, read_nodes

_RULES = YamlRules(depth=64, values=200_000, single=False)
"""The kinds themselves need eight levels."""
_MOST_BYTES = 256 * 1024
"""Larger encodings are not kept: aliases may repeat a small text many times."""


@dataclass(slots=True)
class Reading:
    """The documents of one text."""

    documents: list[YamlNode] = field(default_factory=list)
    mistakes: list[FlowFileInvalid] = field(default_factory=list)
    complete: bool = True
    """False when reading ended at a mistake and documents may be missing."""


def read_documents(text: str) -> Reading:
    """The documents of a text that are mappings, in order."""
    reading = Reading()
    try:
        for node in read_nodes(text, _RULES, reading.mistakes.append):
            if isinstance(node.value, dict):
                reading.documents.append(node)
    except FlowFileInvalid as error:
        reading.mistakes.append(error)
        reading.complete = False
    return reading


class FileRole(StrEnum):
    """What a YAML file is here."""

    MANIFEST = "manifest"
    FLOW_FILE = "flow file"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a YAML file's content tells about it."""

    size: int
    """Bytes of the content."""
    role: FileRole
    documents: tuple[YamlNode, ...] = ()
    """Those of a manifest."""

    def encoded(self) -> bytes | None:
        """The encoding; None where it would be too large to be kept."""
        body = json.dumps([self.size, self.role, [_plain(node) for node in self.documents]], separators=(",", ":"))
        return body.encode() if len(body) <= _MOST_BYTES else None


def file_facts(body: bytes | None) -> FileFacts | None:
    """The facts in an encoded form; None where it is no such form."""
    try:
        size, role, documents = json.loads((body or b"").decode())
        return FileFacts(int(size), FileRole(role), tuple(map(_node, documents)))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None


def _plain(node: YamlNode) -> list[object]:
    """Line, column and value of a node; a mapping's entries are triples of key, position and node."""
    value = node.value
    if isinstance(value, dict):
        return [*node.position, {key: [*node.keys[key], *_plain(item)] for key, item in value.items()}]
    if isinstance(value, list):
        return [*node.position, [_plain(item) for item in value]]
    return [*node.position, value]


def _node(said: list[Any]) -> YamlNode:
    line, column, value = said
    if type(value) is dict:
        keys = {key: (entry[0], entry[1]) for key, entry in value.items()}
        return YamlNode({key: _node(entry[2:]) for key, entry in value.items()}, (line, column), keys)
    if type(value) is list:
        return YamlNode([_node(item) for item in value], (line, column))
    return YamlNode(value, (line, column))
