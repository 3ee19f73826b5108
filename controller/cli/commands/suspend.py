"""`penstock suspend` and `penstock resume`: stop new deliveries to an organisation without a commit, and lift that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from controller.cli.deciding import deciding
from controller.cli.options import Folder, Format, Organizations, Server, TextOrJson, ThisStore, refuse_misplaced
from controller.cli.remote import open_remote
from controller.cli.remote_actions import at_organization, required_reason
from controller.cli.workspace import actor
from controller.domain.documents import json_text
from controller.domain.visible import visible
from controller.questions import steering
from controller.questions.suspension_document import SuspensionDocument
from controller.reconcile.settings import load_settings
from controller.store.audit import AuditEntry
from controller.store.audit_chain import REQUEST

_WHAT = "a suspension"
_InStore = Callable[..., SuspensionDocument]


@dataclass(frozen=True, slots=True)
class SuspendOptions:
    """The command line of `penstock suspend` and `penstock resume`."""

    folder: Folder = Path()
    organization: Organizations = None
    output: Format = TextOrJson.TEXT
    this_store: ThisStore = False
    server: Server = None
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for the audit log; asked for on a terminal.")] = (
        None
    )


def suspend(options: SuspendOptions) -> None:
    """Stop new deliveries. A rollback, and a delivery that is under way, come to their end."""
    _print(_decided("suspend", steering.suspend, options), options.output)


def resume(options: SuspendOptions) -> None:
    """Let deliveries begin again."""
    _print(_decided("resume", steering.resume, options), options.output)


def _decided(verb: str, in_store: _InStore, options: SuspendOptions) -> SuspensionDocument:
    refuse_misplaced(options.server, this_store=options.this_store)
    settings, reason = load_settings(), required_reason(options.reason)
    if options.server is not None:
        with open_remote(options.server, settings) as remote:
            path = f"{at_organization(remote, options.organization, _WHAT)}/{verb}"
            return remote.post(path, SuspensionDocument, {"reason": reason})
    found = deciding(settings, options.folder, options.organization, _WHAT, this_store=options.this_store)
    with found as (services, chosen):
        store, by = services.store, actor()
        with store.together():
            decided = in_store(store, chosen.name, by=by, reason=reason)
            details = {"verb": verb, "reason": reason, "how": "command"}
            store.audit.append(AuditEntry(chosen.name, REQUEST, "success", by, details=details))
        return decided


def _print(document: SuspensionDocument, output: TextOrJson) -> None:
    if output is TextOrJson.JSON:
        print(json_text(document))
        return
    held = document.suspended
    if held is None:
        print(visible(f"{document.organization}: deliveries may begin again"))
        return
    at = f"{held.at:%Y-%m-%d %H:%M} UTC"
    print(visible(f"{document.organization}: suspended by {held.by} at {at}: {held.reason}"))
