"""Answers of the version endpoints. Source: the table of the versioned dialect in the project's requirements."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

from pydantic import BeforeValidator, Field

from controller.domain.errors.organization import BadAnswer
from controller.genesys.wire.architect import Id, Moment
from controller.genesys.wire.model import WireModel


def _label(value: object) -> object:
    """A person or client, given as a name or as `{id, name}`; None for anything else."""
    if isinstance(value, dict):
        value = value.get("name") or value.get("id")
    return value if isinstance(value, str) and value else None


Label = Annotated[str | None, BeforeValidator(_label)]


class Metadata(WireModel):
    status: str | None = None
    """draft, published, deployed or archived."""
    type: str | None = None
    published_by: Label = None
    date_published: Moment = None
    date_published_end: Moment = None
    locked_by: Label = None
    date_locked: Moment = None


class FlowEntity(WireModel):
    id: Id
    name: str
    version: str | None = None
    type: str | None = None
    status: str | None = None
    metadata: Metadata = Field(default_factory=Metadata)
    definition: dict[str, Any] | None = None

    @property
    def standing(self) -> str:
        """The status, from either place; `draft` where there is none, so that nothing counts as live by default."""
        return (self.metadata.status or self.status or "draft").lower()


class VersionEntity(WireModel):
    id: Id
    version: str | None = None
    status: str
    date_created: Moment = None
    date_published: Moment = None
    date_published_end: Moment = None
    created_by: Label = None

    @property
    def number(self) -> str:
        """The version as manifests name it, or its id if the answer has no number."""
        return self.version or self.id


class VersionDefinition(WireModel):
    """A version that is read for its definition."""

    definition: dict[str, Any] | None = None
    nodes: dict[str, Any] | None = None
    transitions: list[Any] | None = None

    @property
    def content(self) -> dict[str, Any] | None:
        """The definition, or an equivalent from nodes and transitions at the top level."""
        if self.definition is not None or self.nodes is None:
            return self.definition
        return {"nodes": self.nodes, "transitions": self.transitions or []}


class ValidationResult(WireModel):
    id: str | None = None
    message: str = ""
    severity: str = "error"


class ValidationSummary(WireModel):
    total_errors: int = 0
    is_successful: bool


class Validation(WireModel):
    validation_results: list[ValidationResult] = Field(default_factory=list)
    validation_summary: ValidationSummary


class PublishAccepted(WireModel):
    publish_id: Id


class PublishError(WireModel):
    code: str | None = None
    message: str | None = None


class PublishStatus(WireModel):
    """queued, publishing, completed, failed or cancelled."""

    status: str
    publish_id: str | None = None
    progress_percent: float | None = None
    current_stage: str | int | None = None
    estimated_time_remaining_seconds: float | None = None
    errors: list[PublishError | str] | None = None


class RoutedFlow(WireModel):
    """The answer of the atomic switch."""

    id: Id
    version: Id


class TraceRow(WireModel):
    """One execution in a query's answer. Only the id is promised."""

    id: Id
    status: str | None = None
    flow_id: str | None = None
    flow_version: str | None = None
    start_time: Moment = None
    start_date_time: Moment = None
    end_time: Moment = None
    end_date_time: Moment = None
    error_message: str | None = None


_ENDED = frozenset({"completed", "failed", "cancelled", "canceled", "error"})


class TracePage(WireModel):
    """Traces, or the steps of one, unchanged: the reader in `diagnosis` understands more than the table promises."""

    entities: list[dict[str, Any]]
    next_page_token: str | None = None
    next_uri: str | None = None

    @property
    def cursor(self) -> str | None:
        """The cursor of the next page, from a field or a link; None at the end."""
        if self.next_page_token or not self.next_uri:
            return self.next_page_token
        query = parse_qs(urlsplit(self.next_uri).query)
        tokens = query.get("nextPageToken") or query.get("next_page_token")
        if not tokens:
            raise BadAnswer("a page of traces names a next one, but not its token")
        return tokens[0]


class TraceJob(WireModel):
    """A trace job: in_progress, completed, failed, cancelled or error."""

    status: str = "completed"
    """Default: an answer with a result but no status is the trace itself."""
    result: Any = None
    """The result, of any shape; `steps` reads it."""
    message: Any = None
    error_message: Any = None
    expected_steps: Any = None
    total_steps: Any = None

    @property
    def ended(self) -> bool:
        return self.status.lower() in _ENDED

    @property
    def reason_text(self) -> str | None:
        """The job's message."""
        found = self.message or self.error_message
        return None if found in (None, "") else found if isinstance(found, str) else json.dumps(found)

    @property
    def steps(self) -> Sequence[object]:
        """The steps of the result: a list, a list under `steps`, or either as JSON text; empty without any."""
        found = self._decoded
        if isinstance(found, dict):
            found = found.get("steps")
        return found if isinstance(found, list) else ()

    @property
    def announced(self) -> int | None:
        """Number of steps that the job announces."""
        inside = self._decoded if isinstance(self._decoded, dict) else {}
        reason_text = (self.expected_steps, self.total_steps, inside.get("expectedSteps"), inside.get("totalSteps"))
        return next((count for count in reason_text if isinstance(count, int) and not isinstance(count, bool)), None)

    @property
    def unreadable(self) -> str | None:
        """A description of the fault in the result's shape; None for a good one."""
        found = self._decoded
        whole = (
            found is None
            or isinstance(found, list)
            or (isinstance(found, dict) and isinstance(found.get("steps"), list))
        )
        return None if whole else "the result holds no list of steps"

    @property
    def _decoded(self) -> object:
        if not isinstance(self.result, str):
            return self.result
        try:
            return json.loads(self.result)
        except ValueError:
            return self.result
