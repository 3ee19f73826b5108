"""Finding out why an execution went wrong. Pure: reads traces that others fetched."""

from controller.diagnosis.error_rate import (
    ErrorRate,
    ErrorRateVerdict,
    Verdict,
    judge_error_rate,
    measure_error_rate,
)
from controller.diagnosis.query import Retention, check_action_trace_request, check_trace_request, retention

__all__ = [
    "ErrorRate",
    "ErrorRateVerdict",
    "Retention",
    "Verdict",
    "check_action_trace_request",
    "check_trace_request",
    "judge_error_rate",
    "measure_error_rate",
    "retention",
]
