"""All routes of the versioned dialect. They come before the architect dialect's, with which they share two."""

from __future__ import annotations

from controller.simulator.versioned.debugging import ENDPOINTS as DEBUGGING
from controller.simulator.versioned.flows import ENDPOINTS as FLOWS
from controller.simulator.versioned.publishing import ENDPOINTS as PUBLISHING
from controller.simulator.versioned.traces import ENDPOINTS as TRACES

ENDPOINTS = (*FLOWS, *PUBLISHING, *TRACES, *DEBUGGING)
