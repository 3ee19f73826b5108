"""`penstock graph`: who consumes whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from controller.cli import exit_codes
from controller.cli.commands.graph.answers import GraphAnswers, answers_fields, answers_text
from controller.cli.options import Folder, OneOrganization, Out
from controller.cli.output import output_to, warn
from controller.cli.progress_bars import progress_bar
from controller.cli.running import answer, opened_services
from controller.cli.workspace import only_organization, opened_workspace
from controller.domain.desired import Organization
from controller.domain.documents import json_chunks
from controller.domain.errors.process import SettingsInvalid
from controller.graphs.compatibility import ALLOWED_STATUSES, compatibility
from controller.graphs.document import graph_document
from controller.graphs.model import Graph
from controller.graphs.pictures.languages import graph_dot, graph_mermaid
from controller.graphs.pictures.tree import graph_text
from controller.graphs.questions import cycles, impact, missing, orphans, sequence
from controller.questions.dependency_graph import (
    DependencyGraph,
    GraphOrigin,
    check_index,
    observed_graph,
    repository_graph,
)
from controller.questions.graph_picture import graph_svg
from controller.questions.node_graph import (
    FlowInside,
    all_live_insides,
    all_source_insides,
    chosen_node,
    downstream,
    live_inside,
    source_inside,
)
from controller.reconcile.flow_choice import chosen_flow
from controller.reconcile.services import Services
from controller.reconcile.settings import load_settings


class GraphFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    DOT = "dot"
    MERMAID = "mermaid"
    SVG = "svg"


@dataclass(frozen=True, slots=True)
class GraphOptions:
    """The command line of `penstock graph`."""

    folder: Folder = Path()
    organization: OneOrganization = None
    origin: Annotated[
        GraphOrigin | None, typer.Option("--from", help="repository (no call; the default), live, or both compared.")
    ] = None
    output: Annotated[GraphFormat, typer.Option("--format", "-f", help="text, json, dot, mermaid or svg.")] = (
        GraphFormat.TEXT
    )
    out: Out = None
    nodes: Annotated[str | None, typer.Option("--nodes", metavar="FLOW", help="The nodes inside this flow.")] = None
    resources: Annotated[
        bool, typer.Option("--resources", help="Queues, data actions, prompts, ... as leaves, too.")
    ] = False
    impact: Annotated[
        list[str] | None, typer.Option("--impact", metavar="FLOW", help="All that a change of this flow reaches.")
    ] = None
    cycles: Annotated[
        bool,
        typer.Option("--cycles", help="One shortest cycle of each group that goes round; ends with 1 if there is one."),
    ] = False
    orphans: Annotated[bool, typer.Option("--orphans", help="Flows that no other flow uses.")] = False
    missing: Annotated[
        bool,
        typer.Option(
            "--missing",
            help="References that lead nowhere, with --resources also to what the organisation lacks; ends with 1.",
        ),
    ] = False
    compat: Annotated[
        bool, typer.Option("--compat", help="Whether each flow's live version meets the manifests; ends with 1 if not.")
    ] = False
    target_version: Annotated[
        str | None, typer.Option("--target-version", help="With --compat: the version that has to be live.")
    ] = None
    status: Annotated[
        list[str] | None, typer.Option("--status", help="With --compat: an allowed status; published and deployed.")
    ] = None
    verify_index: Annotated[
        bool, typer.Option("--verify-index", help="Compare with the organisation's dependency index (architect).")
    ] = False
    all_nodes: Annotated[bool, typer.Option("--all-nodes", help="The nodes inside all flows, in one graph.")] = False
    order: Annotated[
        bool, typer.Option("--order", help="The sequence in waves, dependencies first; inside flows, too.")
    ] = False
    managed: Annotated[bool, typer.Option("--managed", help="With --compat: only flows that a manifest names.")] = False

    def resolved_origin(self) -> GraphOrigin:
        """Where to look. Raises SettingsInvalid when a question cannot be answered there."""
        if self.all_nodes and self.nodes is not None:
            raise SettingsInvalid("--all-nodes is of all flows, --nodes of one", hint="leave out one of the two")
        if self.compat and (self.all_nodes or self.nodes is not None):
            raise SettingsInvalid("--compat judges flows, not the nodes inside one", hint="ask for it alone")
        asks = [name for name, wanted in (("--compat", self.compat), ("--verify-index", self.verify_index)) if wanted]
        if self.origin is None:
            looks_up = self.missing and self.resources
            return GraphOrigin.LIVE if asks else GraphOrigin.BOTH if looks_up else GraphOrigin.REPOSITORY
        if asks and self.origin is GraphOrigin.REPOSITORY:
            raise SettingsInvalid(
                f"{asks[0]} asks the organisation, --from repository does not", hint="pass --from live or both"
            )
        return self.origin


@dataclass(frozen=True, slots=True)
class Drawing:
    """A graph, and the answers about it."""

    graph: Graph
    answers: GraphAnswers
    about: dict[str, object] = field(default_factory=dict)
    """The fields of the JSON document that say where the graph comes from."""
    warnings: tuple[str, ...] = ()


def graph(options: GraphOptions) -> int:
    """Draw the graph, or answer questions about it; 1 when an answer should stop a pipeline."""
    drawing = _gathered(options)
    warn(drawing.warnings)
    with output_to(options.out) as write:
        for piece in _drawn(drawing, options.output):
            write(piece)
    return exit_codes.DONE if drawing.answers.passed else exit_codes.ERROR


def _gathered(options: GraphOptions) -> Drawing:
    """Reads only what the question needs: without anything live no call is made and no store opened."""
    origin = options.resolved_origin()
    settings = load_settings()
    only = (options.organization,) if options.organization else ()
    workspace = opened_workspace(options.folder, settings, only)
    organization = only_organization(workspace, "a graph")
    if origin is GraphOrigin.REPOSITORY:
        return _from_repository(options, organization)
    with opened_services(settings) as services:
        return answer(services, _from_organization(options, organization, services, origin))


def _drawn(drawing: Drawing, form: GraphFormat) -> Iterator[str]:
    if form is GraphFormat.JSON:
        about = drawing.about | answers_fields(drawing.answers)
        yield from json_chunks(graph_document(drawing.graph, **about, warnings=drawing.warnings))
        yield "\n"
    elif form is GraphFormat.TEXT and drawing.answers.asked:
        yield answers_text(drawing.answers)
    elif form is GraphFormat.TEXT and not drawing.graph.nodes:
        yield f"No {drawing.answers.noun}s.\n"
    else:
        yield _PICTURES[form](drawing.answers.part_of(drawing.graph))


def _from_repository(options: GraphOptions, organization: Organization) -> Drawing:
    if options.all_nodes:
        return _inside(options, all_source_insides(organization), organization.name)
    if options.nodes is not None:
        return _inside(options, source_inside(organization, options.nodes), organization.name)
    return _answered(options, repository_graph(organization, resources=options.resources))


async def _from_organization(
    options: GraphOptions, organization: Organization, services: Services, origin: GraphOrigin
) -> Drawing:
    if options.all_nodes:
        return _inside(options, await all_live_insides(services, organization), organization.name)
    if options.nodes is not None:
        return _inside(options, await live_inside(services, organization, options.nodes), organization.name)
    with progress_bar("reading versions") as advance:
        found = await observed_graph(
            services,
            organization,
            origin,
            resources=options.resources,
            missing=options.missing,
            advance=advance,
        )
    drawing = _answered(options, found)
    if not options.verify_index:
        return drawing
    with progress_bar("asking the dependency index") as advance:
        index = await check_index(services, found, advance)
    return replace(
        drawing, answers=replace(drawing.answers, index=index), warnings=(*drawing.warnings, *index.warnings())
    )


def _answered(options: GraphOptions, found: DependencyGraph) -> Drawing:
    organization, graph = found.organization, found.graph
    live = found.live.flows.values() if found.live else ()
    changed = tuple(str(chosen_flow(said, organization.flows, live)) for said in options.impact or ())
    verdicts = None
    if options.compat and found.live is not None:
        verdicts = compatibility(
            organization,
            found.live,
            () if options.managed else found.listed,
            target_version=options.target_version,
            allowed_statuses=tuple(options.status or ALLOWED_STATUSES),
        )
    answers = replace(
        _answers(options, graph),
        impact=impact(graph, changed) if options.impact else None,
        changed=changed,
        compatibility=verdicts,
        order=sequence(graph.flows()) if options.order else None,
    )
    about: dict[str, object] = {"organization": organization.name, "from_": found.origin.value}
    return Drawing(graph, answers, about, found.warnings)


def _inside(options: GraphOptions, inside: FlowInside, organization: str) -> Drawing:
    """The same questions about the nodes of one flow."""
    graph = inside.graph
    changed = tuple(chosen_node(inside, said) for said in options.impact or ())
    answers = replace(
        _answers(options, graph),
        impact=downstream(inside, changed) if options.impact else None,
        changed=changed,
        order=sequence(graph) if options.order else None,
        noun="node",
    )
    about: dict[str, object] = {
        "organization": organization,
        "from_": "live" if inside.live else "repository",
        "flow": inside.name,
        "version": inside.version,
    }
    return Drawing(graph, answers, about, inside.problems)


def _answers(options: GraphOptions, graph: Graph) -> GraphAnswers:
    """The answers that flows and the nodes inside one share."""
    return GraphAnswers(
        cycles=cycles(graph) if options.cycles else None,
        orphans=orphans(graph) if options.orphans else None,
        missing=missing(graph) if options.missing else None,
    )


_PICTURES = {
    GraphFormat.TEXT: graph_text,
    GraphFormat.DOT: graph_dot,
    GraphFormat.MERMAID: graph_mermaid,
    GraphFormat.SVG: graph_svg,
}
