"""Parameters and bodies of requests: the only data from outside, so these are pydantic's."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import Header, Path, Query
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.requests import Request

from controller.domain.status import Health, SyncStatus
from controller.planning.model import ChangeKind
from controller.store.flow_filter import FlowSort

_NO_NUL: Final = r"^[^\x00]*$"
"""PostgreSQL keeps no text with NUL."""
_SAYS_SOMETHING: Final = r"^[^\x00]*[^\x00-\x20][^\x00]*$"
_LONGEST_NAME: Final = 255
_DATED: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")
LARGEST_ID: Final = 2**63 - 1
"""Of a row in the store."""
LARGEST_BODY: Final = 64 * 1024
"""Bytes."""


def _iso(value: object) -> object:
    """Not a number: pydantic would take it for seconds since 1970."""
    if isinstance(value, str) and not _DATED.match(value):
        raise ValueError("it is not ISO 8601 with date and time")
    return value


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the moment is outside of the years 1 to 9999 in UTC") from error


Moment = Annotated[AwareDatetime, BeforeValidator(_iso), AfterValidator(_in_utc)]
_Text = Annotated[str, Field(max_length=1000, pattern=_NO_NUL)]
_Name = Annotated[str, Field(min_length=1, max_length=_LONGEST_NAME, pattern=_NO_NUL)]

OrganizationName = Annotated[
    str, Path(description="`metadata.name` of the organisation.", min_length=1, pattern=_NO_NUL, examples=["acme"])
]
FlowName = Annotated[
    str,
    Path(
        description="`metadata.name` of the flow; `type/name` for one without a manifest.",
        min_length=1,
        pattern=_NO_NUL,
        examples=["opening-hours"],
    ),
]
SyncId = Annotated[int, Path(description="The sync's number.", ge=1, le=LARGEST_ID, examples=[17])]
ActionId = Annotated[int, Path(description="The action's number.", ge=1, le=LARGEST_ID, examples=[4])]
Before = Annotated[int | None, Query(description="`next` of the page before.", ge=1, le=LARGEST_ID, examples=[17])]
Offset = Annotated[int, Query(description="How many to leave out at the beginning.", ge=0, le=10_000_000)]
At = Annotated[Moment | None, Query(description="Also tell the live version of this moment, ISO 8601 with an offset.")]
Since = Annotated[Moment | None, Query(description="From this moment on, ISO 8601 with an offset.")]
Until = Annotated[Moment | None, Query(description="Before this moment, ISO 8601 with an offset.")]
OnlyOrganization = Annotated[_Name | None, Query(description="Only of this organisation.", examples=["acme"])]
IdempotencyKey = Annotated[
    str,
    Header(
        description="Chosen by the client, new for each request: the same request with the same key is done once.",
        min_length=1,
        max_length=_LONGEST_NAME,
        pattern=r"^[!-~]+$",
        examples=["7f0c4b1e-0a0d-4a57-9d6e-6f1d4b5f1a20"],
    ),
]
LastEventId = Annotated[
    str | None, Header(description="The `id` of the last event that was received.", examples=["412"])
]


def each_once(request: Request) -> None:
    """Refuse a query that names a parameter twice: no parameter is a list, and nobody knows which value was meant.

    Raises RequestValidationError.
    """
    counts = Counter(name for name, _ in request.query_params.multi_items())
    mistakes = [
        {"loc": ("query", name), "msg": "it is given more than once"} for name, count in counts.items() if count > 1
    ]
    if mistakes:
        raise RequestValidationError(mistakes)


class FlowQuery(BaseModel):
    """Which flows, in which order."""

    model_config = ConfigDict(extra="forbid")

    search: _Text = Field("", description="Part of the flow's manifest name, name or type, in any case.")
    sync: SyncStatus | None = Field(None, description="Only with this sync status.")
    health: Health | None = Field(None, description="Only with this health.")
    type: _Text | None = Field(None, description="Only of this type.", examples=["inboundcall"])
    label: _Text | None = Field(None, description="`key=value`, or `key` for any value.", examples=["team=care"])
    change: ChangeKind | None = Field(None, description="Only with this planned change; `none` is in sync.")
    sort: FlowSort = Field(FlowSort.FLOW, description="By which field; `-` reverses it.")
    limit: int = Field(100, ge=1, le=1000, description="How many at most.")
    offset: int = Field(0, ge=0, le=10_000_000, description="How many to leave out at the beginning.")


class AuditParameters(BaseModel):
    """Which entries of the audit log."""

    model_config = ConfigDict(extra="forbid")

    organization: _Name | None = Field(None, description="Only of this organisation.", examples=["acme"])
    since: Moment | None = Field(None, description="From this moment on, ISO 8601 with an offset.")
    until: Moment | None = Field(None, description="Before this moment, ISO 8601 with an offset.")
    action: _Text | None = Field(None, description="Only this action.", examples=["publish"])
    flow: _Text | None = Field(None, description="Only this flow: `type/name`, or its name.")
    actor: _Text | None = Field(None, description="Only what this person or client did.")
    before: int | None = Field(None, ge=1, le=LARGEST_ID, description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=1000, description="How many at most.")


class Reason(BaseModel):
    """Why a person asks."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "change freeze of CHG-1042"}]})

    reason: str = Field(max_length=1000, pattern=_SAYS_SOMETHING, description="Why, for the audit log.")


_DIGEST: Final = "sha256:" + "3f" * 32
_Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
_SEEN: Final = "The digest of the plan that you saw."


class SyncOrder(Reason):
    """Look at the organisation and deliver what its plan asks for."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "CHG-1043", "digest": _DIGEST}]}
    )

    digest: _Digest | None = Field(None, description=_SEEN)


class Approving(Reason):
    """Approve one plan."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "reviewed in CHG-1043", "digest": _DIGEST}]}
    )

    digest: _Digest = Field(description=_SEEN)


class FlowOrder(Reason):
    """About one flow."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "the queue exists now", "flow": "opening-hours"}]}
    )

    flow: _Name = Field(description="`metadata.name` of the flow.")


class VersionOrder(FlowOrder):
    """About one version of one flow."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"reason": "callers hear silence", "flow": "opening-hours", "version": "3.0"}]},
    )

    version: Annotated[str, Field(min_length=1, max_length=64, pattern=_NO_NUL)] | None = Field(
        None, description="The version: to roll back to (by default the one delivered before), or to accept."
    )
