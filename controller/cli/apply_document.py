"""How a delivery ended, for programs (`penstock.apply/v1`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from controller.cli import exit_codes
from controller.delivery.result import Outcome, StepResult
from controller.domain.documents import filled
from controller.domain.recorded import commit_or_none
from controller.domain.status import StepState
from controller.planning.model import ChangeKind
from controller.questions.error_document import ErrorDocument, error_document
from controller.reconcile.report import PassReport


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedDocument:
    """A change that was held back."""

    flow: str
    """The flow, as in a plan."""
    code: str
    """A heading of `errors.md`."""
    message: str
    """Why, and the way out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitDocument:
    """The commit of the record."""

    sha: str | None
    """The commit; null without git."""
    branch: str | None
    """Its branch; null without git."""
    pushed: bool
    """Whether the remote has it."""
    note: str | None
    """A fact that a person should know about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDocument:
    """A step."""

    flow: str
    """As in a plan."""
    type: str
    """As in a plan."""
    name: str
    """As in a plan."""
    change: ChangeKind
    """As in a plan."""
    state: StepState
    """`pending`, `skipped`, `validated`, `publishing`, `live`, `baking`, `healthy`, `exported`, `recorded`, `failed`,
    `rolling-back`, `rolled-back` or `rollback-failed`."""
    previous_version: str | None
    """The version before."""
    version: str | None
    """The version that is live now."""
    error: ErrorDocument | None
    """A `penstock.error/v1`."""
    parked: bool
    """Whether it was left unfinished; the next run resumes it."""
    paused: str | None
    """Why a person has to decide about the live version."""
    messages: Sequence[str]
    """The messages of the organisation and of the gates."""
    duration_s: float
    """Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDocument:
    """A delivery."""

    name: str
    """The organisation."""
    revision: str | None
    """The commit that was delivered; null without git."""
    digest: str | None
    """The plan's; null for a rollback, and where there was no plan."""
    outcome: str
    """`in-sync`, `succeeded`, `incomplete` (nothing failed, and not everything was done: the steps that are `skipped`
    say why), `failed` (something failed and was left as it is), `undetermined` (the result of a change that is
    `parked` is not known yet; the next run reads it first), `rolled-back`, `rollback-failed`, `stopped` (Ctrl-C
    or SIGTERM came first; the next run goes on), `paused` (a gate could not decide), `blocked` (all that is to
    do is held back), `refused` (nothing was changed) or `error` (it did not come to a delivery)."""
    sync: int | None
    """The sync's number in the store."""
    recovered: Sequence[str]
    """Changes of an earlier process that were resumed first."""
    blocked: Sequence[BlockedDocument]
    """The changes that were held back."""
    steps: Sequence[StepDocument]
    """The result of each change."""
    commit: CommitDocument | None
    """The commit with the record."""
    error: ErrorDocument | None
    """A `penstock.error/v1`."""
    duration_s: float
    """Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyDocument:
    """`penstock apply --format json` and `penstock rollback --format json`: the result."""

    schema: Literal["penstock.apply/v1"] = "penstock.apply/v1"
    organizations: Sequence[DeliveryDocument]
    """One entry for each organisation, in the order in which they were delivered."""


def apply_document(reports: Sequence[PassReport]) -> ApplyDocument:
    """The document of some passes."""
    return ApplyDocument(organizations=[_organization(report) for report in reports])


def _organization(report: PassReport) -> DeliveryDocument:
    result, commit = report.result, report.commit
    return DeliveryDocument(
        name=report.organization,
        revision=commit_or_none(report.revision),
        digest=report.plan.digest if report.plan else None,
        outcome=_outcome(report),
        sync=result.sync_id if result else None,
        recovered=report.recovered,
        blocked=[
            filled(BlockedDocument, change.blocked, flow=change.flow) for change in report.blocked if change.blocked
        ],
        steps=[_step(step) for step in result.steps] if result else [],
        commit=filled(CommitDocument, commit) if commit else None,
        error=error_document(report.error, report.organization) if report.error else None,
        duration_s=round(report.duration_s, 3),
    )


def _outcome(report: PassReport) -> str:
    if report.result is not None:
        return report.result.outcome.value
    if report.was_stopped:
        return Outcome.STOPPED.value
    if report.error is not None:
        return "refused" if exit_codes.for_error(report.error) == exit_codes.REFUSED else "error"
    return "blocked" if report.blocked else "in-sync"


def _step(step: StepResult) -> StepDocument:
    error = error_document(step.error) if step.error else None
    change, duration_s = step.change, round(step.duration_s, 3)
    return filled(StepDocument, step, change, change.key, change=change.kind, error=error, duration_s=duration_s)
