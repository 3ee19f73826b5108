"""Writes audit entries about traces: who read which trace, with which rights, and the findings (T5, J6).

The names and fields are those of the versioned dialect's documents; both dialects use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Unpack

import structlog

from controller.delivery.sync_run import AuditFacts
from controller.diagnosis.action.analysis import ActionAnalysis
from controller.diagnosis.analysis import AnalysisSummary
from controller.diagnosis.model import TraceHeader
from controller.domain.desired import Organization
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.process import StoreFailed
from controller.genesys.connect import permissions_used
from controller.reconcile.services import Services
from controller.store.audit import AuditEntry

log = structlog.get_logger()

EXECUTION = "flow_trace_debug"
"""An execution's trace was read."""
ACTION = "trace_audit"
"""An action was traced."""


@dataclass(frozen=True, slots=True)
class TraceAudit:
    """Appends the entries of one command."""

    services: Services
    organization: Organization
    operator: str

    def execution(
        self, header: TraceHeader, summary: AnalysisSummary, latency_ms: float, asked: Mapping[str, object]
    ) -> None:
        """Record that a person read the trace of an execution. Raises StoreFailed."""
        details = {
            **_given(asked),
            "trace_id": header.id,
            "flow_id": header.flow_id,
            "scopes": list(self.scopes()),
            "step_resolution_accuracy": summary.accuracy,
            "anomalies": {kind.value: count for kind, count in summary.anomalies.items() if count},
        }
        self._append(EXECUTION, "success", details=details, version=header.flow_version, latency_ms=latency_ms)

    def action(self, analysis: ActionAnalysis) -> None:
        """Record the trace of an action, successful or not. Raises StoreFailed."""
        result = analysis.result
        details = {
            "flow_id": result.flow_id,
            "action_id": result.action_invocation_id,
            "job_id": result.job_id,
            "status": result.status,
            "retrieval_latency_ms": round(result.retrieval_latency_ms),
            "accuracy_rate": analysis.graph.accuracy,
            "scopes": list(self.scopes()),
            "timestamp": result.finished_at.isoformat(),
        }
        status = "success" if result.status == "completed" else "failure"
        self._append(ACTION, status, details=details, latency_ms=result.retrieval_latency_ms)

    def failed(self, action: str, asked: Mapping[str, object], error: PenstockError) -> None:
        """Record a failure. Its error stays the command's own."""
        try:
            details = _given(asked) | {"code": error.code}
            self._append(action, "failure", details=details, error=error.message)
        except StoreFailed as fault:
            log.warning("audit.failed", action=action, organization=self.organization.name, error=fault.message)

    def scopes(self) -> tuple[str, ...]:
        """The permissions or scopes of all calls so far."""
        return permissions_used(self.services.platform(self.organization))

    def _append(self, action: str, status: str, **facts: Unpack[AuditFacts]) -> None:
        flow_id = facts.get("details", {}).get("flow_id")
        entry = AuditEntry(
            organization=self.organization.name,
            action=action,
            status=status,
            actor=self.operator,
            flow_id=flow_id if isinstance(flow_id, str) else None,
            **facts,
        )
        self.services.store.audit.append(entry)


def _given(asked: Mapping[str, object]) -> dict[str, object]:
    """The given parts of the question."""
    return {name: value for name, value in asked.items() if value is not None}
