"""Calls to an organisation: one transport, two dialects.

The only package that speaks HTTP to Genesys Cloud. Never decides what to publish.
"""

from controller.genesys.architect.notifications import MOST_TOPICS
from controller.genesys.connect import connect, latency, permissions_used
from controller.genesys.latency import RouteLatency
from controller.genesys.permissions import permissions_needed
from controller.genesys.preflight import Check, CheckVerdict, PreflightReport, preflight
from controller.genesys.settings import TransportSettings

__all__ = [
    "MOST_TOPICS",
    "Check",
    "CheckVerdict",
    "PreflightReport",
    "RouteLatency",
    "TransportSettings",
    "connect",
    "latency",
    "permissions_needed",
    "permissions_used",
    "preflight",
]
