"""Calls to an organisation: one transport, two dialects.

The only package that knows HTTP towards Genesys Cloud. Never decides what to publish.
"""

from controller.genesys.architect.notifications import MOST_TOPICS
from controller.genesys.architect.platform import ArchitectPlatform
from controller.genesys.concurrently import concurrently
from controller.genesys.connect import connect, latency, organization_name, permissions_used
from controller.genesys.latency import RouteLatency
from controller.genesys.permissions import permissions_needed
from controller.genesys.preflight import preflight
from controller.genesys.preflight_report import Check, PreflightReport, Verdict
from controller.genesys.settings import TransportSettings
from controller.genesys.versioned.debugging import StartedDebug
from controller.genesys.versioned.platform import VersionedPlatform

__all__ = [
    "MOST_TOPICS",
    "ArchitectPlatform",
    "Check",
    "PreflightReport",
    "RouteLatency",
    "StartedDebug",
    "TransportSettings",
    "Verdict",
    "VersionedPlatform",
    "concurrently",
    "connect",
    "latency",
    "organization_name",
    "permissions_needed",
    "permissions_used",
    "preflight",
]
