"""The content of a version: its Archy YAML, parsed once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from controller.domain.identity import FlowKey
from controller.domain.references import FlowReference, Resolution
from controller.flows.flow_file import FlowFile, parse
from controller.flows.roots import ARCHY_ROOTS

ROOTS = {api_type: root for root, api_type in ARCHY_ROOTS.items()}
"""Archy's root key for each type of the API."""
DEFINITION = "definition"
"""Key of the nodes and transitions of a flow without Archy source, below the root key."""
BINDING_NODES = frozenset({"callCommonModule", "callBotFlow", "callDigitalBotFlow"})
"""Nodes of such a flow that bind the version that is live when the flow is published."""


MOST_REMEMBERED = 65_536
"""Contents of which the facts in a listing are remembered. A listing asks for all of them in turn: with fewer than it
has flows, none would be there when it is asked for again, and each listing would parse every content."""


@lru_cache(maxsize=8192)
def read(text: str) -> FlowFile:
    """The flow file in this text. Raises `FlowFileInvalid` if it is not one."""
    flow_file = replace(parse(text), places=())  # only checks need them, and they are many
    content = flow_file.document[flow_file.root]
    given = content.get(DEFINITION) if isinstance(content, Mapping) else None
    if not isinstance(given, Mapping):
        return flow_file
    return replace(flow_file, references=tuple(_references(given.get("nodes"))), resources=())


def _references(nodes: object) -> Iterator[FlowReference]:
    """The flows that the nodes of a given definition name under `flow`."""
    for node_id, node in nodes.items() if isinstance(nodes, Mapping) else ():
        target = node.get("flow") if isinstance(node, Mapping) else None
        if not isinstance(target, Mapping):
            continue
        name, kind = target.get("name"), target.get("type")
        action = str(node.get("type"))
        yield FlowReference(
            name=str(name or target.get("expression") or target.get("id")),
            types=(kind.lower(),) if isinstance(kind, str) else (),
            action=action,
            path=f"{DEFINITION}.nodes.{node_id}",
            resolution=Resolution.STATIC if name else Resolution.DYNAMIC,
            binds_at_publish=action in BINDING_NODES,
        )


def inner_mappings(entries: object) -> Iterator[Mapping[str, object]]:
    """The inner mappings of one of Archy's lists, `[{task: {…}}, {menu: {…}}]`; nothing else counts."""
    for entry in entries if isinstance(entries, list) else ():
        for inner in entry.values() if isinstance(entry, Mapping) else ():
            if isinstance(inner, Mapping):
                yield inner


@lru_cache(maxsize=MOST_REMEMBERED)
def language(text: str) -> str:
    """The default language of a content."""
    return read(text).default_language or "en-us"


@dataclass(frozen=True, slots=True)
class Needs:
    """What a content needs of its organisation besides flows."""

    resources: frozenset[tuple[str, str]]
    """Kinds and names of the resources that it names."""
    columns: Mapping[str, frozenset[str]]
    """The columns that it reads of each data table."""
    languages: frozenset[str]
    """The languages that it speaks."""


@lru_cache(maxsize=MOST_REMEMBERED)
def needs(text: str) -> Needs:
    """The needs of a content. Names that only an expression tells are left out."""
    flow_file = read(text)
    columns: dict[str, frozenset[str]] = {}
    # Most flows look nothing up, and a walk through a whole flow takes about a millisecond.
    for table, found in _lookups(flow_file.document) if "dataTable" in text else ():
        columns[table] = columns.get(table, frozenset()) | found
    spoken = body(text).get("supportedLanguages")
    return Needs(
        frozenset((one.kind, one.name) for one in flow_file.resources if one.resolution is Resolution.STATIC),
        columns,
        frozenset(spoken if isinstance(spoken, dict) else ()) | {flow_file.default_language or "en-us"},
    )


def _lookups(value: object) -> Iterator[tuple[str, frozenset[str]]]:
    """The lookups in data tables: `{dataTable: {TABLE: {foundOutputs: {COLUMN: …}}}}`."""
    if isinstance(value, list):
        for item in value:
            yield from _lookups(item)
    elif isinstance(value, Mapping):
        tables = value.get("dataTable")
        for table, found in tables.items() if isinstance(tables, Mapping) else ():
            outputs = found.get("foundOutputs") if isinstance(found, Mapping) else None
            yield str(table), frozenset(map(str, outputs)) if isinstance(outputs, Mapping) else frozenset()
        for item in value.values():
            yield from _lookups(item)


def body(text: str) -> dict[str, object]:
    """The value under the root key."""
    flow_file = read(text)
    inner = flow_file.document[flow_file.root]
    return dict(inner) if isinstance(inner, dict) else {}


def empty(key: FlowKey) -> str:
    """The source of a flow without content, such as a stub."""
    name = key.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'{ROOTS.get(key.type, key.type)}:\n  name: "{name}"\n  defaultLanguage: en-us\n'
