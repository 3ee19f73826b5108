"""How a delivery ended, for people and for programs (`penstock.apply/v1`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from controller.cli import exit_codes
from controller.cli.failures import ErrorDocument, error_document, error_text
from controller.cli.workspace import commit_or_none
from controller.delivery.result import Outcome, StepResult, SyncResult
from controller.domain.documents import filled
from controller.domain.errors import Interrupted
from controller.domain.status import Health, StepState
from controller.domain.visible import visible
from controller.planning.model import Change, ChangeKind
from controller.reconcile.report import PassReport
from controller.repository.record import RecordedCommit


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedDocument:
    flow: str
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitDocument:
    sha: str | None
    branch: str | None
    pushed: bool
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDocument:
    flow: str
    type: str
    name: str
    change: ChangeKind
    state: StepState
    previous_version: str | None
    version: str | None
    error: ErrorDocument | None
    parked: bool
    paused: str | None
    messages: Sequence[str]
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDocument:
    name: str
    revision: str | None
    digest: str | None
    outcome: str
    sync: int | None
    recovered: Sequence[str]
    blocked: Sequence[BlockedDocument]
    steps: Sequence[StepDocument]
    commit: CommitDocument | None
    error: ErrorDocument | None
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyDocument:
    """`penstock.apply/v1`."""

    schema: Literal["penstock.apply/v1"] = "penstock.apply/v1"
    organizations: Sequence[DeliveryDocument]


def apply_text(reports: Sequence[PassReport]) -> str:
    """A paragraph for each organisation."""
    return "\n".join(line for report in reports for line in _lines(report))


def _lines(report: PassReport) -> Iterator[str]:
    if report.recovered:
        yield f"{report.organization}: resumed an earlier sync first:"
        yield from (f"  {line}" for line in report.recovered)
    if report.result is None:
        if report.error is None:
            yield f"{report.organization}: {_nothing_to_do(report)}"
            if report.health is Health.DEGRADED:
                yield "  but Degraded, because a flow could not be rolled back: see penstock status"
            yield from (f"  {_blocked_line(change)}" for change in report.blocked)
    else:
        outcome = f"{report.result.outcome.value}{_not_done(report.result)}"
        yield f"{report.organization}: sync {report.result.sync_id} {outcome}"
        yield from (f"  {_step_line(step)}" for step in report.result.steps)
        if was_stopped(report):
            yield "  stopped: the next run resumes the parked changes and begins the skipped ones"
    if report.plan is not None:
        yield from (visible(f"  warning: {warning}") for warning in report.plan.warnings)
    if report.commit is not None:
        yield from (f"  {line}" for line in _record_lines(report.commit))
    if report.error is not None:
        yield error_text(report.error, report.organization)


def _record_lines(commit: RecordedCommit) -> Iterator[str]:
    if commit.sha is not None:
        yield f"recorded in {commit.branch}@{commit.sha[:12]}{', pushed' if commit.pushed else ''}"
    elif commit.changed:
        yield "recorded in this folder only: it is in no git repository"
    if commit.note:
        yield commit.note


def _not_done(result: SyncResult) -> str:
    """How much of an incomplete sync is left."""
    if result.outcome is not Outcome.INCOMPLETE:
        return ""
    left = sum(not step.state.delivered for step in result.steps)
    return f": {left} of {len(result.steps)} not done"


def _nothing_to_do(report: PassReport) -> str:
    if report.blocked:
        return "blocked, nothing to do"
    if report.moved:
        return "nothing to do, but not in sync: see penstock status"
    suspended = report.plan is not None and report.plan.suspended
    return "nothing to do, apart from suspended flows" if suspended else "in sync, nothing to do"


def was_stopped(report: PassReport) -> bool:
    """Whether a shutdown signal ended it early."""
    if report.result is not None:
        return report.result.outcome is Outcome.STOPPED
    return isinstance(report.error, Interrupted)


def _blocked_line(change: Change) -> str:
    why = f": {change.blocked.message} [{change.blocked.code}]" if change.blocked else ""
    return visible(f"{change.flow}: {change.kind.value}{why}")


def _step_line(step: StepResult) -> str:
    line = f"{step.change.flow}: {step.change.kind.value}, {step.state.value}{_versions(step)}"
    return "\n      ".join(visible(each) for each in (line, *_details(step)))


def _details(step: StepResult) -> Iterator[str]:
    if step.error is not None:
        yield step.error.message
        if step.error.hint:
            yield f"what to do: {step.error.hint}"
    if step.parked and step.paused is None:
        yield "parked: the next run resumes it"
    if step.paused is not None:
        flow = step.change.flow
        yield f"paused: {step.paused}"
        yield f"what to do: penstock accept {flow}, or penstock rollback {flow}; every pass looks again"
    if step.state is StepState.ROLLED_BACK and not _agrees(step):
        yield "to make git agree, revert the commit that asked for it; until then it stays rolled back"
    told = step.error.message if step.error is not None else ""
    yield from (message for message in dict.fromkeys(step.messages) if message not in told)


def _agrees(step: StepResult) -> bool:
    """Whether git asks for the version that is live after a rollback."""
    desired = step.change.desired
    return desired is not None and desired.wanted in (step.source_digest, step.version)


def _versions(step: StepResult) -> str:
    if step.version is None:
        return ""
    before = step.previous_version
    if step.state is StepState.ROLLED_BACK:
        return f", back to {step.version}" if before in (None, step.version) else f", {before} → {step.version}"
    if step.state is StepState.ROLLBACK_FAILED:
        return f", {step.version} is live still"
    return f", {step.version}" if before in (None, step.version) else f", {before} → {step.version}"


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
    if was_stopped(report):
        return Outcome.STOPPED.value
    if report.error is not None:
        return "refused" if exit_codes.for_error(report.error) == exit_codes.REFUSED else "error"
    return "blocked" if report.blocked else "in-sync"


def _step(step: StepResult) -> StepDocument:
    error = error_document(step.error) if step.error else None
    change, duration_s = step.change, round(step.duration_s, 3)
    return filled(StepDocument, step, change, change.key, change=change.kind, error=error, duration_s=duration_s)
