"""A Genesys Cloud organisation on loopback, for tests, demonstrations and rehearsals.

It answers like the Platform API from its own state. It never imports the client, because both would then share
mistakes.
"""

from controller.simulator.actor import Actor
from controller.simulator.app import create_app
from controller.simulator.faults import Fault, FaultKind, Match, Point
from controller.simulator.loading import LoadReport, SkippedFile
from controller.simulator.serve import running, serve
from controller.simulator.settings import PENSTOCK, LockedUpload, SimulatedClient, SimulatorSettings, UnclearPublish
from controller.simulator.simulator import Simulator
from controller.simulator.user_edits import UserEdit

__all__ = [
    "PENSTOCK",
    "Actor",
    "Fault",
    "FaultKind",
    "LoadReport",
    "LockedUpload",
    "Match",
    "Point",
    "SimulatedClient",
    "Simulator",
    "SimulatorSettings",
    "SkippedFile",
    "UnclearPublish",
    "UserEdit",
    "create_app",
    "running",
    "serve",
]
