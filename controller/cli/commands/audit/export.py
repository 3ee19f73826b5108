"""`penstock audit export`: all entries, oldest first, as JSON lines or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from controller.cli.commands.audit.options import InOrganization, Since, Until, asked_of_controller, audit_query
from controller.cli.options import Server
from controller.cli.output import output_to
from controller.cli.remote import open_remote
from controller.cli.remote_audit import oldest_first
from controller.reconcile.settings import load_settings
from controller.store.audit import AuditEntry
from controller.store.audit_file import line_of
from controller.store.audit_reading import AuditReading

COLUMNS = (
    *("timestamp", "organization", "position", "action", "status", "success", "flow", "flow_id", "version"),
    *("target_version", "actor", "author", "revision", "error", "latency_ms", "validation_error_rate"),
    *("deployment_success_rate", "webhook_synced", "details", "filed", "previous", "digest"),
)
"""Of the CSV, in order."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for a formula at the beginning of a cell (OWASP, "CSV Injection")."""


class ExportFormat(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"


def export(
    output_format: Annotated[
        ExportFormat, typer.Option("--format", "-f", help="The lines of the daily files, or a table.")
    ] = ExportFormat.JSONL,
    organization: InOrganization = None,
    since: Since = None,
    until: Until = None,
    output: Annotated[Path | None, typer.Option("--output", help="Write to this file instead of stdout.")] = None,
    server: Server = None,
) -> None:
    """Write the entries one by one. Raises StoreFailed where there is no store."""
    query, settings = audit_query(organization, since, until), load_settings()
    texts = _table if output_format is ExportFormat.CSV else _lines
    if server is not None:
        with open_remote(server, settings) as remote, output_to(output) as write:
            for text in texts(oldest_first(remote, asked_of_controller(organization, query))):
                write(text)
        return
    with AuditReading.open(settings.store) as reading, output_to(output) as write:
        for text in texts(reading.oldest_first(query)):
            write(text)


def _lines(entries: Iterator[AuditEntry]) -> Iterator[str]:
    return (line_of(each.to_json()).decode() for each in entries)


def _table(entries: Iterator[AuditEntry]) -> Iterator[str]:
    """RFC 4180, with a line for the names of the columns."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for each in entries:
        writer.writerow({name: _cell(value) for name, value in _flat(each.to_json()).items()})
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def _flat(entry: Mapping[str, object]) -> dict[str, object]:
    return {**entry, "details": json.dumps(entry["details"], sort_keys=True)}


def _cell(value: Any) -> object:
    """A text that a spreadsheet would compute gets an apostrophe; numbers, and what is true or false, stay."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
