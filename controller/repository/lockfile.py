"""The lock file: the recorded state of one organisation, as bytes that people can read and git can merge.

It is written without a YAML library, so that one state always gives the same bytes: flows sorted, one field a line,
every string on one line. It is read from YAML nodes, so that every mistake has a line, and a version such as 13.0 stays
text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from controller.domain.errors.manifest import FlowFileInvalid
from controller.domain.errors.repository import RepositoryFailed
from controller.domain.identity import FlowKey
from controller.domain.recorded import RecordedFlow, RecordedState
from controller.flows.yaml_reader import YamlNode, YamlRules, read_nodes

API_VERSION = "penstock/v1"
KIND = "Lock"
FILE_NAME = "penstock.lock.yaml"

_HEADER = "# Written by Penstock: what was last delivered. Do not edit by hand.\n"
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?::[A-Za-z0-9_./-]+)?")
_YAML_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONFLICT = re.compile(rb"^(?:<{7} |={7}\r?$|>{7} |\|{7} )", re.MULTILINE)
_CONFLICT_HINT = "two deliveries were merged: keep, for each flow, the entry with the later recordedAt, and commit"
_RULES = YamlRules(depth=16, values=2_000_000, scalar=lambda _tag, text: text)

Fields = dict[str, YamlNode]
"""The values of one mapping by key; the mapping's own node has the empty key."""


def encode(state: RecordedState) -> bytes:
    """The lock file of a state: UTF-8, deterministic, ending in a newline.

    Raises RepositoryFailed when a value cannot be written as UTF-8.
    """
    lines = [f"apiVersion: {API_VERSION}", f"kind: {KIND}", f"organization: {_scalar(state.organization)}"]
    if state.organization_id is not None:
        lines.append(f"organizationId: {_scalar(state.organization_id)}")
    if state.store_id is not None:
        lines.append(f"store: {_scalar(state.store_id)}")
    if state.server is not None:
        lines.append(f"server: {_scalar(state.server)}")
    flows = [state.flows[key] for key in sorted(state.flows)]
    lines.append("flows:" if flows else "flows: []")
    for flow in flows:
        lines.extend(_flow_lines(flow))
    return (_HEADER + "\n".join(lines) + "\n").encode()


def decode(content: bytes, *, file: str, organization: str) -> RecordedState:
    """The state that a lock file holds. Raises RepositoryFailed naming `file` and the line of the mistake."""
    reader = _LockReader(content, file)
    root = reader.mapping(reader.root, {"apiVersion", "kind", "organization", *_RECORDERS, "flows"})
    for key, expected in (("apiVersion", API_VERSION), ("kind", KIND), ("organization", organization)):
        if reader.text(root, key) != expected:
            raise reader.wrong(
                root[key], f"{key} is {reader.text(root, key)!r}, expected {expected!r}", hint="use a newer Penstock?"
            )
    flows: dict[FlowKey, RecordedFlow] = {}
    for node in reader.items(root, "flows"):
        flow = _read_flow(reader, reader.mapping(node, _FIELDS))
        if flow.key in flows:
            raise reader.wrong(node, f"holds the flow {str(flow.key)!r} twice", hint="keep the newer entry")
        flows[flow.key] = flow
    return RecordedState(organization, flows, *(reader.optional(root, key) for key in _RECORDERS))


_RECORDERS = ("organizationId", "store", "server")
"""The optional keys beside the flows, in the order of RecordedState's fields."""
_DIGESTS = ("sourceDigest", "exportDigest", "dependencyDigest")
_FIELDS = {"type", "name", "manifest", "id", "version", *_DIGESTS, "consumed", "revision", "recordedAt", "dirty", "api"}


def _flow_lines(flow: RecordedFlow) -> Iterator[str]:
    fields = {
        "type": flow.key.type,
        "name": flow.key.name,
        "manifest": flow.manifest,
        "id": flow.flow_id,
        "api": flow.dialect,
        "version": flow.version,
        "sourceDigest": flow.source_digest,
        "exportDigest": flow.export_digest,
        "dependencyDigest": flow.dependency_digest,
        "revision": flow.revision,
        "recordedAt": flow.recorded_at.astimezone(UTC).isoformat() if flow.recorded_at else None,
    }
    written = [f"{name}: {_scalar(value)}" for name, value in fields.items() if value is not None]
    if flow.dirty:
        written.append("dirty: true")
    yield f"  - {written[0]}"
    yield from (f"    {line}" for line in written[1:])
    if flow.consumed:
        yield "    consumed:"
    for key in sorted(flow.consumed):
        yield f"      - type: {_scalar(key.type)}"
        yield f"        name: {_scalar(key.name)}"
        yield f"        version: {_scalar(flow.consumed[key])}"


