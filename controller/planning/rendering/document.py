"""Plans as JSON: `penstock.plan/v1`, described in docs/reference/json.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

from controller.domain.desired import SourceFile
from controller.domain.documents import json_text
from controller.domain.recorded import NO_REVISION
from controller.domain.resources import MissingResource
from controller.planning.digests import sha256
from controller.planning.model import BaseView, Change, Drift, Plan, UnderWay, Unplanned, summary_of
from controller.planning.rendering.document_model import (
    ChangeDocument,
    DifferenceLineDocument,
    DriftDocument,
    FlowDifferencesDocument,
    FlowIdentityDocument,
    MissingResourceDocument,
    OrganizationPlanDocument,
    PlanDocument,
    UnderWayDocument,
    ViewDocument,
)
from controller.planning.rendering.escaping import LONGEST
from controller.planning.rendering.view import MOST_ENTRIES, FlowDifference, PlanView

D = TypeVar("D", ChangeDocument, DriftDocument, UnderWayDocument)


def plan_json(plans: Sequence[Plan], unplanned: Sequence[Unplanned] = (), *, everything: bool = False) -> str:
    """The document as text, ending with a newline; the same plans give the same bytes."""
    return _text(plan_document(plans, unplanned, everything=everything))


def saved_plan_json(views: Sequence[PlanView], unplanned: Sequence[Unplanned] = ()) -> str:
    """What `plan --out` writes: flows in sync, too, and the differences inside the flows where they were compared."""
    document = plan_document([view.plan for view in views], unplanned, everything=True)
    organizations = [
        replace(each, differences=None if view.differences is None else list(map(_differences, view.differences)))
        for each, view in zip(document.organizations, views, strict=True)
    ]
    return _text(replace(document, organizations=organizations))


def plan_document(
    plans: Sequence[Plan], unplanned: Sequence[Unplanned] = (), *, everything: bool = False
) -> PlanDocument:
    """The document; flows in sync are listed only with `everything`.

    `digest` is the plan's own where there is one organisation, else a digest over all of theirs.
    """
    digests = [plan.digest for plan in plans]
    return PlanDocument(
        digest=digests[0] if len(digests) == 1 else sha256(*digests),
        revision=plans[0].revision if plans and plans[0].revision != NO_REVISION else None,
        organizations=[_organization(plan, everything=everything) for plan in plans],
        unplanned=unplanned or None,
    )


def _text(document: PlanDocument) -> str:
    return json_text(document, ascii_only=True) + "\n"


def _organization(plan: Plan, *, everything: bool) -> OrganizationPlanDocument:
    changes = plan.changes if everything else plan.actions
    return OrganizationPlanDocument(
        name=plan.organization,
        organization_id=plan.organization_id,
        region=plan.region,
        digest=plan.digest,
        summary=plan.summary(),
        changes=[_change(change) for change in changes],
        drift=[_drift(drift) for drift in plan.drift],
        unmanaged=plan.unmanaged,
        cycles=plan.cycles,
        suspended=plan.suspended,
        under_way=[_under_way(each) for each in plan.under_way],
        held_back=plan.held_back,
        warnings=plan.warnings,
        view=None if plan.view is None else _view(plan, plan.view),
    )


def _change(change: Change) -> ChangeDocument:
    follows = [FlowIdentityDocument(type=key.type, name=key.name) for key in change.follows]
    source = change.desired.source if change.desired is not None else None
    file = source.file if isinstance(source, SourceFile) else None
    missing = [resource_document(each, file) for each in change.missing]
    return _about(
        ChangeDocument,
        change,
        change=change.kind,
        cause=change.cause or None,
        follows=follows or None,
        missing_resources=missing or None,
    )


def resource_document(missing: MissingResource, file: str | None) -> MissingResourceDocument:
    """The document of a resource that a flow file names and the organisation lacks."""
    reference = missing.reference
    line, column = reference.position or (None, None)
    return MissingResourceDocument(
        kind=reference.kind,
        name=reference.name,
        parts=missing.parts,
        file=file,
        line=line,
        column=column,
        path=reference.path,
        close=missing.close,
    )


def _drift(drift: Drift) -> DriftDocument:
    return _about(DriftDocument, drift, cause=drift.cause or None)


def _differences(found: FlowDifference) -> FlowDifferencesDocument:
    """Cut where the renderings for people cut, so that a file of a plan has a bounded size."""
    kept = found.entries[:MOST_ENTRIES]
    return FlowDifferencesDocument(
        flow=found.flow,
        places=found.places,
        entries=[DifferenceLineDocument(sign=sign, text=text[: LONGEST + 1]) for sign, text in kept],
        more=found.more + len(found.entries) - len(kept),
    )


def _view(plan: Plan, view: BaseView) -> ViewDocument:
    return ViewDocument(
        base_ref=view.ref,
        base_revision=view.revision,
        head_revision=plan.revision,
        summary=summary_of(plan.shown),
        flows=view.flows,
        vanished=[_change(change) for change in view.vanished],
        settings=view.settings,
        policy=view.policy,
        drift=[_drift(drift) for drift in view.drift],
        held_back=view.held_back,
        hidden_changes=view.hidden_changes,
        hidden_drift=view.hidden_drift,
    )


def _under_way(each: UnderWay) -> UnderWayDocument:
    revision = None if each.revision == NO_REVISION else each.revision
    return _about(UnderWayDocument, each, change=each.kind, revision=revision)


def _about(document: type[D], each: Change | Drift | UnderWay, **own: Any) -> D:
    """A document with its `own` fields, the flow's type and name, and what `each` has under the other fields' names."""
    own |= {"type": each.key.type, "name": each.key.name}
    named = {field.name: getattr(each, field.name) for field in fields(document) if field.name not in own}
    return document(**own, **named)
