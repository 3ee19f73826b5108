"""`penstock retry`: ask a controller to deliver again what was rolled back."""

from __future__ import annotations

from dataclasses import dataclass

from controller.cli.options import Flow, Format, Organizations, Reason, Server, TextOrJson, Wait, required_server
from controller.cli.remote import open_remote
from controller.cli.remote_actions import at_organization, carry_out, required_reason
from controller.reconcile.settings import load_settings


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
    with open_remote(server, load_settings()) as remote:
        path = f"{at_organization(remote, options.organization, 'a retry')}/retry"
        return carry_out(remote, path, body, wait=options.wait, output=options.output)
