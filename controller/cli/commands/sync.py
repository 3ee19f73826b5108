"""`penstock sync`: ask a controller to look at an organisation now and to deliver its plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from controller.cli.options import Format, Organizations, Reason, Server, TextOrJson, Wait, required_server
from controller.cli.remote_actions import ask_controller, required_reason
from controller.reconcile.settings import load_settings
from controller.store.actions import Verb


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """The command line of `penstock sync`."""

    organization: Organizations = None
    digest: Annotated[str | None, typer.Option("--digest", help="Deliver the plan with this digest, and no other.")] = (
        None
    )
    server: Server = None
    reason: Reason = None
    wait: Wait = False
    output: Format = TextOrJson.TEXT


def sync(options: SyncOptions) -> int:
    """Ask for it, and with --wait follow it; the exit code is 0 once it is asked for, or done."""
    server = required_server(options.server, "penstock apply")
    body = {"reason": required_reason(options.reason), "digest": options.digest}
    return ask_controller(server, load_settings(), Verb.SYNC, options, body)
