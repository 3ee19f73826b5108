"""The nodes inside one flow: actions, tasks, menus and states, from its file or a live version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from controller.domain.desired import Organization, SourceFile
from controller.domain.errors.manifest import CapabilityMissing
from controller.domain.errors.organization import NotFound
from controller.domain.errors.process import SettingsInvalid
from controller.flows.flow_file import parse
from controller.flows.nodes import NodeGraph, definition_graph
from controller.flows.source_nodes import source_graph
from controller.graphs.build import inside_graph
from controller.graphs.model import Graph
from controller.graphs.questions import Impact, impact
from controller.reconcile.flow_choice import chosen_flow, live_flow
from controller.reconcile.services import Services

ALL = "all flows"


@dataclass(frozen=True, slots=True)
class FlowInside:
    """The nodes of one flow."""

    name: str
    """`type/name`, or `all flows`."""
    version: str | None
    """The version of the nodes; None for a file."""
    graph: Graph
    prefix: str
    """The part before the colon in the nodes' keys, if all belong to one flow."""
    live: bool = False
    problems: tuple[str, ...] = ()
    """Messages about malformed nodes and edges."""


def source_inside(organization: Organization, said: str) -> FlowInside:
    """The nodes of a flow in its file. Makes no call. Raises SettingsInvalid."""
    key = chosen_flow(said, organization.flows)
    desired = next(flow for flow in organization.flows if flow.key == key)
    if not isinstance(desired.source, SourceFile):
        raise SettingsInvalid(
            f"{desired.id} is pinned to version {desired.source.version}: the repository does not hold its content",
            hint="pass --from live",
        )
    return _inside(str(key), str(key), source_graph(parse(desired.source.text.read()).document, str(key)))


def all_source_insides(organization: Organization) -> FlowInside:
    """The nodes of all flow files in one graph. Makes no call."""
    contents = [
        source_graph(parse(flow.source.text.read()).document, str(flow.key))
        for flow in organization.flows
        if isinstance(flow.source, SourceFile)
    ]
    return _inside(ALL, "", _joined(contents))


async def live_inside(services: Services, organization: Organization, said: str) -> FlowInside:
    """The nodes of a live flow, from the listing if it holds definitions, else from an export.

    So drafts and archived flows have nodes, too. Raises SettingsInvalid, NotFound, ExportFailed.
    """
    platform = services.platform(organization)
    live = await live_flow(platform, organization.flows, said)
    key = live.key
    listed = platform.listed_definitions.of(live) if platform.listed_definitions is not None else None
    if listed is not None:
        content = definition_graph(listed, live.id)
        return _inside(str(key), live.id, content, live.published_version or live.checked_in_version, live=True)
    if live.published_version is None:
        raise NotFound(f"{key}: the organisation has no published version of it", status=404)
    export = await platform.versions.export(live.id, live.published_version)
    if export.yaml is not None:
        prefix, content = str(key), source_graph(parse(export.yaml).document, str(key))
    else:
        prefix, content = live.id, definition_graph(export.definition or {}, live.id)
    return _inside(str(key), prefix, content, live.published_version, live=True)


async def all_live_insides(services: Services, organization: Organization) -> FlowInside:
    """The nodes of all listed flows in one graph, keyed `flow_id:node_id`, from the listing alone (D3).

    Raises CapabilityMissing if listings hold no definitions.
    """
    platform = services.platform(organization)
    if platform.listed_definitions is None:
        message = f"{organization.name}: listings of the {platform.dialect} dialect hold no nodes"
        raise CapabilityMissing(message, hint="leave out --from live, or name one flow: --nodes FLOW")
    contents, without = [], []
    for flow in sorted((await platform.flows.listing()).flows, key=lambda flow: flow.id):
        listed = platform.listed_definitions.of(flow)
        if listed is None:
            without.append(f"{flow.key} ({flow.id}): the listing tells no nodes of it")
        else:
            contents.append(definition_graph(listed, flow.id))
    inside = _inside(ALL, "", _joined(contents), live=True)
    return replace(inside, problems=(*inside.problems, *without))


def downstream(inside: FlowInside, changed: Iterable[str]) -> tuple[Impact, ...]:
    """All nodes that are reachable from the nodes with these keys, nearest first."""
    return impact(inside.graph.reversed(), changed)


def chosen_node(inside: FlowInside, said: str) -> str:
    """The key of the node with this id or unique name. Raises SettingsInvalid."""
    nodes = {node.key.removeprefix(f"{inside.prefix}:"): node for node in inside.graph.nodes}
    if said in nodes:
        return nodes[said].key
    found = [node.key for node in inside.graph.nodes if said in (node.key, node.name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise SettingsInvalid(f"several nodes of {inside.name} are named {said!r}", hint=", ".join(found))
    raise SettingsInvalid(f"{inside.name} has no node {said!r}", hint="see --format json for the nodes' keys")


def _joined(contents: Sequence[NodeGraph]) -> NodeGraph:
    return NodeGraph(
        tuple(node for content in contents for node in content.nodes),
        tuple(edge for content in contents for edge in content.edges),
        tuple(problem for content in contents for problem in content.problems),
    )


def _inside(
    name: str, prefix: str, content: NodeGraph, version: str | None = None, *, live: bool = False
) -> FlowInside:
    """The result. Only a live definition has ids of its own; ids of a file are positions in it."""
    problems = tuple(f"{problem.code} at {problem.where}: {problem.message}" for problem in content.problems)
    graph = inside_graph(content, ids=live)
    return FlowInside(name, version, graph, prefix, live, problems)
