"""A world of the versioned dialect whose organisation is the conformance server, in one process and on stepped time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from controller.domain.capabilities import VERSIONED
from controller.reconcile import PassReport
from controller.store import AuditEntry
from tests.conformance.flows import Flow, Happening, retail
from tests.conformance.organization import Organization
from tests.conformance.quirks import Quirks
from tests.conformance.recorded import recorded_in
from tests.conformance.served import InProcess
from tests.support.world import ORGANIZATION, Recording, World


@dataclass
class Site(World):
    """12.0 of the flow and 3.0 of the module are live; ids are opaque, and the versions come in pages of two."""

    dialect: str = VERSIONED
    quirks: Quirks = field(default_factory=lambda: Quirks(versions_page=2))

    def __post_init__(self) -> None:
        super().__post_init__()
        self.organization = Organization(self.clock.monotonic, self.quirks)
        self.main, self.module = (self.organization.add(flow) for flow in retail())
        self.http = InProcess(self.organization)  # type: ignore[assignment]
        self.services.store.close()
        self.services = self._services("controller-a")

    def pin(self, flow: Flow, version: str, **spec: object) -> None:
        """Ask for this version of the flow."""
        name = flow.name.lower().replace(" ", "-")
        self.manifest(name, type=flow.type, name=flow.name, source={"version": version}, **spec)

    async def settled_at(self, **pins: str) -> None:
        """What is live is recorded before the story begins, and nothing of that is in the calls."""
        for name, version in pins.items():
            self.pin(getattr(self, name), version)
        self.commit()
        report = await self.apply()
        assert report.delivered, report.error
        assert self.own() == []
        self.organization.calls.clear()

    async def pass_(self) -> PassReport:
        """One apply as a person who lifts the limits makes it; the clone does not follow what it records."""
        return await asyncio.wait_for(self.apply(Recording(), **self.request), 600)

    request: dict[str, Any] = field(default_factory=dict)

    def own(self, flow: Flow | None = None) -> list[tuple[str, str]]:
        """What Penstock made live, in order: how, and which version."""
        self.organization.advance()
        flows = [flow] if flow else self.organization.flows.values()
        return [(one.how, one.version) for each in flows for one in each.history if one.by == "penstock"]

    def moves(self) -> dict[str, list[Happening]]:
        """What was live until now, by the flow's name."""
        self.organization.advance()
        return {flow.name: list(flow.history) for flow in self.organization.flows.values()}

    def by_person(self, flow: Flow, version: str) -> None:
        flow.by_hand(version, self.clock.monotonic())

    def writes(self) -> list[str]:
        """The calls that change something, as `METHOD what`."""
        return [
            f"{call.method} {call.path.rpartition('/')[2] if call.method == 'POST' else 'routing'}"
            for call in self.organization.calls
            if call.method != "GET" and not call.path.endswith("/token")
        ]

    def recorded(self) -> dict[str, str]:
        """Versions by the flow's name, as the lock file on the remote has them."""
        return recorded_in(self.remote, ORGANIZATION)

    def audited(self) -> list[AuditEntry]:
        """Oldest first."""
        return list(self.services.store.audit.entries())[::-1]
