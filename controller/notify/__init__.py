"""Telling others through webhooks, signed where there is a secret.

Never blocks or fails a delivery, and never loses a message.
"""

from controller.notify.dispatcher import Dispatcher, DispatchSettings
from controller.notify.outbox import Message, Outbox
from controller.notify.payload import ACTION_TRACE, event
from controller.notify.receiver import Receiver, checked_receiver
from controller.notify.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign, verify
from controller.notify.webhook import send_now

__all__ = [
    "ACTION_TRACE",
    "SIGNATURE_HEADER",
    "TIMESTAMP_HEADER",
    "DispatchSettings",
    "Dispatcher",
    "Message",
    "Outbox",
    "Receiver",
    "checked_receiver",
    "event",
    "send_now",
    "sign",
    "verify",
]
