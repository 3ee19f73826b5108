"""The facts that a flow file's content tells, as they are cached between runs: plain values with a strict encoding.

A fact holds only for one content, one set of values and one reader. The reader's part of a key is a digest of the
reader's own source, so that no change of it can leave old facts valid.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

import yaml

import controller
from controller.domain.identity import FlowKey
from controller.domain.references import FlowReference, Resolution, ResourceReference

READER = (
    "domain",
    "flows",
    "manifests/documents.py",
    "manifests/source_facts.py",
    "manifests/sources.py",
    "manifests/tree.py",
)
"""The parts of the package that decide what a flow file says."""


class FactCache(Protocol):
    """Keeps encoded facts by key. It may forget anything, and never raises."""

    def get(self, key: bytes) -> bytes | None:
        """What was kept under this key, unchanged; None when nothing is."""

    def put(self, key: bytes, body: bytes) -> None: ...


class NoCache:
    """Keeps nothing."""

    def get(self, key: bytes) -> bytes | None:  # noqa: ARG002 - the port's parameter
        return None

    def put(self, key: bytes, body: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    """What a flow file says before substitution."""

    size: int
    """Bytes of the content."""
    placeholders: tuple[str, ...]
    """The names that need a value, in order."""
    mentioned: frozenset[str]
    """All names, including those in comments."""

    def encoded(self) -> bytes:
        return _encoded([self.size, self.placeholders, sorted(self.mentioned)])


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What a flow file without mistakes says after substitution; positions are those of the file."""

    key: FlowKey
    digest: str
    references: tuple[FlowReference, ...]
    resources: tuple[ResourceReference, ...]

    def encoded(self) -> bytes:
        references = [
            [each.name, each.types, each.action, each.path, each.resolution, each.binds_at_publish, each.where]
            for each in self.references
        ]
        positions = [each.position for each in self.references]
        resources = [
            [each.kind, each.name, each.path, each.resolution, *(each.position or (0, 0)), *each.parts]
            for each in self.resources
        ]
        return _encoded([self.key.type, self.key.name, self.digest, references, positions, resources])


def template_facts(body: bytes | None) -> TemplateFacts | None:
    """The facts in an encoded form; None where it is no such form."""
    try:
        size, placeholders, mentioned = json.loads((body or b"").decode())
        return TemplateFacts(int(size), tuple(map(_text, placeholders)), frozenset(map(_text, mentioned)))
    except (ValueError, TypeError, RecursionError):
        return None


def source_facts(body: bytes | None) -> SourceFacts | None:
    """The facts in an encoded form; None where it is no such form."""
    try:
        kind, name, digest, references, positions, resources = json.loads((body or b"").decode())
        return SourceFacts(
            FlowKey(_text(kind), _text(name)),
            _text(digest),
            tuple(_reference(each, at) for each, at in zip(references, positions, strict=True)),
            tuple(_resource(*each) for each in resources),
        )
    except (ValueError, TypeError, IndexError, RecursionError):
        return None


def _reference(said: list[object], position: list[int] | None) -> FlowReference:
    name, types, action, path, resolution, binds, where = said
    if not isinstance(types, list):
        raise TypeError("no list")
    return FlowReference(
        _text(name),
        tuple(map(_text, types)),
        _text(action),
        _text(path),
        Resolution(_text(resolution)),
        binds_at_publish=binds is True,
        where=_text(where),
        position=None if position is None else (int(position[0]), int(position[1])),
    )


def _resource(
    kind: str, name: str, path: str, resolution: str, line: int, column: int, *parts: str
) -> ResourceReference:
    return ResourceReference(
        _text(kind),
        _text(name),
        _text(path),
        Resolution(resolution),
        parts=tuple(map(_text, parts)),
        position=(int(line), int(column)) if line else None,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def _encoded(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def file_key(identity: str) -> bytes | None:
    """The key of what kind of file a content is; None where the reader is unknown."""
    return _key("file", identity, ())


def template_key(identity: str) -> bytes | None:
    """The key of a content's facts before substitution; None where the reader is unknown."""
    return _key("template", identity, ())


def source_key(identity: str, values: Mapping[str, str]) -> bytes | None:
    """The key of a content's facts with these values; None where the reader is unknown."""
    return _key("source", identity, sorted(values.items()))


def _key(kind: str, identity: str, values: Sequence[tuple[str, str]]) -> bytes | None:
    version = reader_version()
    if version is None:
        return None
    parts = f"{kind} {identity} {json.dumps(values) if values else ''}"
    return blake2b(parts.encode(), digest_size=20, key=version).digest()


@cache
def reader_version() -> bytes | None:
    """A digest of all that reads flow files: our own source, PyYAML, libyaml, Python. None where no source is here."""
    top = Path(controller.__file__).parent
    found = blake2b(digest_size=32)
    libyaml = getattr(yaml, "_yaml", None)
    said = (platform.python_version(), yaml.__version__, libyaml.get_version_string() if libyaml else "")
    found.update(json.dumps(said).encode())
    try:
        for path in sorted(each for part in READER for each in _modules(top / part)):
            content = path.read_bytes()
            found.update(f"{path.relative_to(top)} {len(content)}\n".encode() + content)
    except OSError:
        return None
    return found.digest()


def _modules(part: Path) -> list[Path]:
    """A module, or the modules of a folder. Raises OSError where there is none."""
    found = list(part.rglob("*.py")) if part.suffix != ".py" else [part]
    if not found:
        raise FileNotFoundError(part)
    return found
