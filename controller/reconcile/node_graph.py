"""What stands inside one flow: its actions, tasks, menus and states, from its file or from a live version."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from controller.domain.desired import DesiredFlow, Organization, PinnedVersion, SourceFile
from controller.domain.errors import NotFound, SettingsInvalid
from controller.domain.identity import FlowKey
from controller.flows import NodeGraph, definition_graph, parse, source_graph
from controller.planning.graph_export import Graph, Impact, impact, inside_graph
from controller.reconcile.flow_choice import chosen_flow, live_flow
from controller.reconcile.services import Services


@dataclass(frozen=True, slots=True)
class FlowInside:
    """The nodes of one flow."""

    key: FlowKey
    version: str | None
    """The version that they were read from; None for a file."""
    graph: Graph
    problems: tuple[str, ...] = ()
    """What is no proper node or way, in words."""


def source_inside(organization: Organization, said: str) -> FlowInside:
    """The nodes of a flow as its file has them. Makes no call. Raises SettingsInvalid."""
    key = chosen_flow(said, organization.flows)
    desired = next(flow for flow in organization.flows if flow.key == key)
    if not isinstance(desired.source, SourceFile):
        raise SettingsInvalid(
            f"{desired.id} is pinned to version {_pinned(desired)}: the repository does not hold its content",
            hint="pass --from live",
        )
    return _inside(key, None, source_graph(parse(desired.source.text).document, str(key)))


async def live_inside(services: Services, organization: Organization, said: str) -> FlowInside:
    """The nodes of the published version of a flow. Raises SettingsInvalid, NotFound, ExportFailed."""
    platform = services.platform(organization)
    live = await live_flow(platform, organization.flows, said)
    key = live.key
    if live.published_version is None:
        raise NotFound(f"{key}: the organisation has no published version of it", status=404)
    export = await platform.export(live.id, live.published_version)
    if export.yaml is not None:
        content = source_graph(parse(export.yaml).document, str(key))
    else:
        content = definition_graph(export.definition or {}, str(key))
    return _inside(key, live.published_version, content)


def downstream(inside: FlowInside, changed: Iterable[str]) -> tuple[Impact, ...]:
    """Every node that the nodes with these keys lead to, nearest first."""
    return impact(inside.graph.reversed(), changed)


def chosen_node(inside: FlowInside, said: str) -> str:
    """The key of the node that is meant by its id or by a name that only one has. Raises SettingsInvalid."""
    nodes = {node.key.removeprefix(f"{inside.key}:"): node for node in inside.graph.nodes}
    if said in nodes:
        return nodes[said].key
    found = [node.key for node in inside.graph.nodes if said in (node.key, node.name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise SettingsInvalid(f"several nodes of {inside.key} are named {said!r}", hint=", ".join(found))
    raise SettingsInvalid(f"{inside.key} has no node {said!r}", hint="see --format json for the nodes' keys")


def _pinned(desired: DesiredFlow) -> str:
    return desired.source.version if isinstance(desired.source, PinnedVersion) else ""


def _inside(key: FlowKey, version: str | None, content: NodeGraph) -> FlowInside:
    problems = tuple(f"{problem.code} at {problem.where}: {problem.message}" for problem in content.problems)
    return FlowInside(key, version, inside_graph(content), problems)
