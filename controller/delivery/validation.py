"""Validation by the organisation, before anything is published: errors stop the change, warnings are shown."""

from __future__ import annotations

from collections.abc import Sequence

from controller.delivery.change_run import ChangeRun
from controller.delivery.sync_run import AuditFacts
from controller.domain.errors.change import FlowRejected
from controller.domain.platform import FailureCause, Progress, ProgressState, Severity, ValidationFinding
from controller.domain.redaction import SECRETS
from controller.domain.wording import counted

_SHOWN = 5


async def validate(run: ChangeRun, flow_id: str, version: str) -> None:
    """Raises FlowRejected when the organisation finds errors in the version, and Parked on a shutdown signal."""
    started = run.sync.clock.monotonic()
    report = await run.sync.signals.in_time(run.sync.platform.versions.validate(flow_id, version))
    errors = report.errors
    passed = report.successful and not errors
    took_ms = (run.sync.clock.monotonic() - started) * 1000
    _tell(run, report.findings, passed=passed, facts={"version": version, "latency_ms": took_ms})
    for finding in report.findings:
        run.note(f"{finding.severity.value}: {finding.message}")
    if not passed:
        words = "; ".join(SECRETS.text(finding.message) for finding in errors[:_SHOWN])
        raise FlowRejected(
            f"{run.change.flow} ({run.key}): version {version} has {counted(len(errors), 'error')}: "
            f"{words or 'the organisation gave no details'}",
            hint="correct the flow in Architect, check it in and pin the new version",
        )


def tell_validated_by_upload(run: ChangeRun, progress: Progress) -> None:
    """Report the findings in an uploaded file, which is validated while it is published; no other failures."""
    passed = progress.state is ProgressState.SUCCEEDED
    if not passed and (progress.state, progress.cause) != (ProgressState.FAILED, FailureCause.CONTENT):
        return
    severity = Severity.INFO if passed else Severity.ERROR
    findings = [ValidationFinding(severity, message) for message in progress.messages]
    _tell(run, findings, passed=passed, facts={"details": {"by": "upload"}})


def _tell(run: ChangeRun, findings: Sequence[ValidationFinding], *, passed: bool, facts: AuditFacts) -> None:
    """Announce the result and audit it; the audit log counts failed validations."""
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    listed = [
        {"id": finding.id, "severity": finding.severity.value, "message": SECRETS.text(finding.message)}
        for finding in findings
    ]
    facts["details"] = {
        **facts.get("details", {}),
        "total_errors": errors,
        "total_warnings": sum(finding.severity is Severity.WARNING for finding in findings),
        "findings": listed,
    }
    if not passed:
        words = [finding.message for finding in findings if finding.severity is Severity.ERROR]
        facts["error"] = "; ".join(words[:_SHOWN]) or "the organisation gave no details"
    run.audit("validate", "success" if passed else "failure", **facts)
    run.tell("validation.done", passed=passed, errors=errors, findings=len(findings))
