"""A version in the versioned dialect: nodes by id, and the transitions between them.

The definition derives from the version's Archy source. A flow without Archy source keeps its given definition under the
type's root key, where no Archy file has a `definition`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache

from controller.domain.identity import FlowKey
from controller.domain.references import FlowReference, Resolution
from controller.flows.flow_file import FlowFile
from controller.flows.nodes import NodeGraph, NodeProblem, definition_graph
from controller.flows.source_nodes import source_graph
from controller.flows.walk import ACTION_LISTS, walk
from controller.simulator.content import DEFINITION, MOST_REMEMBERED, ROOTS, body, read
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.problem import bad_request
from controller.simulator.resolution import meant, problems

JSON = dict[str, object]
_CONTAINERS = frozenset({"tasks", "menus", "states", "bots", "startUpState", "periodicState"})
_NO_SETTING = ACTION_LISTS | _CONTAINERS | {"name", "refId", "trackingId", "referencedObjects"}


def raw_text(key: FlowKey, definition: object) -> str:
    """The content of a version that is given as a definition. Raises 400."""
    if key.type not in ROOTS:
        raise bad_request(f"[{key.type}] is no type of flow.")
    if not isinstance(definition, dict):
        raise bad_request("[definition] must be an object with nodes and transitions.")
    return json.dumps({ROOTS[key.type]: {"name": key.name, DEFINITION: definition}}, ensure_ascii=False)


def given(text: str) -> Mapping[str, object] | None:
    """The given definition of this content; None if it derives from Archy."""
    found = body(text).get(DEFINITION)
    return found if isinstance(found, dict) else None


def definition(organization: SimulatedOrganization, text: str) -> JSON:
    """`{nodes: {id: {type, name, settings?, flow?}}, transitions: [{id, from, to, condition}]}`.

    `flow` is the target of a node's reference: the known parts of `{name, type, id}`, or `{expression}`.
    """
    shown = deepcopy(_unresolved(text))
    nodes = shown.get("nodes")
    for node in nodes.values() if isinstance(nodes, dict) else ():
        target = node.get("flow") if isinstance(node, dict) else None
        if isinstance(target, dict):
            target.update(_known(organization, target))
    return shown


def _known(organization: SimulatedOrganization, target: Mapping[str, object]) -> JSON:
    """The target of a reference, completed with the organisation's data."""
    name, flow_id = target.get("name"), target.get("id")
    if isinstance(flow_id, str):
        flow = organization.state.flows.get(flow_id)
    else:
        flow = meant(organization, name, _types(target)) if isinstance(name, str) else None
    return {"id": flow.id, "name": name or flow.name, "type": flow.type} if flow else {}


def graph_problems(text: str) -> tuple[NodeProblem, ...]:
    """The problems of nodes and transitions that are malformed."""
    raw = given(text)
    return definition_graph(raw, str(read(text).key)).problems if raw is not None else _graph(text).problems


def _types(target: Mapping[str, object]) -> tuple[str, ...]:
    kind = target.get("type")
    return (kind.lower(),) if isinstance(kind, str) else ()


@lru_cache(maxsize=2048)
def _graph(text: str) -> NodeGraph:
    return source_graph(read(text).document, "")


@lru_cache(maxsize=MOST_REMEMBERED)
def _unresolved(text: str) -> JSON:
    """The definition of a content, before its references are completed."""
    raw = given(text)
    return dict(raw) if raw is not None else _derived(text)


def _derived(text: str) -> JSON:
    flow_file, graph = read(text), _graph(text)
    settings = _settings_by_node(flow_file)
    nodes: dict[str, JSON] = {}
    for node in graph.nodes:
        nodes[node.node] = {"type": node.type, "name": node.name}
        if settings.get(node.node):
            nodes[node.node]["settings"] = settings[node.node]
    for reference in flow_file.references:
        _refer(nodes, reference, f"{flow_file.root}.")
    transitions = [
        {
            "id": edge.id,
            "from": edge.source.removeprefix(":"),
            "to": edge.target.removeprefix(":"),
            "condition": edge.condition or None,
        }
        for edge in graph.edges
    ]
    return {"nodes": nodes, "transitions": transitions}


def _settings_by_node(flow_file: FlowFile) -> dict[str, object]:
    """The settings of each action and container, by node id."""
    root = flow_file.root
    places = walk(root, flow_file.document[root])
    return {
        root if place.parent is None else place.path.removeprefix(f"{root}."): _pruned(place.value)
        for place in places
        if isinstance(place.value, Mapping)
    }


def _pruned(value: object) -> object:
    """A copy without the parts that are nodes of their own."""
    if isinstance(value, Mapping):
        kept = {str(key): _pruned(item) for key, item in value.items() if key not in _NO_SETTING}
        return {key: item for key, item in kept.items() if item not in ({}, [])}
    if isinstance(value, list):
        return [item for item in map(_pruned, value) if item != {}]
    return value


def _refer(nodes: dict[str, JSON], reference: FlowReference, root: str) -> None:
    """Add a reference to its enclosing node, or to a new node if that one has a reference already."""
    if reference.resolution is Resolution.STATIC:
        target: JSON = {"name": reference.name}
        if len(reference.types) == 1:
            target["type"] = reference.types[0]
    else:
        target = {"expression": reference.name}
    path = reference.path.removeprefix(root)
    for node_id in _outwards(path):
        if node_id in nodes and "flow" not in nodes[node_id]:
            nodes[node_id]["flow"] = target
            return
        if node_id in nodes:
            break
    nodes[f"{path}#{reference.name}"] = {"type": reference.action, "name": "", "flow": target}


def _outwards(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition(".")[0]


ERROR, WARNING = "error", "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    id: str
    message: str
    severity: str = ERROR


def findings(organization: SimulatedOrganization, key: FlowKey, text: str) -> list[Finding]:
    """Missing and unpublished flows, jumps and transitions to unknown nodes, and uncheckable references."""
    found = [Finding(problem.code, problem.message) for problem in problems(organization, key, text)]
    found += [Finding(f"flow.graph.{problem.code}", problem.message) for problem in graph_problems(text)]
    for reference in read(text).references:
        if reference.resolution is not Resolution.STATIC:
            message = f"{reference.path} names a flow by '{reference.name}', which is only known when it runs"
            found.append(Finding("flow.reference.dynamic", message, WARNING))
    return found
