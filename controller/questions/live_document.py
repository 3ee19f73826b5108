"""What runs and what the last passes found, as documents: organisations, flows and running passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from controller.domain.status import Health, SyncStatus
from controller.planning.rendering.document_model import ChangeDocument
from controller.questions.action_document import ActionStateDocument
from controller.questions.drift_document import OpenDriftDocument
from controller.questions.status_document import LastSyncDocument
from controller.questions.suspension_document import SuspensionStateDocument
from controller.questions.sync_document import SyncStepDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningFlowDocument:
    """A change that runs."""

    organization: str
    """`metadata.name` of the organisation."""
    flow: str
    """`metadata.name`, as in the plan."""
    sync_id: int | None
    """The number of its sync; null before the sync is in the journal."""
    kind: str
    """The kind of the change, such as `publish`."""
    state: str
    """A state of a change, or `uploading`, `waiting` (for a lock or for other changes), `paused` or `parked`."""
    version: str | None
    """The version that it is about."""
    since: datetime
    """When this state began, ISO 8601."""
    until: datetime | None
    """When the state is expected to end: the end of a bake, or an estimate for a publish."""
    percent: float | None
    """How much is done, from 0 to 100: as the organisation says, else by `since` and `until`."""
    stage: str | None
    """The organisation's word for what it does, or the number of a rollout's stage."""
    gate: Mapping[str, Any] | None
    """The last answer of a gate: `gate`, `verdict`, `message` and its `figures`."""
    message: str
    """For people: what it waits for, or why it failed."""
    at: datetime
    """When anything was last heard about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingChangeDocument:
    """A change of a running delivery that has not begun."""

    flow: str
    """`metadata.name`, as in the plan."""
    kind: str
    """The kind of the change, such as `publish`."""
    wave: int
    """As in the plan: the length of the longest chain of changes up to this one."""
    waits_for: Sequence[str]
    """The flows whose changes have to be done first and are not; empty where it waits for a free slot alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningPassDocument:
    """A pass that runs."""

    organization: str
    """`metadata.name`."""
    holder: str
    """The controller that runs it."""
    step: str
    """The step of the pass, such as `observe` or `deliver`."""
    trigger: str
    """Why it runs."""
    since: datetime
    """When it began, ISO 8601."""
    done: int | None
    """How much of `total` is done in this step; null where there is nothing to count."""
    total: int | None
    """Of how many; null where there is nothing to count."""
    beat_at: datetime
    """When its controller was last heard from."""
    heard: bool
    """Whether its controller was heard from within the time of a lease; if not, it may have died."""
    flows: Sequence[RunningFlowDocument]
    """The changes of its delivery that have begun, by flow."""
    waiting: Sequence[WaitingChangeDocument] | None
    """The first 100 that have not, in the order of the plan; null in a list of organisations."""
    waiting_total: int | None
    """How many have not; null in a list of organisations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenDriftDocument:
    """An out-of-band change that the last pass found."""

    flow: str
    """`metadata.name`, or `type/name` without a manifest."""
    message: str
    """All of it, for people."""
    version: str | None
    """The version that is live."""
    by: str | None
    """Who published it, where the organisation tells."""
    at: datetime | None
    """When it was published, where the organisation tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalDocument:
    """A refusal of a delivery."""

    flow: str | None
    """The flow that it is about; null for the whole plan."""
    code: str
    """A heading of `errors.md`."""
    message: str
    """Why, for people."""
    hint: str | None
    """What to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationStateDocument:
    """The state of an organisation."""

    name: str
    """`metadata.name`."""
    revision: str | None
    """The commit of its last pass; null before the first one has ended."""
    sync: SyncStatus
    """As in `penstock.status/v1`."""
    health: Health
    """As in `penstock.status/v1`; `Progressing` while one of its flows is being changed."""
    message: str
    """How the last pass ended."""
    trigger: str
    """Why there was a pass; empty before the first one has ended."""
    at: datetime
    """When the last pass ended, ISO 8601; before the first one has ended, since when the organisation is known."""
    looked_fully_at: datetime | None
    """When all flows were last read."""
    duration_s: float
    """How long the last pass took, in seconds."""
    flows: Mapping[str, int]
    """How many managed flows have which health."""
    unmanaged: int
    """Live flows in no manifest."""
    plan_digest: str | None
    """The digest of the plan that holds now; null where the pass could not make one."""
    warnings: Sequence[str]
    """As in `penstock.status/v1`."""
    drift: Sequence[SeenDriftDocument]
    """Out-of-band changes."""
    held_back: Sequence[RefusalDocument]
    """Refusals of a delivery at the time of the pass."""
    at_work: str | None
    """The controller that runs a pass now."""
    replica: str | None
    """The controller that looks after the organisation; null while none does, such as while one takes over."""
    suspended: SuspensionStateDocument | None
    """Who suspended it; null where nobody did. A suspension in the manifest is a refusal of the plan instead."""
    last_sync: LastSyncDocument | None
    """The newest sync; null before the first one."""
    running: RunningPassDocument | None
    """The pass that runs now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationsDocument:
    """`GET /api/v1/organizations`: every organisation that the caller may see, as the last pass found it."""

    schema: Literal["penstock.organizations/v1"] = "penstock.organizations/v1"
    organizations: Sequence[OrganizationStateDocument]
    """In order of name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationDocument:
    """`GET /api/v1/organizations/{organization}`: one organisation."""

    schema: Literal["penstock.organization/v1"] = "penstock.organization/v1"
    organization: OrganizationStateDocument
    """Its state."""
    summary: Mapping[str, int] | None
    """The `summary` of its plan; null without a plan."""
    actions: Sequence[ActionStateDocument]
    """What people asked of the controller, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowStateDocument:
    """The state of a flow."""

    flow: str
    """`metadata.name`."""
    type: str
    """The flow's type."""
    name: str
    """The flow's name."""
    labels: Mapping[str, str]
    """`metadata.labels`."""
    sync: SyncStatus
    """Whether it is in sync; a suspended flow is not compared, and `Unknown`."""
    health: Health
    """Its health; `Progressing` while it is being changed."""
    wanted: str | None
    """The desired state: the version, or the digest of the source."""
    recorded: str | None
    """The version in the lock file."""
    version: str | None
    """The version that is live."""
    flow_id: str | None
    """The organisation's id."""
    change: str
    """The change that the plan has for it; `none` when in sync, and before a pass found its state."""
    locked_by: str | None
    """Who has it open."""
    message: str
    """Why, for people."""
    at: datetime
    """Since when it is as it is shown, ISO 8601."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowsDocument:
    """`GET /api/v1/organizations/{organization}/flows`: a page of its managed flows."""

    schema: Literal["penstock.flows/v1"] = "penstock.flows/v1"
    organization: str
    """`metadata.name` of the organisation."""
    total: int
    """How many flows the filter lets through."""
    limit: int
    """How many are shown at most."""
    offset: int
    """How many come before them."""
    flows: Sequence[FlowStateDocument]
    """In the order that was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenProblemDocument:
    """A problem that is open."""

    code: str
    """A heading of `errors.md`, or `quarantined`, `degraded` or `missing`."""
    message: str
    """The problem, for people."""
    hint: str | None
    """What to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowDocument:
    """`GET /api/v1/organizations/{organization}/flows/{flow}`: one flow."""

    schema: Literal["penstock.flow/v1"] = "penstock.flow/v1"
    organization: str
    """`metadata.name` of the organisation."""
    flow: FlowStateDocument
    """Its three states: wanted, recorded and live."""
    running: RunningFlowDocument | None
    """The change that runs now."""
    waiting: WaitingChangeDocument | None
    """The change that waits for its turn in the delivery that runs now."""
    last_change: SyncStepDocument | None
    """The last change that did anything to it."""
    problems: Sequence[OpenProblemDocument]
    """Why its change is blocked or refused, why its content is quarantined, and what is wrong with it."""
    drift: Sequence[OpenDriftDocument]
    """Its drift."""
    change: ChangeDocument | None
    """The change that the plan has for it, as in `penstock.plan/v1`; null when in sync."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningDocument:
    """`GET /api/v1/running`: what runs now."""

    schema: Literal["penstock.running/v1"] = "penstock.running/v1"
    at: datetime
    """The time of the answer, ISO 8601."""
    passes: Sequence[RunningPassDocument]
    """By organisation."""
