"""Exports versions: Archy YAML through export jobs, and the JSON configuration of each version."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.organization import NotFound
from controller.domain.export_estimate import ExportEstimate
from controller.domain.platform import Export, Priority
from controller.genesys.architect.export_files import require_flow_file
from controller.genesys.architect.export_jobs import ExportJobs, Wanted
from controller.genesys.architect.flows import FLOW
from controller.genesys.call import ApiCall
from controller.genesys.transport import Transport

_CALLS_OF_A_JOB = 3
"""Its registration and up to two looks; its file comes from elsewhere and does not count."""


@dataclass(slots=True, eq=False)
class _Seat:
    """A version's place in a job."""

    told: asyncio.Event = field(default_factory=asyncio.Event)
    outcome: str | PenstockError | None = None
    """None until it is told, and where the job was cancelled."""

    def tell(self, outcome: str | PenstockError | None) -> None:
        if not self.told.is_set():
            self.outcome = outcome
            self.told.set()


class Exports:
    """Exports versions of one organisation's flows.

    Requests share a job: those that come within the time to gather, and all that wait while as many jobs run as may.
    So the number of versions that wait sets the size of a job, up to the settings' largest.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._settings = transport.settings
        self._jobs = ExportJobs(transport)
        self._slots = asyncio.Semaphore(transport.settings.export_jobs)
        self._gathering: dict[Wanted, _Seat] | None = None

    async def export(self, flow_id: str, version: str, priority: Priority, *, definition: bool = True) -> Export:
        """The YAML of one version, and its JSON unless `definition` is False.

        Raises ExportFailed, NotFound, PermissionMissing and what the organisation's calls raise.
        """
        wanted = Wanted(flow_id, version)
        if priority is Priority.ROLLBACK or not self._settings.export_gather_s:
            yaml = await self._jobs.alone(wanted, priority)
        else:
            yaml = await self._shared(wanted)
        require_flow_file(yaml, str(wanted))
        found: Mapping[str, object] | None = None
        if definition:
            try:
                found = await configuration(self._transport, flow_id, version, priority)
            except NotFound:
                found = None
        return Export(flow_id, version, yaml=yaml, definition=found)

    def cost(self, flows: int) -> ExportEstimate:
        """What it takes to export the YAML of so many versions that are asked for together."""
        jobs = -(-flows // self._settings.export_flows)
        return ExportEstimate(flows, jobs * _CALLS_OF_A_JOB, self._settings.rate_limit_per_minute)

    async def _shared(self, wanted: Wanted) -> str:
        """The text from a job with others. When the request that runs the job is cancelled, the others begin anew."""
        while True:
            seats, seat = self._gathering, _Seat()
            if seats is None:
                await self._lead(wanted, seat)
            else:
                seat = seats.setdefault(wanted, seat)
                if len(seats) >= self._settings.export_flows:
                    self._gathering = None
                await seat.told.wait()
            if isinstance(seat.outcome, PenstockError):
                raise seat.outcome
            if seat.outcome is not None:
                return seat.outcome

    async def _lead(self, wanted: Wanted, seat: _Seat) -> None:
        """Gather others, wait until a job may run, and run it for all that came until then."""
        seats = self._gathering = {wanted: seat}
        if len(seats) >= self._settings.export_flows:
            self._gathering = None
        try:
            await self._transport.clock.sleep(self._settings.export_gather_s)
            async with self._slots:
                if self._gathering is seats:
                    self._gathering = None
                await self._jobs.share(tuple(seats), lambda each, outcome: seats[each].tell(outcome))
        finally:
            if self._gathering is seats:
                self._gathering = None
            for each in seats.values():
                each.tell(None)


async def configuration(transport: Transport, flow_id: str, version: str, priority: Priority) -> Mapping[str, object]:
    """The version's JSON. A version never changes. Raises NotFound."""
    path, most = {"flowId": flow_id, "versionId": version}, transport.settings.export_limit_bytes
    route = f"{FLOW}/versions/{{versionId}}/configuration"
    return await transport.fetch_object(ApiCall("GET", route, path, priority=priority, limit_bytes=most))
