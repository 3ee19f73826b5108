"""All routes of the architect dialect; the first that fits a request answers it."""

from __future__ import annotations

from controller.simulator.architect.account import ENDPOINTS as ACCOUNT
from controller.simulator.architect.actions import ENDPOINTS as ACTIONS
from controller.simulator.architect.dependencies import ENDPOINTS as DEPENDENCIES
from controller.simulator.architect.executions import ENDPOINTS as EXECUTIONS
from controller.simulator.architect.exports import ENDPOINTS as EXPORTS
from controller.simulator.architect.flows import ENDPOINTS as FLOWS
from controller.simulator.architect.launches import ENDPOINTS as LAUNCHES
from controller.simulator.architect.notifications import ENDPOINTS as NOTIFICATIONS
from controller.simulator.architect.recording import ENDPOINTS as RECORDING
from controller.simulator.architect.uploads import ENDPOINTS as UPLOADS
from controller.simulator.architect.validations import ENDPOINTS as VALIDATIONS
from controller.simulator.architect.versions import ENDPOINTS as VERSIONS

ENDPOINTS = (
    *ACCOUNT,
    *ACTIONS,
    *DEPENDENCIES,
    *EXPORTS,
    *LAUNCHES,
    *NOTIFICATIONS,
    *RECORDING,
    *UPLOADS,
    *VALIDATIONS,
    *EXECUTIONS,
    *FLOWS,
    *VERSIONS,
)
"""Fixed paths stand before those with parameters that would fit them too."""
