"""`penstock history`: which version of each flow was live when, by whom, why and from which commit (`history/v1`)."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from controller.cli import exit_codes
from controller.cli.failures import report_failure
from controller.cli.history_text import history_text
from controller.cli.moments import has_offset, past_moment
from controller.cli.options import FolderOption, Format, Organizations, Server, TextOrJson
from controller.cli.remote import open_remote
from controller.cli.remote_history import organization_history_of, remote_history
from controller.cli.running import answer, opened_services
from controller.cli.screen import screen_of
from controller.cli.workspace import opened_workspace
from controller.domain.documents import json_text
from controller.domain.errors.branches import PenstockError
from controller.questions.history_document import (
    HistoryDocument,
    failed_history_document,
    organization_history_document,
)
from controller.questions.history_reading import HistoryChoice, OrganizationHistory, organization_history
from controller.reconcile.services import Services
from controller.reconcile.settings import Settings, load_settings
from controller.reconcile.workspace import Workspace


@dataclass(frozen=True, slots=True)
class HistoryOptions:
    """The command line of `penstock history`."""

    flow: Annotated[
        str | None, typer.Argument(help="The flow: its metadata.name, `type/name`, name or id, also a former one.")
    ] = None
    folder: FolderOption = Path()
    organization: Organizations = None
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="What was live then: 2026-11-24T14:05Z, or 2h (ago).")
    ] = None
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only versions that were live since then.")
    ] = None
    offline: Annotated[bool, typer.Option("--offline", help="Ask git and the store alone, no organisation.")] = False
    server: Server = None
    output: Format = TextOrJson.TEXT


def history(options: HistoryOptions) -> int:
    """Show the versions of each flow, newest first; the exit code is that of the worst failure."""
    settings = load_settings()
    if options.server is not None:
        return _at_controller(options.server, settings, options)
    workspace = opened_workspace(options.folder, settings, options.organization)
    with opened_services(settings) as services:
        now = services.clock.now()
        at = past_moment(options.at, "--at", now) if options.at else None
        since = past_moment(options.since, "--since", now) if options.since else None
        _tell_utc(options)
        found, failed = answer(services, _histories(services, workspace, options))
    if options.output is TextOrJson.JSON:
        documents = [organization_history_document(each, at, since) for each in found]
        documents += [failed_history_document(name, error) for name, error in failed]
        print(json_text(HistoryDocument(at=at, organizations=sorted(documents, key=lambda each: each.name))))
        return exit_codes.of_all(exit_codes.for_error(error) for _, error in failed)
    print(history_text(found, at, since, screen_of(sys.stdout)), end="")
    codes = [report_failure(error, as_json=False, organization=name) for name, error in failed]
    return exit_codes.of_all(codes) if codes else exit_codes.DONE


def _at_controller(server: str, settings: Settings, options: HistoryOptions) -> int:
    """The same from what git and the store of the controller tell."""
    now = datetime.now(UTC)
    at = past_moment(options.at, "--at", now) if options.at else None
    since = past_moment(options.since, "--since", now) if options.since else None
    _tell_utc(options)
    with open_remote(server, settings) as remote:
        found = remote_history(remote, options.organization, options.flow, at, since)
    if options.output is TextOrJson.JSON:
        print(json_text(found))
    else:
        shown = [organization_history_of(each) for each in found.organizations]
        print(history_text(shown, at, since, screen_of(sys.stdout)), end="")
    return exit_codes.DONE


def _tell_utc(options: HistoryOptions) -> None:
    for option, text in (("--at", options.at), ("--since", options.since)):
        if text and not has_offset(text):
            print(f"penstock: {option} {text.strip()} has no offset and counts as UTC", file=sys.stderr)


async def _histories(
    services: Services, workspace: Workspace, options: HistoryOptions
) -> tuple[list[OrganizationHistory], list[tuple[str, PenstockError]]]:
    found, failed = [], []
    choice = HistoryChoice(options.flow, offline=options.offline)
    for each in workspace.desired.organizations:
        try:
            found.append(await organization_history(services, workspace.repository, each, choice))
        except PenstockError as error:
            failed.append((each.name, error))
    return found, failed
