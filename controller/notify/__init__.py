"""Sends messages to webhook receivers, signed where there is a secret. Never blocks or fails a delivery.

`event` makes a payload, the store keeps it (`OutboxPort`), and the `Dispatcher` sends it to its `Receiver` until the
receiver takes it: a message is sent at least once.
"""

from controller.notify.dispatcher import Dispatcher, DispatchSettings
from controller.notify.outbox import ACTION_TRACE, OutboxPort, OutgoingMessage, event
from controller.notify.receiver import Receiver, checked_receiver
from controller.notify.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign, verify
from controller.notify.webhook import send_now

__all__ = [
    "ACTION_TRACE",
    "SIGNATURE_HEADER",
    "TIMESTAMP_HEADER",
    "DispatchSettings",
    "Dispatcher",
    "OutboxPort",
    "OutgoingMessage",
    "Receiver",
    "checked_receiver",
    "event",
    "send_now",
    "sign",
    "verify",
]
