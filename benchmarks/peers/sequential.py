"""The script of public tutorials: one flow after another, in an order that its author knows.

It registers a job, sends the file, waits, and asks for the job until it ends. The interval is the shortest that was
found in a public script for `POST /api/v2/flows/jobs`.
"""

from __future__ import annotations

from benchmarks.peers.published import PeerRun, Session
from benchmarks.virtual import VirtualOrganization
from benchmarks.workload import Workload
from controller.domain.clock import Clock

INTERVAL_S = 3.5


async def run(organization: VirtualOrganization, workload: Workload) -> PeerRun:
    """Publish all flows. Raises PublishError."""
    async with organization.client() as client:
        session = Session(client, organization.clock)
        await session.login()
        for flow in workload.flows.values():
            await publish(session, organization.clock, flow.text)
    return PeerRun(organization.clock.elapsed_s, organization.calls)


async def publish(session: Session, clock: Clock, text: str) -> None:
    job = await session.register()
    await session.upload(job, text)
    await clock.sleep(INTERVAL_S)
    while await session.ended(job) is None:
        await clock.sleep(INTERVAL_S)
