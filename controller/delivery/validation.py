"""Validation by the organisation, before anything is published: errors stop the change, warnings are shown."""

from __future__ import annotations

from collections.abc import Sequence

from controller.delivery.context import AuditFacts, Context
from controller.delivery.work import Work
from controller.domain.errors import FlowRejected
from controller.domain.platform import FailureCause, Progress, ProgressState, Severity, ValidationFinding
from controller.domain.redaction import SECRETS
from controller.domain.wording import counted

_SHOWN = 5


async def validate(context: Context, work: Work, flow_id: str, version: str) -> None:
    """Raises FlowRejected when the organisation finds errors in the version, and Parked when the process has to go."""
    started = context.clock.monotonic()
    report = await context.signals.in_time(context.platform.versions.validate(flow_id, version))
    errors = report.errors
    passed = report.successful and not errors
    took_ms = (context.clock.monotonic() - started) * 1000
    _tell(context, work, report.findings, passed=passed, facts={"version": version, "latency_ms": took_ms})
    for finding in report.findings:
        context.note(work, f"{finding.severity.value}: {finding.message}")
    if not passed:
        words = "; ".join(SECRETS.text(finding.message) for finding in errors[:_SHOWN])
        raise FlowRejected(
            f"{work.change.flow} ({work.key}): version {version} has {counted(len(errors), 'error')}: "
            f"{words or 'the organisation gave no details'}",
            hint="correct the flow in Architect, check it in and pin the new version",
        )


def tell_validated_by_upload(context: Context, work: Work, progress: Progress) -> None:
    """Tell what the organisation found in a file, which it validates while it publishes; nothing of other failures."""
    passed = progress.state is ProgressState.SUCCEEDED
    if not passed and (progress.state, progress.cause) != (ProgressState.FAILED, FailureCause.CONTENT):
        return
    severity = Severity.INFO if passed else Severity.ERROR
    findings = [ValidationFinding(severity, message) for message in progress.messages]
    _tell(context, work, findings, passed=passed, facts={"details": {"by": "upload"}})


def _tell(
    context: Context, work: Work, findings: Sequence[ValidationFinding], *, passed: bool, facts: AuditFacts
) -> None:
    """To whoever watches, and to the audit log, which counts how often validations fail."""
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    told = [
        {"id": finding.id, "severity": finding.severity.value, "message": SECRETS.text(finding.message)}
        for finding in findings
    ]
    facts["details"] = {
        **facts.get("details", {}),
        "total_errors": errors,
        "total_warnings": sum(finding.severity is Severity.WARNING for finding in findings),
        "findings": told,
    }
    if not passed:
        words = [finding.message for finding in findings if finding.severity is Severity.ERROR]
        facts["error"] = "; ".join(words[:_SHOWN]) or "the organisation gave no details"
    context.audit(work, "validate", "success" if passed else "failure", **facts)
    context.tell("validation.done", work, passed=passed, errors=errors, findings=len(findings))
