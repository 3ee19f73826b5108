"""Puts together what Markdown and HTML show of a plan: differences inside the flows, and the order as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from controller.graphs.model import Edge, EdgeKind, Graph, Node
from controller.graphs.pictures.languages import graph_mermaid
from controller.planning.model import Plan, Unplanned
from controller.planning.rendering.document_model import PlanDocument
from controller.planning.rendering.restored import restored
from controller.planning.rendering.view import FlowDifference, PlanView
from controller.questions.comparisons import FlowComparison

MOST_DRAWN = 50
"""Flows of an order that is drawn; a picture of more cannot be read in a comment."""


def plan_views(
    plans: Iterable[Plan], comparisons: Mapping[str, Sequence[FlowComparison]] | None = None
) -> list[PlanView]:
    """The views of plans; `comparisons` are those of each organisation by name, None without `--diff`."""
    return [
        PlanView(
            plan,
            None if comparisons is None else _differences(comparisons.get(plan.organization, ())),
            order=mermaid_order(plan),
        )
        for plan in plans
    ]


def saved_plan_views(document: PlanDocument) -> tuple[list[PlanView], list[Unplanned]]:
    """What to show of a saved plan, which nobody checked: it holds no digest that could be approved."""
    views, unplanned = restored(document)
    return [replace(view, order=mermaid_order(view.plan)) for view in views], unplanned


def mermaid_order(plan: Plan) -> str:
    """The changes that wait for others, and those, as a Mermaid flowchart in the order of deployment.

    Empty where no change waits for another, and beyond `MOST_DRAWN` flows.
    """
    shown = {change.flow for change in plan.shown}
    edges = [(change.flow, before) for change in plan.shown for before in change.depends_on if before in shown]
    drawn = {flow for edge in edges for flow in edge}
    if not 0 < len(drawn) <= MOST_DRAWN:
        return ""
    nodes = [
        Node(change.flow, change.flow, change.key.type, status=change.kind.value)
        for change in plan.shown
        if change.flow in drawn
    ]
    waiting = [Edge(consumer, consumed, EdgeKind.REFERENCES) for consumer, consumed in edges]
    return graph_mermaid(Graph(tuple(sorted(nodes)), tuple(sorted(waiting))).reversed())


def _differences(comparisons: Iterable[FlowComparison]) -> tuple[FlowDifference, ...]:
    return tuple(
        FlowDifference(each.flow, each.places, tuple(each.entries()))
        for each in comparisons
        if each.different is not False
    )
