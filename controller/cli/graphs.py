"""From what was asked for on the command line to a graph, its answers and its drawing."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from controller.cli.answers import Answers, answers_document, answers_text
from controller.cli.bars import progress_bar
from controller.cli.running import opened_services, tell_uncommitted
from controller.domain.errors import SettingsInvalid
from controller.graphs.compatibility import ALLOWED_STATUSES, compatibility
from controller.graphs.model import Graph
from controller.graphs.pictures import graph_document, graph_dot, graph_mermaid, graph_text
from controller.graphs.questions import cycles, impact, missing, orphans, sequence
from controller.questions.dependency_graph import DependencyGraph, GraphOrigin, observed_graph, repository_graph
from controller.questions.dependency_index import check_index
from controller.questions.drawing import graph_svg
from controller.questions.node_graph import (
    FlowInside,
    all_live_insides,
    all_source_insides,
    chosen_node,
    downstream,
    live_inside,
    source_inside,
)
from controller.reconcile import Services, Workspace, load_settings, open_folder
from controller.reconcile.flow_choice import chosen_flow

_RENDERERS = {"text": graph_text, "dot": graph_dot, "mermaid": graph_mermaid, "svg": graph_svg}


@dataclass(frozen=True, slots=True)
class GraphRequest:
    """What was asked for."""

    folder: Path
    organization: str | None = None
    origin: str | None = None
    nodes: str | None = None
    resources: bool = False
    impact: tuple[str, ...] = ()
    cycles: bool = False
    orphans: bool = False
    missing: bool = False
    compat: bool = False
    target_version: str | None = None
    statuses: tuple[str, ...] = ()
    verify_index: bool = False
    all_nodes: bool = False
    order: bool = False
    managed: bool = False

    def resolved_origin(self) -> GraphOrigin:
        """Where to look. Raises SettingsInvalid when a question cannot be answered there."""
        if self.all_nodes and self.nodes is not None:
            raise SettingsInvalid("--all-nodes is of all flows, --nodes of one", hint="leave out one of the two")
        if self.compat and (self.all_nodes or self.nodes is not None):
            raise SettingsInvalid("--compat judges flows, not what is inside one", hint="ask for it alone")
        asks = [name for name, wanted in (("--compat", self.compat), ("--verify-index", self.verify_index)) if wanted]
        if self.origin is None:
            return GraphOrigin.LIVE if asks else GraphOrigin.REPOSITORY
        if asks and self.origin == GraphOrigin.REPOSITORY:
            raise SettingsInvalid(
                f"{asks[0]} looks at what is live, --from repository does not", hint="pass --from live or both"
            )
        return GraphOrigin(self.origin)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A graph with what was asked about it."""

    graph: Graph
    answers: Answers
    about: dict[str, object] = field(default_factory=dict)
    """What the JSON document says of where the graph comes from."""
    warnings: tuple[str, ...] = ()


def gather(request: GraphRequest) -> Drawing:
    """Read what the request needs, and nothing else: without anything live no call is made and no store opened."""
    origin = request.resolved_origin()
    settings = load_settings()
    workspace = open_folder(request.folder, settings, (request.organization,) if request.organization else ())
    tell_uncommitted(workspace)
    _only(workspace)
    if origin is GraphOrigin.REPOSITORY:
        return _from_repository(request, workspace)
    with opened_services(settings) as services:
        return asyncio.run(_from_organization(request, workspace, services, origin))


def draw(drawing: Drawing, form: str) -> str:
    """The drawing in one of the formats."""
    if form == "json":
        document = graph_document(drawing.graph) | drawing.about | answers_document(drawing.answers)
        return json.dumps(document | {"warnings": list(drawing.warnings)}, indent=2) + "\n"
    if form == "text" and drawing.answers.asked:
        return answers_text(drawing.answers)
    if form == "text" and not drawing.graph.nodes:
        return f"No {drawing.answers.noun}s.\n"
    return _RENDERERS[form](drawing.answers.part_of(drawing.graph))


def _only(workspace: Workspace) -> None:
    names = [each.name for each in workspace.desired.organizations]
    if len(names) != 1:
        there = f"the manifests describe {', '.join(names)}" if names else "no manifest describes an organisation"
        raise SettingsInvalid(f"{there}; a graph is of one organisation", hint="choose one with --organization")


def _from_repository(request: GraphRequest, workspace: Workspace) -> Drawing:
    organization = workspace.desired.organizations[0]
    if request.all_nodes:
        return _inside(request, all_source_insides(organization), organization.name)
    if request.nodes is not None:
        return _inside(request, source_inside(organization, request.nodes), organization.name)
    return _answered(request, repository_graph(organization, resources=request.resources))


async def _from_organization(
    request: GraphRequest, workspace: Workspace, services: Services, origin: GraphOrigin
) -> Drawing:
    organization = workspace.desired.organizations[0]
    try:
        if request.all_nodes:
            return _inside(request, await all_live_insides(services, organization), organization.name)
        if request.nodes is not None:
            return _inside(request, await live_inside(services, organization, request.nodes), organization.name)
        with progress_bar("reading versions") as advance:
            found = await observed_graph(services, organization, origin, resources=request.resources, advance=advance)
        drawing = _answered(request, found)
        if not request.verify_index:
            return drawing
        with progress_bar("asking the dependency index") as advance:
            index = await check_index(services, found, advance)
        return replace(
            drawing,
            answers=replace(drawing.answers, index=index),
            warnings=(*drawing.warnings, *index.warnings()),
        )
    finally:
        await services.disconnect()


def _answered(request: GraphRequest, found: DependencyGraph) -> Drawing:
    organization, graph = found.organization, found.graph
    live = found.live.flows.values() if found.live else ()
    changed = tuple(str(chosen_flow(said, organization.flows, live)) for said in request.impact)
    verdicts = None
    if request.compat and found.live is not None:
        allowed = request.statuses or tuple(ALLOWED_STATUSES)
        verdicts = compatibility(
            organization,
            found.live,
            () if request.managed else found.listed,
            target_version=request.target_version,
            allowed_statuses=allowed,
        )
    answers = Answers(
        impact=impact(graph, changed) if request.impact else None,
        changed=changed,
        cycles=cycles(graph) if request.cycles else None,
        orphans=orphans(graph) if request.orphans else None,
        missing=missing(graph) if request.missing else None,
        compatibility=verdicts,
        order=sequence(graph.flows()) if request.order else None,
    )
    about: dict[str, object] = {"organization": organization.name, "from": found.origin.value}
    return Drawing(graph, answers, about, found.warnings)


def _inside(request: GraphRequest, inside: FlowInside, organization: str) -> Drawing:
    """The same questions about the nodes of one flow."""
    graph = inside.graph
    changed = tuple(chosen_node(inside, said) for said in request.impact)
    answers = Answers(
        impact=downstream(inside, changed) if request.impact else None,
        changed=changed,
        cycles=cycles(graph) if request.cycles else None,
        orphans=orphans(graph) if request.orphans else None,
        missing=missing(graph) if request.missing else None,
        order=sequence(graph) if request.order else None,
        noun="node",
    )
    about: dict[str, object] = {
        "organization": organization,
        "from": "live" if inside.live else "repository",
        "flow": inside.name,
        "version": inside.version,
    }
    return Drawing(graph, answers, about, inside.problems)
