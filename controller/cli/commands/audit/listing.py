"""`penstock audit list`: entries of the audit log, newest first (`penstock.audit/v1`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import typer

from controller.cli.commands.audit.options import InOrganization, Since, Until, asked_of_controller, audit_query
from controller.cli.options import Format, Server, TextOrJson
from controller.cli.remote import open_remote
from controller.cli.remote_audit import newest_first
from controller.domain.documents import filled, json_text
from controller.domain.visible import visible
from controller.questions.audit_document import AuditEntryDocument, AuditLogDocument
from controller.reconcile.settings import load_settings
from controller.store.audit import AuditEntry
from controller.store.audit_reading import AuditReading

_USUAL = 50


@dataclass(frozen=True, slots=True)
class ListOptions:
    """The command line of `penstock audit list`."""

    organization: InOrganization = None
    since: Since = None
    until: Until = None
    action: Annotated[str | None, typer.Option("--action", help="Only this action, such as publish.")] = None
    flow: Annotated[str | None, typer.Option("--flow", help="Only this flow: `type/name`, or its name.")] = None
    actor: Annotated[str | None, typer.Option("--actor", help="Only what this person or client did.")] = None
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = _USUAL
    server: Server = None
    output: Format = TextOrJson.TEXT


def list_entries(options: ListOptions) -> None:
    """Show the newest entries. Raises StoreFailed where there is no store."""
    query = audit_query(options.organization, options.since, options.until)
    query = replace(query, action=options.action, flow=options.flow, actor=options.actor)
    settings = load_settings()
    if options.server is None:
        with AuditReading.open(settings.store) as reading:
            found = list(reading.newest_first(query, options.limit + 1))
    else:
        wanted = asked_of_controller(options.organization, query)
        with open_remote(options.server, settings) as remote:
            found = list(newest_first(remote, wanted, options.limit + 1))
    more, shown = len(found) > options.limit, found[: options.limit]
    if options.output is TextOrJson.JSON:
        entries = [filled(AuditEntryDocument, each, timestamp=each.at) for each in shown]
        print(json_text(AuditLogDocument(entries=entries, more=more)))
        return
    for each in shown:
        print(visible(_line(each)))
    if not shown:
        print("no entry")
    if more:
        print(f"... and older ones; --limit {options.limit} leaves them out")


def _line(entry: AuditEntry) -> str:
    """Time, organisation, place in the chain, action and status, flow and version, person, and why it failed."""
    at = "-" if entry.at is None else f"{entry.at:%Y-%m-%dT%H:%M:%SZ}"
    place = "-" if entry.position is None else f"#{entry.position}"
    flow = " ".join(filter(None, (entry.flow, entry.version)))
    error = "" if entry.error is None else f": {entry.error}"
    return "  ".join(
        filter(
            None, (at, entry.organization, place, f"{entry.action} {entry.status}", flow, f"by {entry.actor}{error}")
        )
    )
