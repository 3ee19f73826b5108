"""The history of flows as a controller tells it, in the shape of a history that a command reads itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from controller.cli.remote import ControllerClient
from controller.cli.remote_actions import segment
from controller.domain.identity import FlowKey
from controller.questions.history import ChangeTime, Period
from controller.questions.history_document import (
    ChangeTimeDocument,
    FlowHistoryDocument,
    HistoryDocument,
    OrganizationHistoryDocument,
    PeriodDocument,
)
from controller.questions.history_reading import FlowHistory, OrganizationHistory
from controller.questions.live_document import OrganizationsDocument
from controller.questions.live_origins import LiveOrigin, LiveResult


def remote_history(
    remote: ControllerClient,
    organizations: Sequence[str] | None,
    flow: str | None,
    at: datetime | None,
    since: datetime | None,
) -> HistoryDocument:
    """The history of a flow, or of all, in these organisations, or in all that the token may see."""
    names = sorted(organizations or ())
    if not names:
        names = [each.name for each in remote.get("/organizations", OrganizationsDocument).organizations]
    query = {"at": at.isoformat() if at else None, "since": since.isoformat() if since else None}
    found = [remote.get(_path(name, flow), HistoryDocument, query) for name in names]
    return HistoryDocument(at=at, organizations=[each for document in found for each in document.organizations])


def organization_history_of(document: OrganizationHistoryDocument) -> OrganizationHistory:
    """The history of one organisation, as text is made from it."""
    return OrganizationHistory(
        document.name,
        document.observed_at,
        document.record,
        tuple(_flow(each) for each in document.flows),
        tuple(document.notes),
    )


def _path(organization: str, flow: str | None) -> str:
    within = f"/organizations/{segment(organization)}"
    return f"{within}/history" if flow is None else f"{within}/flows/{segment(flow)}/history"


def _flow(document: FlowHistoryDocument) -> FlowHistory:
    return FlowHistory(
        id=document.id,
        key=FlowKey(document.type, document.name),
        manifest=document.flow,
        former_names=tuple(document.former_names),
        periods=tuple(_period(each) for each in reversed(document.periods)),
        note=document.note,
    )


def _period(document: PeriodDocument) -> Period:
    origin = LiveOrigin(
        result=LiveResult(document.result),
        by=document.by,
        by_role=document.by_role,
        approved_by=document.approved_by,
        trigger=document.trigger,
        change=document.change,
        reason=document.reason,
        cause=document.cause,
        revision=document.revision,
        record=document.record,
        sync=document.sync,
    )
    return Period(
        document.version,
        _time(document.began),
        _time(document.ended),
        document.seen_from,
        document.seen_until,
        origin,
        document.certain,
    )


def _time(document: ChangeTimeDocument | None) -> ChangeTime | None:
    return None if document is None else ChangeTime(document.earliest, document.latest)
