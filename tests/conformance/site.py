"""A world of the versioned dialect whose organisation is the conformance server, in one process and on stepped time."""

from __future__ import annotations

from dataclasses import dataclass, field

from controller.domain.capabilities import VERSIONED
from tests.conformance.flows import Flow, Happening, retail
from tests.conformance.organization import Organization
from tests.conformance.played import Played
from tests.conformance.quirks import Quirks
from tests.conformance.served import InProcess


@dataclass
class Site(Played):
    """12.0 of the flow and 3.0 of the module are live; ids are opaque, and the versions come in pages of two."""

    dialect: str = VERSIONED
    quirks: Quirks = field(default_factory=lambda: Quirks(versions_page=2))

    def __post_init__(self) -> None:
        super().__post_init__()
        self.organization = Organization(self.clock.monotonic, self.quirks)
        self.main, self.module = (self.organization.add(flow) for flow in retail())
        self.reach_through(InProcess(self.organization))

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

    def own(self) -> list[tuple[str, str]]:
        """What Penstock made live, in order: how, and which version."""
        return [(one.how, one.version) for moved in self.moves().values() for one in moved if one.by == "penstock"]

    def moves(self) -> dict[str, list[Happening]]:
        """What was live until now, by the flow's name."""
        self.organization.advance()
        return {flow.name: list(flow.history) for flow in self.organization.flows.values()}
