"""A world without git, cheap enough for thousands of passes, whose organisation is watched at the wire.

The folder itself holds the artifacts. Every request that changes the organisation is checked at the moment when it
arrives there: its intent must stand in the journal, and the lease must be held.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from sqlalchemy import text

from controller.reconcile.loop import run_pass
from controller.reconcile.pass_ import Mode, PassRequest
from controller.reconcile.report import PassReport
from controller.reconcile.services import Services
from controller.reconcile.workspace import Workspace, open_folder
from controller.simulator.flow import SimulatedFlow
from controller.store.store import Store
from tests.support.clock import SteppedClock
from tests.support.organizations import identity_of
from tests.support.world import ORGANIZATION, Crash, Recording, World, said

ACTIONS: Mapping[str, str] = {
    r"POST /api/v2/flows/jobs": "register",
    r"PUT /_storage/uploads/.*": "upload",
    r"POST /api/v2/flows/actions/publish": "publish",
    r"POST /api/v2/flows/actions/deactivate": "unpublish",
    r"POST /api/v2/flows/actions/unlock": "unlock",
    r"DELETE /api/v2/flows/[^/]+": "delete",
    r"POST /api/v2/flows/[^/]+/versions/[^/]+/publish": "publish",
    r"PUT /api/v2/routing/flows/[^/]+": "switch",
}
HARMLESS = re.compile(
    r"(GET|HEAD) .*|POST .*(/oauth/token|/(export|validate)/jobs|/validate|/history|/query|/jobs/[^/]+/.*)"
)


class Watched(httpx.AsyncBaseTransport):
    """Passes requests on, and notes every write that nobody announced."""

    def __init__(self, inner: httpx.AsyncBaseTransport, turmoil: Turmoil) -> None:
        self._inner = inner
        self._turmoil = turmoil

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        call = f"{request.method} {request.url.path}"
        if not HARMLESS.fullmatch(call):
            self._turmoil.look_at(call)
            self._turmoil.reaches_write()
            response = await self._inner.handle_async_request(request)
            self._turmoil.reaches_write()
            return response
        return await self._inner.handle_async_request(request)


@dataclass
class Turmoil(World):
    """A `World` in a plain folder, with a second controller beside the first."""

    template: Path | None = None
    """A migrated store to begin with."""
    wrong: list[str] = field(default_factory=list)
    """What was seen at the wire and must not be."""
    crash_at_write: int | None = None
    """The process dies around the write that is so many writes away: even numbers before it, odd ones after it."""

    def __post_init__(self) -> None:
        if self.template is not None:
            shutil.copy(self.template, self.folder / "store.db")
        super().__post_init__()
        self.http = Watched(self.http, self)  # type: ignore[assignment]
        self.services.store.close()
        self.services = self._services("controller-a")

    def _repositories(self) -> tuple[Path, Path]:
        clone = self.folder / "clone"
        clone.mkdir()
        return self.folder / "remote.git", clone

    @staticmethod
    def _git(folder: Path, *arguments: str, check: bool = True) -> str:  # noqa: ARG004 - there is none
        return ""

    def reaches_write(self) -> None:
        """Count down to the write at which the process dies."""
        if self.crash_at_write is None:
            return
        self.crash_at_write -= 1
        if self.crash_at_write < 0:
            self.crash_at_write = None
            raise Crash("around a write")

    def calling(self) -> bool:
        """Whether a write was announced by the one who holds the lease, and is not answered."""
        with self.services.store.database.read() as connection:
            held = (
                "SELECT 1 FROM writes WHERE outcome IS NULL AND fence = (SELECT fence FROM leases WHERE name = :name)"
            )
            return connection.execute(text(held), {"name": identity_of(self)}).first() is not None

    def look_at(self, call: str) -> None:
        """Note what is wrong with a write that is about to arrive."""
        action = next((name for pattern, name in ACTIONS.items() if re.fullmatch(pattern, call)), None)
        if action is None:
            self.wrong.append(f"{call} is no write that is known")
            return
        with self.services.store.database.read() as connection:
            announced = connection.execute(text("SELECT action, fence FROM writes WHERE outcome IS NULL")).all()
            fence = connection.execute(
                text("SELECT fence FROM leases WHERE name = :name"), {"name": identity_of(self)}
            ).scalar_one()
        if (action, fence) not in {(name.rpartition(".")[2], of) for name, of in announced}:
            self.wrong.append(f"{call} has no intent of the one who holds the lease: {announced}, {fence}")
        if self.services.store.leases.holder(identity_of(self)) is None:
            self.wrong.append(f"{call} without a lease")

    @contextlib.asynccontextmanager
    async def second(self) -> AsyncIterator[Services]:
        """Another controller over the same store and the same folder."""
        services = self._services("controller-b")
        try:
            yield services
        finally:
            await services.disconnect()
            services.store.close()

    async def deliver(self, services: Services, listener: Recording | None = None) -> PassReport:
        """One pass of one of the controllers."""

        async def source() -> Workspace:
            return open_folder(self.clone, self.settings)

        confirmations = said(force=True, prune=True)
        request = PassRequest(ORGANIZATION, Mode.APPLY, confirmations=confirmations)
        return await run_pass(request, services, source, listener=listener)

    async def roll_back(self, flow: str) -> PassReport:
        """One flow, because a person asks for it."""

        async def source() -> Workspace:
            return open_folder(self.clone, self.settings)

        return await run_pass(PassRequest(ORGANIZATION, Mode.ROLLBACK, flow=flow, actor="ada"), self.services, source)

    def flows(self) -> list[SimulatedFlow]:
        """All flows of the organisation as they are now."""
        self.simulator.settle()
        return list(self.simulator.organization.flows())


def migrated(folder: Path) -> Path:
    """An empty store, made once."""
    path = folder / "empty.db"
    Store.open(f"sqlite:///{path}", clock=SteppedClock()).close()
    return path
