"""Reading a lock file from YAML nodes: every value as the text that stands there, every mistake with its line."""

from __future__ import annotations

import re
from collections.abc import Collection

import yaml

from controller.domain.errors import RepositoryFailed

_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONFLICT = re.compile(rb"^(?:<{7} |={7}\r?$|>{7} |\|{7} )", re.MULTILINE)
_CONFLICT_HINT = (
    "two deliveries were merged by hand: keep, for each flow, the entry with the later recordedAt, and commit"
)

Fields = dict[str, yaml.Node]
"""The values of one mapping by key; the mapping's own node stands under the empty key."""


class LockReader:
    """One lock file. Every method raises RepositoryFailed naming the file and the line of what is wrong."""

    def __init__(self, content: bytes, file: str) -> None:
        self._file = file
        conflict = _CONFLICT.search(content)
        if conflict:
            line = content.count(b"\n", 0, conflict.start()) + 1
            raise self._at(line, "holds the markers of a merge conflict", _CONFLICT_HINT)
        self.root = self._compose(content)

    def mapping(self, node: yaml.Node, known: Collection[str]) -> Fields:
        """The values of a mapping by key; unknown and repeated keys are mistakes."""
        if not isinstance(node, yaml.MappingNode):
            raise self.wrong(node, "expected keys and values here")
        fields: Fields = {"": node}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value not in known:
                raise self.wrong(key, f"unknown key {key.value!r}", hint="was it written by a newer Penstock?")
            if key.value in fields:
                raise self.wrong(key, f"the key {key.value!r} stands twice")
            fields[key.value] = value
        return fields

    def text(self, fields: Fields, key: str) -> str:
        """The scalar under a key that must be there."""
        if key not in fields:
            raise self.wrong(fields[""], f"the key {key!r} is missing")
        node = fields[key]
        if not isinstance(node, yaml.ScalarNode):
            raise self.wrong(node, f"{key} must be text")
        return str(node.value)

    def optional(self, fields: Fields, key: str) -> str | None:
        """The scalar under a key, or None when the key is absent."""
        return self.text(fields, key) if key in fields else None

    def items(self, fields: Fields, key: str) -> list[yaml.Node]:
        """The items of the list under a key; empty when the key is absent."""
        node = fields.get(key)
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            raise self.wrong(node, f"{key} must be a list")
        return list(node.value)

    def wrong(self, node: yaml.Node, message: str, *, hint: str | None = None) -> RepositoryFailed:
        """The error for what stands at a node."""
        return self._at(node.start_mark.line + 1, message, hint)

    def _compose(self, content: bytes) -> yaml.Node:
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            raise self._at(content.count(b"\n", 0, error.start) + 1, "is not UTF-8") from error
        try:
            root = yaml.compose(text, Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise self._at(mark.line + 1 if mark else 1, f"is not YAML: {error.problem}") from error
        except (yaml.YAMLError, RecursionError) as error:
            raise self._at(1, f"is not YAML: {str(error).splitlines()[0]}") from error
        if root is None:
            raise self._at(1, "is empty")
        return root

    def _at(self, line: int, message: str, hint: str | None = None) -> RepositoryFailed:
        restore = "restore it from the commit before, with: git log -p -- " + self._file.rpartition(":")[2]
        return RepositoryFailed(f"{self._file}:{line}: the lock file {message}", hint=hint or restore)
