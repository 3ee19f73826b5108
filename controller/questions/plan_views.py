"""Puts together what Markdown and HTML show of a plan: differences inside the flows, and the order as a picture.

A saved plan is shown in the same way, but nothing in it was checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import TypeVar, cast

from controller.domain.identity import FlowKey
from controller.domain.recorded import NO_REVISION
from controller.graphs.model import Edge, EdgeKind, Graph, Node
from controller.graphs.pictures.languages import graph_mermaid
from controller.planning.model import BaseView, Change, Drift, Plan, UnderWay, Unplanned
from controller.planning.rendering.document_model import (
    ChangeDocument,
    DriftDocument,
    OrganizationPlanDocument,
    PlanDocument,
    UnderWayDocument,
    ViewDocument,
)
from controller.planning.rendering.saved import cut_digests
from controller.planning.rendering.view import FlowDifference, PlanView
from controller.questions.flow_comparison import FlowComparison

MOST_DRAWN = 50
"""Flows of an order that is drawn; a picture of more cannot be read in a comment."""
_NO_DIGEST = "not checked"
"""In place of the digest of a plan that nobody checked."""
T = TypeVar("T")


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
    """The views of a saved plan, and its organisations without a plan. Nothing in it was checked.

    Whatever has the form of a digest is cut, also within other texts, so that nobody can copy it for an approval.
    """
    found = _without_digests(document)
    revision = NO_REVISION if found.revision is None else found.revision
    views = [_view_of(each, revision) for each in found.organizations]
    return [replace(view, order=mermaid_order(view.plan)) for view in views], list(found.unplanned or ())


def stored_plan_view(document: PlanDocument) -> PlanView:
    """The view of the plan of one organisation that a pass made and the store keeps, with its digest."""
    [each] = document.organizations
    view = _view_of(each, NO_REVISION if document.revision is None else document.revision)
    return replace(view, plan=replace(view.plan, digest=each.digest))


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


def _without_digests(value: T) -> T:
    """The value, whose texts show only the beginning of what has the form of a digest."""
    found: object = value
    if isinstance(value, str) and not isinstance(value, Enum):
        found = cut_digests(value)
    elif isinstance(value, list | tuple):
        found = tuple(map(_without_digests, value))
    elif is_dataclass(value) and not isinstance(value, type):
        found = replace(value, **{each.name: _without_digests(getattr(value, each.name)) for each in fields(value)})
    return cast("T", found)


def _view_of(each: OrganizationPlanDocument, revision: str) -> PlanView:
    plan = Plan(
        organization=each.name,
        revision=revision if each.view is None else each.view.head_revision,
        digest=_NO_DIGEST,
        changes=_changes(each.changes),
        drift=_drift(each.drift),
        unmanaged=each.unmanaged,
        cycles=tuple(map(tuple, each.cycles)),
        warnings=tuple(each.warnings),
        suspended=tuple(each.suspended),
        under_way=tuple(map(_under_way, each.under_way)),
        held_back=tuple(each.held_back),
        organization_id=each.organization_id,
        region=each.region,
        view=None if each.view is None else _base_view(each.view),
    )
    return PlanView(plan, _saved_differences(each))


def _saved_differences(each: OrganizationPlanDocument) -> tuple[FlowDifference, ...] | None:
    if each.differences is None:
        return None
    return tuple(
        FlowDifference(flow.flow, flow.places, tuple((line.sign, line.text) for line in flow.entries), flow.more)
        for flow in each.differences
    )


def _base_view(view: ViewDocument) -> BaseView:
    return BaseView(
        ref=view.base_ref,
        revision=view.base_revision,
        flows=tuple(view.flows),
        vanished=_changes(view.vanished),
        settings=tuple(view.settings),
        policy=tuple(view.policy),
        drift=_drift(view.drift),
        held_back=tuple(view.held_back),
        hidden_changes=view.hidden_changes,
        hidden_drift=view.hidden_drift,
    )


def _changes(found: Iterable[ChangeDocument]) -> tuple[Change, ...]:
    return tuple(
        Change(
            flow=each.flow,
            key=FlowKey(each.type, each.name),
            kind=each.change,
            flow_id=each.flow_id,
            from_version=each.from_version,
            to_version=each.to_version,
            reason=each.reason,
            wave=each.wave,
            depends_on=tuple(each.depends_on),
            group=tuple(each.group),
            blocked=each.blocked,
            warnings=tuple(each.warnings),
            cause=each.cause or "",
            follows=tuple(FlowKey(flow.type, flow.name) for flow in each.follows or ()),
        )
        for each in found
    )


def _drift(found: Iterable[DriftDocument]) -> tuple[Drift, ...]:
    return tuple(
        Drift(
            flow=each.flow,
            key=FlowKey(each.type, each.name),
            kind=each.kind,
            expected=each.expected,
            actual=each.actual,
            message=each.message,
            cause=each.cause or "",
        )
        for each in found
    )


def _under_way(each: UnderWayDocument) -> UnderWay:
    return UnderWay(
        flow=each.flow,
        key=FlowKey(each.type, each.name),
        kind=each.change,
        state=each.state,
        revision=NO_REVISION if each.revision is None else each.revision,
        from_version=each.from_version,
        to_version=each.to_version,
    )
