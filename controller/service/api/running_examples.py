"""Examples of what runs, for the API's description."""

from __future__ import annotations

from typing import Final

from controller.questions.live_document import RunningFlowDocument, RunningPassDocument, WaitingChangeDocument
from controller.service.api.past_examples import at

HOLDER: Final = "penstock-0"

RUNNING_FLOW: Final = RunningFlowDocument(
    organization="acme",
    flow="front-door",
    sync_id=17,
    kind="publish",
    state="baking",
    version="8.0",
    since=at(5),
    until=at(35),
    percent=33.3,
    stage=None,
    gate={"gate": "errorRate", "verdict": "passed", "message": "0 of 41 executions failed", "figures": {"samples": 41}},
    message="0 of 41 executions failed",
    at=at(15),
)
RUNNING: Final = RunningPassDocument(
    organization="acme",
    holder=HOLDER,
    step="deliver",
    trigger="revision 9b1d6f0a4c52",
    since=at(4),
    done=1,
    total=2,
    beat_at=at(15),
    heard=True,
    flows=[RUNNING_FLOW],
    waiting=[WaitingChangeDocument(flow="opening-hours", kind="republish", wave=2, waits_for=["front-door"])],
    waiting_total=1,
)
