"""Adopting: what is live is what is wanted; it is only exported and recorded."""

from __future__ import annotations

from controller.delivery.context import Context
from controller.delivery.reading import as_planned
from controller.delivery.work import Work
from controller.domain.live import LiveFlow


class AdoptStep:
    bakes = False

    def __init__(self, context: Context) -> None:
        self._context = context

    async def prepare(self, work: Work) -> bool:
        await as_planned(self._context, work)
        return False

    async def publish(self, work: Work) -> None:
        """Nothing is written."""

    async def settle(self, work: Work) -> LiveFlow | None:
        return await as_planned(self._context, work)

    async def took_effect(self, work: Work) -> bool:  # noqa: ARG002 - the protocol's shape
        return True
