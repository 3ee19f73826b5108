"""A world in which two things go wrong during a pass, of either dialect."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import httpx

from controller.reconcile.report import PassReport
from controller.store.audit import AuditEntry
from tests.conformance.flows import Happening
from tests.conformance.recorded import recorded_in
from tests.support.audit import audit_entries
from tests.support.world import ORGANIZATION, World

LONGEST_PASS_S = 600
"""Of the wall, after which a pass counts as hanging."""
Moves = Mapping[str, Sequence[Happening]]
"""By the flow's name, what was live, in order."""


class Played(World):
    """A world whose history the organisation tells, and whose record git tells."""

    def reach_through(self, transport: httpx.AsyncBaseTransport) -> None:
        """Send the controller's requests through this one from now on."""
        self.http = transport  # type: ignore[assignment]
        self.services.store.close()
        self.services = self._services("controller-a")

    def moves(self) -> Moves:
        """What was live until now, as the organisation knows it."""
        raise NotImplementedError

    async def pass_(self) -> PassReport:
        """One apply."""
        return await asyncio.wait_for(self.apply(), LONGEST_PASS_S)

    def recorded(self) -> dict[str, str]:
        """Versions by the flow's name, as the lock file on the remote has them."""
        return recorded_in(self.remote, ORGANIZATION)

    def audited(self) -> list[AuditEntry]:
        """Oldest first."""
        return list(audit_entries(self.services.store))[::-1]
