"""Plans as JSON: `penstock.plan/v1`, described in docs/reference/json.md. A field is never renamed within a version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar

from controller.domain.documents import json_text, plain
from controller.domain.recorded import NO_REVISION
from controller.domain.status import StepState
from controller.planning.digests import sha256
from controller.planning.model import Blocked, Change, ChangeKind, Drift, HeldBack, Plan, UnderWay

PLAN_SCHEMA: Literal["penstock.plan/v1"] = "penstock.plan/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeDocument:
    flow: str
    type: str
    name: str
    flow_id: str | None
    change: ChangeKind
    from_version: str | None
    to_version: str | None
    reason: str
    blocked: Blocked | None
    wave: int
    depends_on: Sequence[str]
    group: Sequence[str]
    dependency_digest: str
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftDocument:
    flow: str
    type: str
    name: str
    kind: str
    expected: str | None
    actual: str | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWayDocument:
    flow: str
    type: str
    name: str
    change: ChangeKind
    state: StepState
    revision: str | None
    from_version: str | None
    to_version: str | None


D = TypeVar("D", ChangeDocument, DriftDocument, UnderWayDocument)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationPlanDocument:
    name: str
    digest: str
    summary: Mapping[str, int]
    changes: Sequence[ChangeDocument]
    drift: Sequence[DriftDocument]
    unmanaged: int
    cycles: Sequence[Sequence[str]]
    suspended: Sequence[str]
    under_way: Sequence[UnderWayDocument]
    held_back: Sequence[HeldBack]
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDocument:
    """`penstock.plan/v1`."""

    schema: Literal["penstock.plan/v1"] = PLAN_SCHEMA
    digest: str
    revision: str | None
    organizations: Sequence[OrganizationPlanDocument]


def plan_json(plans: Sequence[Plan], *, everything: bool = False) -> str:
    """The document as text, ending with a newline; the same plans give the same bytes."""
    return json_text(_document(plans, everything=everything), ascii_only=True) + "\n"


def plan_document(plans: Sequence[Plan], *, everything: bool = False) -> dict[str, Any]:
    """The document in JSON's types; flows in sync are listed only with `everything`."""
    found: dict[str, Any] = plain(_document(plans, everything=everything))
    return found


def _document(plans: Sequence[Plan], *, everything: bool) -> PlanDocument:
    """`digest` is the plan's own where there is one organisation, else a digest over all of theirs."""
    digests = [plan.digest for plan in plans]
    return PlanDocument(
        digest=digests[0] if len(digests) == 1 else sha256(*digests),
        revision=plans[0].revision if plans and plans[0].revision != NO_REVISION else None,
        organizations=[_organization(plan, everything=everything) for plan in plans],
    )


def _organization(plan: Plan, *, everything: bool) -> OrganizationPlanDocument:
    changes = plan.changes if everything else plan.actions
    return OrganizationPlanDocument(
        name=plan.organization,
        digest=plan.digest,
        summary=plan.summary(),
        changes=[_about(ChangeDocument, change, change=change.kind) for change in changes],
        drift=[_about(DriftDocument, drift) for drift in plan.drift],
        unmanaged=plan.unmanaged,
        cycles=plan.cycles,
        suspended=plan.suspended,
        under_way=[_under_way(each) for each in plan.under_way],
        held_back=plan.held_back,
        warnings=plan.warnings,
    )


def _under_way(each: UnderWay) -> UnderWayDocument:
    revision = None if each.revision == NO_REVISION else each.revision
    return _about(UnderWayDocument, each, change=each.kind, revision=revision)


def _about(document: type[D], each: Change | Drift | UnderWay, **own: Any) -> D:
    """A document with its `own` fields, the flow's type and name, and what `each` has under the other fields' names."""
    own |= {"type": each.key.type, "name": each.key.name}
    named = {field.name: getattr(each, field.name) for field in fields(document) if field.name not in own}
    return document(**own, **named)
