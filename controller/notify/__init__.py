"""Telling others through signed webhooks. Never blocks or fails a delivery, and never loses a message."""

from controller.notify.dispatcher import Dispatcher, DispatchSettings
from controller.notify.outbox import Message, Outbox
from controller.notify.payload import ACTION_TRACE, TraceSummary, event, trace_event
from controller.notify.receiver import Receiver, checked_receiver
from controller.notify.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign, verify

__all__ = [
    "ACTION_TRACE",
    "SIGNATURE_HEADER",
    "TIMESTAMP_HEADER",
    "DispatchSettings",
    "Dispatcher",
    "Message",
    "Outbox",
    "Receiver",
    "TraceSummary",
    "checked_receiver",
    "event",
    "sign",
    "trace_event",
    "verify",
]
