"""Options that the audit commands share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from controller.cli.moments import past_moment
from controller.store.audit_reading import AuditQuery

InOrganization = Annotated[str | None, typer.Option("--organization", "-o", help="Only this organisation.")]
Since = Annotated[str | None, typer.Option("--since", help="From this moment on: 2026-08-10T14:50Z, or 2h ago.")]
Until = Annotated[str | None, typer.Option("--until", help="Before this moment.")]


def audit_query(organization: str | None, since: str | None, until: str | None) -> AuditQuery:
    """The entries of an organisation and a range of time. Raises SettingsInvalid."""
    now = datetime.now(UTC)
    return AuditQuery(
        organization=organization,
        since=None if since is None else past_moment(since, "--since", now),
        until=None if until is None else past_moment(until, "--until", now),
    )


def asked_of_controller(organization: str | None, query: AuditQuery) -> dict[str, str | datetime | None]:
    """The same as a controller's API takes it."""
    return {
        "organization": organization,
        "since": query.since,
        "until": query.until,
        "action": query.action,
        "flow": query.flow,
        "actor": query.actor,
    }
