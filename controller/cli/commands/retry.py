"""`penstock retry`: ask a controller to deliver again what was rolled back."""

from __future__ import annotations

from dataclasses import dataclass

from controller.cli.options import Flow, Format, Organizations, Reason, Server, TextOrJson, Wait, required_server
from controller.cli.remote_actions import ask_controller, required_reason
from controller.reconcile.settings import load_settings
from controller.store.actions import Verb


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """The command line of `penstock retry`."""

    flow: Flow
    organization: Organizations = None
    server: Server = None
    reason: Reason = None
    wait: Wait = False
    output: Format = TextOrJson.TEXT


def retry(options: RetryOptions) -> int:
    """Ask for it, and with --wait follow it; the exit code is 0 once it is asked for, or done."""
    server = required_server(options.server, "penstock apply --retry")
    body = {"reason": required_reason(options.reason), "flow": options.flow}
    return ask_controller(server, load_settings(), Verb.RETRY, options, body)
