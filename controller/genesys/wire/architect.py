"""Answers of the Platform API v2. Source of fields and enums: the models of Genesys' own Python SDK (269.0.0)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Protocol

from pydantic import BeforeValidator, Field

from controller.domain.recording import LogLevel
from controller.genesys.wire.model import EntityRef, WireModel, WirePage


def _moment(value: object) -> object:
    """Epoch milliseconds or ISO 8601 with a zone; None for anything else, because a date must not fail a call."""
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value / 1000, UTC)
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


Moment = Annotated[datetime | None, BeforeValidator(_moment)]
Id = Annotated[str, Field(min_length=1)]


class FlowVersion(WireModel):
    id: Id
    type: str | None = None
    """PUBLISH, CHECKIN or SAVE."""
    created_by: EntityRef | None = None
    created_by_client: EntityRef | None = None
    date_created: Moment = None
    date_checked_in: Moment = None
    date_saved: Moment = None
    date_published: Moment = None
    date_published_end: Moment = None

    @property
    def author(self) -> str | None:
        """The author: a person, else a client."""
        who = self.created_by or self.created_by_client
        return who.label if who else None

    @property
    def author_id(self) -> str | None:
        who = self.created_by or self.created_by_client
        return who.id if who else None


class ErrorDetail(WireModel):
    error_code: str | None = None
    field_name: str | None = None
    entity_id: str | None = None
    entity_name: str | None = None


class WireOperation(WireModel):
    id: Id
    complete: bool = False
    action_name: str | None = None
    action_status: str | None = None
    error_message: str | None = None
    error_code: str | None = None
    error_details: list[ErrorDetail] | None = None

    @property
    def failed(self) -> bool:
        return self.action_status == "FAILURE"

    @property
    def messages(self) -> tuple[str, ...]:
        """The operation's messages about its failure."""
        shown = [" ".join(part for part in (self.error_code, self.error_message) if part)]
        for detail in self.error_details or []:
            parts = (detail.error_code, detail.field_name, detail.entity_name or detail.entity_id)
            shown.append(" ".join(part for part in parts if part))
        return tuple(text for text in shown if text)


class WireFlow(WireModel):
    id: Id
    name: str
    type: str
    division: EntityRef | None = None
    locked_user: EntityRef | None = None
    locked_client: EntityRef | None = None
    system: bool | None = None
    deleted: bool | None = None
    published_version: FlowVersion | None = None
    checked_in_version: FlowVersion | None = None
    saved_version: FlowVersion | None = None
    published_by: EntityRef | None = None
    current_operation: WireOperation | None = None


class HistoryEntry(WireModel):
    action: str | None = None
    timestamp: Moment = None
    user: EntityRef | None = None
    client: EntityRef | None = None
    version: str | None = None

    @property
    def author(self) -> str | None:
        """The person, else the client."""
        who = self.user or self.client
        return who.label if who else None


class HistoryPage(WirePage):
    complete: bool | None = None
    action_status: str | None = None
    entities: list[HistoryEntry] | None = None


class Registered(WireModel):
    """A job or an execution that the organisation has accepted."""

    id: Id


class RegisteredUpload(WireModel):
    id: Id
    presigned_url: Id
    headers: dict[str, str] | None = None


class JobMessageDetail(WireModel):
    error_code: str | None = None
    error_message: str | None = None
    status_code: int | str | None = None


class JobMessage(WireModel):
    type: str | None = None
    text: str | None = None
    details: list[JobMessageDetail] | None = None


class WireJob(WireModel):
    """State of an upload, export or validation: Registered, Started, Success or Failure."""

    id: Id
    status: str
    flow: EntityRef | None = None
    download_url: str | None = None
    messages: list[JobMessage] | None = None


class ExecutionRow(WireModel):
    id: Id
    flow_id: str | None = None
    flow_version: str | None = None
    start_date_time: Moment = None
    end_date_time: Moment = None
    flow_error_reason: str | None = None


class ExecutionDataEntity(WireModel):
    id: str | None = None
    download_uri: str | None = None
    failed: bool | None = None


class ExecutionDataJob(WireModel):
    """Registered, Running, Success or Failed."""

    id: Id
    job_state: str
    entities: list[ExecutionDataEntity] | None = None


class ExecutionDataSettings(WireModel):
    enabled: bool


class Characteristics(WireModel):
    level: Id
    characteristics: dict[str, bool | None] | None = None


class LevelSetting(WireModel):
    """An effective log level: of one flow, or of all flows without one of their own."""

    log_level_characteristics: Characteristics

    @property
    def log_level(self) -> LogLevel:
        found = self.log_level_characteristics
        return LogLevel(found.level, {name: bool(on) for name, on in (found.characteristics or {}).items()})


class FlowLevel(LevelSetting):
    """A flow's own log level."""

    id: Id
    name: str | None = None
    type: str | None = None


class ErrorInfo(WireModel):
    code: str | None = None
    message: str | None = None


class RuntimeExecution(WireModel):
    """UNKNOWN, RUNNING, ERROR, TERMINATED, COMPLETED or FAILED."""

    id: Id
    status: str
    completion_reason: str | None = None
    flow_error_info: ErrorInfo | None = None


class Dependency(WireModel):
    id: Id
    name: str | None = None
    version: str | None = None
    type: str
    deleted: bool | None = None


class IndexBuild(WireModel):
    status: str


class WireChannel(WireModel):
    id: Id
    connect_uri: Id


class WirePromptResource(WireModel):
    """One language of a prompt."""

    language: str | None = None


class WireSchema(WireModel):
    """The JSON schema of a data table."""

    properties: Mapping[str, object] | None = None


class _Compared(Protocol):
    @property
    def parts(self) -> str: ...


class WireResource(WireModel):
    """One row: the fields of any kind that names are compared with."""

    id: str = Field(min_length=1)
    name: str | None = None
    category: str | None = None
    """A data action's, by default the name of its integration."""
    email: str | None = None
    username: str | None = None
    data_schema: WireSchema | None = Field(None, alias="schema")
    resources: list[WirePromptResource] | None = None

    def parts(self, kind: _Compared) -> frozenset[str] | None:
        """The columns or languages, as the kind says; None where it has none, or they are not told."""
        if kind.parts == "columns":
            return self._columns()
        if kind.parts == "languages" and self.resources is not None:
            return frozenset(each.language for each in self.resources if each.language)
        return None

    def _columns(self) -> frozenset[str] | None:
        """The names and the titles of the columns: a flow shows the title, and a table made over the API may have none.

        A table without any column is one whose schema was not sent.
        """
        properties = self.data_schema.properties if self.data_schema is not None else None
        if not properties:
            return None
        titles = (each.get("title") for each in properties.values() if isinstance(each, Mapping))
        return frozenset({*properties, *(title for title in titles if isinstance(title, str))})
