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
    """A change."""

    flow: str
    """`metadata.name`; for a flow without a manifest the recorded one, or `type/name` where that name is used again."""
    type: str
    """The flow's type as the Platform API spells it."""
    name: str
    """The flow's name."""
    flow_id: str | None
    """The flow's id; null for a flow that does not exist yet."""
    change: ChangeKind
    """`create`, `publish`, `switch`, `republish`, `restore`, `adopt`, `rename`, `unpublish`, `delete` or `none`."""
    from_version: str | None
    """The version that is live; null when none is."""
    to_version: str | None
    """The version that will be live; null where the organisation will choose the number, and for `unpublish` and
    `delete`."""
    reason: str
    """Why, for people."""
    blocked: Blocked | None
    """Why it cannot be carried out now."""
    wave: int
    """From 1: the length of the longest chain of changes below it. Only for people: each change starts as soon as what
    it depends on is done."""
    depends_on: Sequence[str]
    """The `flow`s of this plan that must be done first."""
    group: Sequence[str]
    """The `flow`s of this plan that are deployed as one with it because they consume each other, itself included, in
    order; empty where it goes alone."""
    dependency_digest: str
    """`sha256:…` over the flow's content and the versions and content of all that it consumes, directly or not."""
    warnings: Sequence[str]
    """Facts that a person should know before it is carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftDocument:
    """Drift."""

    flow: str
    """As in a change."""
    type: str
    """As in a change."""
    name: str
    """As in a change."""
    kind: str
    """`version` (published, unpublished or recreated out of band), `undetermined` (the record was made with another
    `api`, and this one shows no version), `missing` (deleted out of band), `orphaned` (its manifest is gone),
    `stale-binding` (a pinned version keeps an older module: it is never published again because a module moved),
    `draft` (saved, not checked in), `lock` (someone holds it)."""
    expected: str | None
    """The version that is recorded; for `stale-binding` the module's version that will be live, null where this plan
    publishes a new one."""
    actual: str | None
    """The version that is live; for `stale-binding` the module's version that is bound, for `lock` the holder."""
    message: str
    """All of it, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWayDocument:
    """A change under way.

    A flow is listed until the live state shows the delivery's result; after that, `reason` in its change says so.
    """

    flow: str
    """As in a change."""
    type: str
    """As in a change."""
    name: str
    """As in a change."""
    change: ChangeKind
    """As in a change."""
    state: StepState
    """`pending` or `validated` (not begun), `publishing` or `rolling-back`."""
    revision: str | None
    """The commit that is delivered; null without git."""
    from_version: str | None
    """The version before that delivery, and the one to return to where it is `rolling-back`; null if none was live."""
    to_version: str | None
    """The version that is delivered; null where the organisation chooses the number."""


D = TypeVar("D", ChangeDocument, DriftDocument, UnderWayDocument)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationPlanDocument:
    """The plan of an organisation."""

    name: str
    """`metadata.name` of the organisation."""
    digest: str
    """The digest that an approval names. A saved plan is stale when it changes; a commit that asks for the same keeps
    it."""
    summary: Mapping[str, int]
    """How many changes there are of each kind, zeros included, and how many are `blocked`."""
    changes: Sequence[ChangeDocument]
    """In deployment order; flows in sync are listed as `none`, after all others, only with `--all`."""
    drift: Sequence[DriftDocument]
    """Out-of-band differences."""
    unmanaged: int
    """Live flows that neither a manifest names nor a record knows; they are never touched."""
    cycles: Sequence[Sequence[str]]
    """One shortest cycle for each group of flows that consume each other: `["a", "b", "a"]`."""
    suspended: Sequence[str]
    """The flows that are suspended (`spec.suspend`), also when git asks for changes; all of them where the organisation
    is suspended."""
    under_way: Sequence[UnderWayDocument]
    """Flows that an unfinished delivery (running or interrupted) is about to change; it comes before this plan. Not
    part of the `digest`."""
    held_back: Sequence[HeldBack]
    """The changes that `apply` would refuse at this moment. They depend on the time and on who is at work, and are no
    part of the `digest`."""
    warnings: Sequence[str]
    """Parts that could not be read completely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDocument:
    """`penstock plan --format json`: what `apply` would do now.

    The same states give the same bytes.
    """

    schema: Literal["penstock.plan/v1"] = PLAN_SCHEMA
    digest: str
    """`sha256:…` over the changes and their reasons. With one organisation it is that organisation's digest, with
    several a digest over theirs."""
    revision: str | None
    """The commit that the manifests come from."""
    organizations: Sequence[OrganizationPlanDocument]
    """One entry for each organisation, in order of name."""


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
