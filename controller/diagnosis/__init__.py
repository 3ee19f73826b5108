"""Diagnoses executions. Pure: it reads traces that a caller has fetched and makes no calls of its own.

Read a trace (`open_execution`, `VersionedReader`), make an `Analysis` of it, and render it with
`timeline.timeline`, `report.report` or `page.page`. Action traces are in `controller.diagnosis.action`.
"""

from typing import TYPE_CHECKING

from controller.domain.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from controller.diagnosis.analysis import AnalysedStep, Analysis, AnalysisSummary
    from controller.diagnosis.anomalies import Anomaly, AnomalyKind
    from controller.diagnosis.architect_reader import open_execution
    from controller.diagnosis.error_rate import (
        ErrorRate,
        ErrorRateVerdict,
        Verdict,
        judge_error_rate,
        measure_error_rate,
    )
    from controller.diagnosis.model import Branch, ScopeKind, StepStatus, Trace, TraceHeader, TraceStep, Variable
    from controller.diagnosis.modules import (
        Caller,
        LiveModule,
        ModuleCall,
        StaleCall,
        StaleCaller,
    )
    from controller.diagnosis.nested import strict_json
    from controller.diagnosis.query import Retention, check_action_trace_request, check_trace_request, retention
    from controller.diagnosis.report import SCHEMA, Audit
    from controller.diagnosis.state import State, StateTracker
    from controller.diagnosis.versioned_reader import VersionedReader, versioned_header
else:
    __getattr__ = lazy_exports(__name__)

__all__ = [
    "SCHEMA",
    "AnalysedStep",
    "Analysis",
    "AnalysisSummary",
    "Anomaly",
    "AnomalyKind",
    "Audit",
    "Branch",
    "Caller",
    "ErrorRate",
    "ErrorRateVerdict",
    "LiveModule",
    "ModuleCall",
    "Retention",
    "ScopeKind",
    "StaleCall",
    "StaleCaller",
    "State",
    "StateTracker",
    "StepStatus",
    "Trace",
    "TraceHeader",
    "TraceStep",
    "Variable",
    "Verdict",
    "VersionedReader",
    "check_action_trace_request",
    "check_trace_request",
    "judge_error_rate",
    "measure_error_rate",
    "open_execution",
    "retention",
    "strict_json",
    "versioned_header",
]
