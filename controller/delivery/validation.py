"""Validation by the organisation, before anything is published: errors stop the change, warnings are shown."""

from __future__ import annotations

from controller.delivery.context import Context
from controller.delivery.work import Work
from controller.domain.errors import FlowRejected
from controller.domain.wording import counted

_SHOWN = 5


async def validate(context: Context, work: Work, flow_id: str, version: str) -> None:
    """Raises FlowRejected when the organisation finds errors in the version, and Parked when the process has to go."""
    started = context.clock.monotonic()
    report = await context.signals.in_time(context.platform.validate(flow_id, version))
    errors = report.errors
    rate = len(errors) / len(report.findings) if report.findings else (0.0 if report.successful else 1.0)
    passed = report.successful and not errors
    context.audit(
        work,
        "validate",
        "success" if passed else "failure",
        version=version,
        latency_ms=(context.clock.monotonic() - started) * 1000,
        error_rate=rate,
        details={"findings": len(report.findings)},
    )
    context.tell("validation.done", work, passed=passed, errors=len(errors), findings=len(report.findings))
    for finding in report.findings:
        context.note(work, f"{finding.severity.value}: {finding.message}")
    if not passed:
        words = "; ".join(context.redactor.text(finding.message) for finding in errors[:_SHOWN])
        raise FlowRejected(
            f"{work.change.flow} ({work.key}): version {version} has {counted(len(errors), 'error')}: "
            f"{words or 'the organisation gave no details'}",
            hint="correct the flow in Architect, check it in and pin the new version",
        )
