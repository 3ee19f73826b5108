"""The shape that all kinds of change share; the machine drives it."""

from __future__ import annotations

from typing import Protocol

from controller.delivery.work import Work
from controller.domain.live import LiveFlow


class Step(Protocol):
    """How one kind of change is carried out. Everything may raise the errors of the domain, and Parked."""

    @property
    def bakes(self) -> bool:
        """Whether there is a new version to be watched."""
        ...

    async def prepare(self, work: Work) -> bool:
        """Look and validate, write nothing that matters. False when there is nothing left to be done."""
        ...

    async def publish(self, work: Work) -> None:
        """Make the writes; the journal has the ticket afterwards."""
        ...

    async def settle(self, work: Work) -> LiveFlow | None:
        """Wait for the end and prove it on the live flow, which is returned (None where it is gone)."""
        ...

    async def took_effect(self, work: Work) -> bool:
        """After a crash in `publish`: whether there is something to settle. Reads only."""
        ...
