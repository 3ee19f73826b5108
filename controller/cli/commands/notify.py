"""`penstock notify`: try a receiver."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from controller.cli import exit_codes
from controller.cli.workspace import actor
from controller.domain.clock import SystemClock
from controller.domain.visible import visible
from controller.questions.receiver_test import try_receiver
from controller.reconcile.receivers import configured_notifications
from controller.reconcile.settings import load_settings


def notify(
    receiver: Annotated[str, typer.Argument(metavar="RECEIVER", help="A receiver of PENSTOCK_CONFIG, by name.")],
) -> int:
    """Send it a message; 1 unless it is taken. Raises SettingsInvalid for a receiver that is not configured."""
    clock = SystemClock()
    notifications = configured_notifications(load_settings(), clock)
    replies = asyncio.run(try_receiver(receiver, notifications, clock.now(), by=actor()))
    for whom, reply in replies:
        if reply.taken:
            print(visible(f"{whom} took the message"))
        else:
            print(visible(f"penstock: {whom} did not take the message: {reply.reason}"), file=sys.stderr)
    return exit_codes.DONE if all(reply.taken for _, reply in replies) else exit_codes.ERROR
