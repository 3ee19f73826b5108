"""Checks answers against the TypeScript declarations of Genesys' JavaScript SDK, which itself believes every answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

_PROPERTY = re.compile(r'^\s*"?([^"?\s]+)"?(\??):\s*(.+);\s*$', re.MULTILINE)
_PRIMITIVES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict, list),
}
_ONLY_TO_WRITE = frozenset({("User", "version")})
"""Declared as required, and by the SDK's own description required when a user is updated."""


@dataclass(frozen=True, slots=True)
class Property:
    """One property of an interface."""

    kind: str
    """In TypeScript's words: `string`, `Models.Flow`, `Array<…>`, `{ [key: string]: …; }`, `"a" | "b"`."""
    required: bool


class Declarations:
    """The text of an `index.d.ts`. Interfaces are read when they are asked for, as there are thousands."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._interface = cache(self._read_interface)

    def answer(self, api: str, method: str) -> str:
        """What the method's promise gives. Raises LookupError when it is not declared."""
        body = self._between(f"declare class {api} {{", "\n}")
        found = re.search(rf"^\s*{re.escape(method)}\(.*\): Promise<(.*)>;\s*$", body, re.MULTILINE)
        if found is None:
            raise LookupError(f"{api}.{method} is not declared")
        return found.group(1)

    def interface(self, name: str) -> Mapping[str, Property]:
        """The properties of a model by name. Raises LookupError when it is not declared."""
        return self._interface(name)

    def mistakes(self, value: Any, kind: str, path: str = "$") -> Iterator[str]:
        """Everything in a JSON value that is not as declared: types, required properties, unknown ones, members."""
        if kind.startswith("Models."):
            yield from self._model_mistakes(value, kind.removeprefix("Models."), path)
        elif kind.startswith("Array<"):
            if not isinstance(value, list):
                yield f"{path}: {value!r} is no {kind}"
                return
            for number, item in enumerate(value):
                yield from self.mistakes(item, kind[len("Array<") : -1], f"{path}[{number}]")
        elif kind.startswith("{"):
            yield from self._map_mistakes(value, kind, path)
        elif not _is(value, kind):
            yield f"{path}: {value!r} is no {kind}"

    def _model_mistakes(self, value: Any, name: str, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is no {name}"
            return
        properties = self.interface(name)
        for key in sorted(properties.keys() - value.keys()):
            if properties[key].required:
                yield f"{path}.{key}: {name} must have it"
        for key, item in value.items():
            if key not in properties:
                yield f"{path}.{key}: {name} has no such property"
            else:
                yield from self.mistakes(item, properties[key].kind, f"{path}.{key}")

    def _map_mistakes(self, value: Any, kind: str, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is no {kind}"
            return
        inner = kind.partition("]:")[2].rpartition(";")[0].strip()
        for key, item in value.items():
            yield from self.mistakes(item, inner, f"{path}.{key}")

    def _read_interface(self, name: str) -> Mapping[str, Property]:
        body = self._between(f"export interface {name} {{", "\n\t}")
        return {
            key: Property(kind, required=not optional and (name, key) not in _ONLY_TO_WRITE)
            for key, optional, kind in _PROPERTY.findall(body)
        }

    def _between(self, opening: str, closing: str) -> str:
        start = self._text.find(opening)
        end = self._text.find(closing, start)
        if start < 0 or end < 0:
            raise LookupError(f"{opening!r} is not declared")
        return self._text[start + len(opening) : end]


def _is(value: Any, kind: str) -> bool:
    """Raises KeyError for a type that this reader does not know, rather than let it pass."""
    if kind.startswith('"'):
        return value in re.findall(r'"([^"]*)"', kind)
    if kind == "void":
        return not value
    types = _PRIMITIVES[kind]
    return isinstance(value, types) and (bool in types or not isinstance(value, bool))
