"""An operation on a flow. It takes time, and the flow's `currentOperation` shows it until it ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from controller.simulator.actor import Actor


class Action(StrEnum):
    """`Operation.actionName` of the Platform API, with the notifications' DEACTIVATE."""

    CREATE = "CREATE"
    CHECKIN = "CHECKIN"
    CHECKOUT = "CHECKOUT"
    DEACTIVATE = "DEACTIVATE"
    DELETE = "DELETE"
    HISTORY = "HISTORY"
    PUBLISH = "PUBLISH"
    REVERT = "REVERT"
    SAVE = "SAVE"
    UNLOCK = "STATE_CHANGE"
    UPDATE = "UPDATE"
    VALIDATE = "VALIDATE"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an operation or a job failed."""

    code: str
    message: str


@dataclass(slots=True)
class SimulatedOperation:
    id: str
    action: Action
    actor: Actor
    started_at: datetime
    version: str | None = None
    ended_at: datetime | None = None
    problem: Problem | None = None

    @property
    def complete(self) -> bool:
        return self.ended_at is not None

    @property
    def status(self) -> str:
        """`Operation.actionStatus`."""
        if not self.complete:
            return "STARTED"
        return "FAILURE" if self.problem else "SUCCESS"


@dataclass(frozen=True, slots=True)
class Happening:
    """One entry of a flow's history: what took effect, when, by whom."""

    action: Action
    at: datetime
    actor: Actor
    version: str | None = None
