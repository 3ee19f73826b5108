"""Maps the many spellings of a status to the few that the analysis distinguishes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from controller.diagnosis.model import StepStatus

_WORDS = {
    StepStatus.SUCCESS: "success succeeded successful completed complete ok done executed passed finished ended",
    StepStatus.RUNNING: "running in_progress started pending queued waiting active",
    StepStatus.SKIPPED: "skipped not_executed bypassed",
    StepStatus.ERROR: "error errored failed failure fault faulted exception aborted",
    StepStatus.TIMEOUT: "timeout timed_out time_out",
    StepStatus.VALIDATION_ERROR: "validation_error validation_failed invalid invalid_input",
    StepStatus.SERVICE_UNAVAILABLE: "service_unavailable unavailable",
}
_STATUS_OF = {word: status for status, words in _WORDS.items() for word in words.split()}
_TELLTALES = (
    (re.compile(r"time[\s_.-]?(d[\s_.-]?)?out", re.IGNORECASE), StepStatus.TIMEOUT),
    (re.compile(r"unavailable|\b50[23]\b", re.IGNORECASE), StepStatus.SERVICE_UNAVAILABLE),
    (re.compile(r"validation|invalid", re.IGNORECASE), StepStatus.VALIDATION_ERROR),
)
_FAILED_PATHS = {"__FAILURE__": StepStatus.ERROR, "__ERROR__": StepStatus.ERROR, "__TIMEOUT__": StepStatus.TIMEOUT}


def status_of(text: str) -> StepStatus:
    """The status for a word, regardless of case, spaces, dashes and camel case. Unlisted words are UNKNOWN."""
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])|[\s-]+", "_", text.strip()).lower()
    return _STATUS_OF.get(snake, StepStatus.UNKNOWN)


def status_of_errors(errors: Iterable[str]) -> StepStatus:
    """The status for error texts: the first text decides. SUCCESS when there are none."""
    for error in errors:
        return next((status for pattern, status in _TELLTALES if pattern.search(error)), StepStatus.ERROR)
    return StepStatus.SUCCESS


def status_of_path(output_path_id: str | None) -> StepStatus:
    """The status for an action's output path: SUCCESS for every path except the failure paths."""
    return _FAILED_PATHS.get(output_path_id or "", StepStatus.SUCCESS)