def _scalar(text: str) -> str:
    """The text as a YAML scalar on one line: plain if that is safe, else double-quoted."""
    if _SURROGATE.search(text):
        raise RepositoryFailed(f"{text!r} cannot be written as UTF-8")
    if _PLAIN.fullmatch(text) and text.lower() not in _YAML_WORDS:
        return text
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04X}", json.dumps(text, ensure_ascii=False))


def _read_flow(reader: _LockReader, fields: Fields) -> RecordedFlow:
    consumed: dict[FlowKey, str] = {}
    for node in reader.items(fields, "consumed"):
        entry = reader.mapping(node, {"type", "name", "version"})
        consumed[FlowKey(reader.text(entry, "type"), reader.text(entry, "name"))] = reader.text(entry, "version")
    return RecordedFlow(
        key=FlowKey(reader.text(fields, "type"), reader.text(fields, "name")),
        manifest=reader.text(fields, "manifest"),
        flow_id=reader.text(fields, "id"),
        version=reader.text(fields, "version"),
        source_digest=reader.optional(fields, "sourceDigest"),
        export_digest=reader.optional(fields, "exportDigest"),
        dependency_digest=reader.text(fields, "dependencyDigest"),
        consumed=consumed,
        revision=reader.optional(fields, "revision"),
        recorded_at=_moment(reader, fields),
        dirty=reader.optional(fields, "dirty") == "true",
        dialect=reader.optional(fields, "api"),
    )


def _moment(reader: _LockReader, fields: Fields) -> datetime | None:
    text = reader.optional(fields, "recordedAt")
    try:
        moment = datetime.fromisoformat(text) if text is not None else None
    except ValueError:
        moment = None
    if text is not None and (moment is None or moment.tzinfo is None):
        raise reader.wrong(fields["recordedAt"], f"recordedAt is {text!r}, not a time with its offset")
    return moment


class _LockReader:
    """One lock file. Every method raises RepositoryFailed naming the file and the line of the mistake."""

    def __init__(self, content: bytes, file: str) -> None:
        self._file = file
        conflict = _CONFLICT.search(content)
        if conflict:
            line = content.count(b"\n", 0, conflict.start()) + 1
            raise self._at(line, "holds the markers of a merge conflict", _CONFLICT_HINT)
        self.root = self._read(content)

    def mapping(self, node: YamlNode, known: Collection[str]) -> Fields:
        """The values of a mapping by key; unknown keys are mistakes."""
        if not isinstance(node.value, dict):
            raise self.wrong(node, "expected keys and values here")
        for key, (line, _) in node.keys.items():
            if key not in known:
                raise self._at(line, f"unknown key {key!r}", "was it written by a newer Penstock?")
        return {"": node, **node.value}

    def text(self, fields: Fields, key: str) -> str:
        """The scalar under a required key."""
        if key not in fields:
            raise self.wrong(fields[""], f"the key {key!r} is missing")
        value = fields[key].value
        if not isinstance(value, str):
            raise self.wrong(fields[key], f"{key} must be text")
        return value

    def optional(self, fields: Fields, key: str) -> str | None:
        """The scalar under a key, or None when the key is absent."""
        return self.text(fields, key) if key in fields else None

    def items(self, fields: Fields, key: str) -> list[YamlNode]:
        """The items of the list under a key; empty when the key is absent."""
        node = fields.get(key)
        if node is None:
            return []
        if not isinstance(node.value, list):
            raise self.wrong(node, f"{key} must be a list")
        return node.value

    def wrong(self, node: YamlNode, message: str, *, hint: str | None = None) -> RepositoryFailed:
        """The error for a node."""
        return self._at(node.position[0], message, hint)

    def _read(self, content: bytes) -> YamlNode:
        try:
            documents = list(read_nodes(content.decode(), _RULES))
        except UnicodeDecodeError as error:
            raise self._at(content.count(b"\n", 0, error.start) + 1, "is not UTF-8") from error
        except FlowFileInvalid as error:
            raise self._at(error.line, f"cannot be read: {error.message}") from error
        if not documents:
            raise self._at(1, "is empty")
        return documents[0]

    def _at(self, line: int, message: str, hint: str | None = None) -> RepositoryFailed:
        restore = "restore it from the commit before, with: git log -p -- " + self._file.rpartition(":")[2]
        return RepositoryFailed(f"{self._file}:{line}: the lock file {message}", hint=hint or restore)
