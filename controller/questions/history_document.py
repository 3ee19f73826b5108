"""The history of flows as a document: `penstock.history/v1`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from controller.domain.documents import filled, optional
from controller.domain.errors.branches import PenstockError
from controller.questions.error_document import ErrorDocument, error_document
from controller.questions.history import ChangeTime, LiveAt, Period, live_at
from controller.questions.history_reading import FlowHistory, OrganizationHistory


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTimeDocument:
    """The time of a change of the live version."""

    earliest: datetime
    """It did not happen before this moment, ISO 8601 in UTC."""
    latest: datetime
    """It had happened at this moment; equal to `earliest` where the time is known exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodDocument:
    """A version while it was live."""

    version: str | None
    """The version; null where none was live, as far as is known."""
    began: ChangeTimeDocument | None
    """When it became live; null if it was live at the first moment that is known, `seen_from`."""
    ended: ChangeTimeDocument | None
    """When it ceased to be live; null if no later change is known."""
    seen_from: datetime
    """The first moment at which it is known to have been live."""
    seen_until: datetime
    """The last moment at which it is known to have been live."""
    certain: bool
    """False if another version may have been live meanwhile that no source has any more."""
    result: str
    """`delivered`, `rolled-back` (delivered and later undone), `restored` (by a rollback), `adopted`, `hand-made`,
    `removed`, `nothing` or `unknown`."""
    by: str | None
    """A person or a client; `by_role` says what they did."""
    by_role: str | None
    """`commit author`, `actor` (who ran the command), `publisher` or `version author` (in Architect)."""
    approved_by: str | None
    """Who approved the plan, or accepted the version while it was paused."""
    trigger: str | None
    """Why the delivery ran; only the store has it."""
    change: str | None
    """The kind of the change: `create`, `publish`, `switch`, `republish`, `restore`, `adopt`, `rename`, `unpublish` or
    `delete`."""
    reason: str | None
    """Why the flow was changed, for people."""
    cause: str | None
    """Why it was rolled back: `failure`, `on-request`, `superseded` or `interrupted`; only the store has it."""
    revision: str | None
    """The commit that was delivered."""
    record: str | None
    """The commit that recorded it."""
    sync: int | None
    """The number of the sync in the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAtDocument:
    """The live version at one moment."""

    certain: bool
    """Whether it was the one version in `versions` beyond doubt."""
    versions: Sequence[str | None]
    """The version, or those that it may have been; null stands for no version. Empty if nothing is known."""
    between: ChangeTimeDocument | None
    """From when to when it may have been any of `versions`; null if certain or not known."""
    known_from: datetime | None
    """Nothing is known before this moment, and it is later than the one that was asked for; else null."""
    known_until: datetime | None
    """Nothing is known after this moment, and it is earlier than the one that was asked for; else null."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowHistoryDocument:
    """A flow's history."""

    flow: str | None
    """The latest manifest that described it; null if none did."""
    type: str
    """The latest type."""
    name: str
    """The latest name."""
    former_names: Sequence[str]
    """Other names that it had, as `type/name`, the latest first."""
    id: str | None
    """The organisation's id."""
    periods: Sequence[PeriodDocument]
    """Its versions, newest first; with `--since` those that were live since then."""
    note: str | None
    """What the organisation did not tell about it."""
    at: LiveAtDocument | None = optional()
    """The answer to `--at`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationHistoryDocument:
    """An organisation's history."""

    name: str
    """`metadata.name`."""
    observed_at: datetime | None
    """When the organisation was asked; null if it was not."""
    record: str | None
    """The newest commit of the record; null without one."""
    flows: Sequence[FlowHistoryDocument]
    """Its flows, in order of type and name."""
    notes: Sequence[str]
    """What could not be read, for people."""
    error: ErrorDocument | None
    """A `penstock.error/v1`: why there is no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryDocument:
    """`penstock history --format json`: which version of each flow was live when.

    The periods of one flow do not overlap and have no gaps from the first known moment on. Where the time of a change
    is not known exactly, `began` and `ended` say between which moments it happened.
    """

    schema: Literal["penstock.history/v1"] = "penstock.history/v1"
    at: datetime | None
    """The moment of `--at`, in UTC."""
    organizations: Sequence[OrganizationHistoryDocument]
    """One entry for each organisation, in order of name."""


def organization_history_document(
    found: OrganizationHistory, at: datetime | None, since: datetime | None
) -> OrganizationHistoryDocument:
    return filled(
        OrganizationHistoryDocument, found, flows=[_flow(each, at, since) for each in found.flows], error=None
    )


def failed_history_document(name: str, error: PenstockError) -> OrganizationHistoryDocument:
    return OrganizationHistoryDocument(
        name=name, observed_at=None, record=None, flows=[], notes=[], error=error_document(error, name)
    )


def _flow(found: FlowHistory, at: datetime | None, since: datetime | None) -> FlowHistoryDocument:
    return FlowHistoryDocument(
        flow=found.manifest,
        type=found.key.type,
        name=found.key.name,
        former_names=found.former_names,
        id=found.id,
        periods=[_period(each) for each in found.since(since)],
        note=found.note,
        at=None if at is None else _live_at(live_at(found.periods, at)),
    )


def _period(period: Period) -> PeriodDocument:
    return filled(
        PeriodDocument,
        period,
        period.origin,
        began=_time(period.began),
        ended=_time(period.ended),
        result=period.origin.result.value,
    )


def _live_at(found: LiveAt) -> LiveAtDocument:
    return filled(LiveAtDocument, found, between=_time(found.between))


def _time(change: ChangeTime | None) -> ChangeTimeDocument | None:
    return None if change is None else filled(ChangeTimeDocument, change)
