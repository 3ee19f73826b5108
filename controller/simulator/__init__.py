"""A Genesys Cloud organisation on loopback, for tests, demonstrations and rehearsals.

Answers as the Platform API does, on a state of its own. Never imports the client: both would share one mistake.
"""

from controller.simulator.actor import Actor
from controller.simulator.app import create_app
from controller.simulator.faults import Fault, FaultKind, Match, Point
from controller.simulator.handwork import Deed
from controller.simulator.loading import LoadReport, SkippedFile
from controller.simulator.serve import running, serve
from controller.simulator.settings import PENSTOCK, Client, LockedUpload, SimulatorSettings, UnclearPublish
from controller.simulator.simulator import Simulator

__all__ = [
    "PENSTOCK",
    "Actor",
    "Client",
    "Deed",
    "Fault",
    "FaultKind",
    "LoadReport",
    "LockedUpload",
    "Match",
    "Point",
    "Simulator",
    "SimulatorSettings",
    "SkippedFile",
    "UnclearPublish",
    "create_app",
    "running",
    "serve",
]
