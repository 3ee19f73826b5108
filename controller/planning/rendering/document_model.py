"""The fields of `penstock.plan/v1`, described in docs/reference/json.md. A field is never renamed within a version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from controller.domain.documents import optional
from controller.domain.status import StepState
from controller.planning.model import Blocked, ChangeKind, HeldBack, Unplanned

PLAN_SCHEMA: Literal["penstock.plan/v1"] = "penstock.plan/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowIdentityDocument:
    """A flow's type and name."""

    type: str
    """As in a change."""
    name: str
    """As in a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingResourceDocument:
    """A missing resource."""

    kind: str
    """`queue`, `data-action`, `data-table`, `user-prompt`, `schedule`, ..."""
    name: str
    """The name as the flow names it; of a data action `category / action`."""
    parts: Sequence[str]
    """The columns of a data table that are missing; empty where the whole resource is."""
    file: str | None
    """The flow file, relative to the repository; null without one."""
    line: int | None
    """The line of the name, from 1."""
    column: int | None
    """The column of the name, from 1."""
    path: str
    """The place inside the flow."""
    close: str | None
    """The name in the organisation that is probably meant."""


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
    cause: str | None = optional()
    """`reason` without names and versions of this flow, where several changes share it."""
    follows: Sequence[FlowIdentityDocument] | None = optional()
    """The consumed flows whose other version is the only reason for a `republish`."""
    missing_resources: Sequence[MissingResourceDocument] | None = optional()
    """The resources that the flow file names and the organisation lacks, where there are any."""


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
    cause: str | None = optional()
    """`message` without names and versions of this flow, where several entries share it."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewDocument:
    """A view against a base.

    Base and head are planned from one observation. What both plans have was there before, and is only counted.
    """

    base_ref: str
    """The base as it was named."""
    base_revision: str
    """The commit of the base."""
    head_revision: str
    """The commit of the branch, which is planned as merged into the base."""
    summary: Mapping[str, int]
    """The organisation's `summary`, of the changes in `flows` alone."""
    flows: Sequence[str]
    """The `flow`s of those `changes` that the base's plan has not, or has otherwise: another kind, version, reason,
    content, order or block."""
    vanished: Sequence[ChangeDocument]
    """Changes of the base's plan that the branch makes unnecessary."""
    settings: Sequence[str]
    """Other flows that the branch adds, removes, or gives other settings, such as gates."""
    policy: Sequence[str]
    """The keys of the organisation's `spec` that the branch changes; this plan follows the base's."""
    drift: Sequence[DriftDocument]
    """Drift that the branch causes."""
    held_back: Sequence[HeldBack]
    """The entries of `held_back` that the base's plan has not."""
    hidden_changes: int
    """How many `changes` were there before."""
    hidden_drift: int
    """How many entries of `drift` were there before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceLineDocument:
    """A line about a difference."""

    sign: str
    """`+` added, `-` removed, `~` changed or moved, `=` no difference, `!` why there is no comparison."""
    text: str
    """The difference, with secrets masked; a long one is cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowDifferencesDocument:
    """The differences inside a flow of the plan."""

    flow: str
    """As in a change."""
    places: str
    """The two sides: `3.0 -> flows/greeting.yaml`."""
    entries: Sequence[DifferenceLineDocument]
    """The first 100 differences."""
    more: int
    """How many further ones there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationPlanDocument:
    """The plan of an organisation."""

    name: str
    """`metadata.name` of the organisation."""
    organization_id: str | None
    """The organisation's own id; null where its API does not tell."""
    region: str | None
    """The Genesys domain; null where the manifest gives addresses instead."""
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
    view: ViewDocument | None = optional()
    """The part of the plan that a branch causes; only with `--base`. All other fields are of the full plan."""
    differences: Sequence[FlowDifferencesDocument] | None = optional()
    """The differences inside the flows; only in the file of `--out`, with `--diff`."""


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
    unplanned: Sequence[Unplanned] | None = optional()
    """The organisations without a plan because the branch adds or removes them, or moves them to another `api`; only
    with `--base`, where there are any."""
