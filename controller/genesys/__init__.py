"""Calls to an organisation: one transport, two dialects.

The only package that knows HTTP towards Genesys Cloud. Never decides what to publish.
"""

from controller.genesys.connect import connect
from controller.genesys.latency import RouteLatency
from controller.genesys.permissions import permissions_needed
from controller.genesys.settings import TransportSettings

__all__ = ["RouteLatency", "TransportSettings", "connect", "permissions_needed"]
