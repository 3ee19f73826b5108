"""Makes what a comment shows out of a saved plan. Nothing in it was checked, so none of it can be approved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import TypeVar, cast

from controller.domain.identity import FlowKey
from controller.domain.recorded import NO_REVISION
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

NO_DIGEST = "not checked"
"""In place of the digest of a plan that nobody checked."""

T = TypeVar("T")


def restored(document: PlanDocument) -> tuple[list[PlanView], list[Unplanned]]:
    """The views of all organisations, without the picture of the order, and the organisations without a plan.

    Whatever has the form of a digest is cut, also within other texts, so that nobody can copy it for an approval.
    """
    found = _without_digests(document)
    revision = NO_REVISION if found.revision is None else found.revision
    return [_view_of(each, revision) for each in found.organizations], list(found.unplanned or ())


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
        digest=NO_DIGEST,
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
    return PlanView(plan, _differences(each))


def _differences(each: OrganizationPlanDocument) -> tuple[FlowDifference, ...] | None:
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
