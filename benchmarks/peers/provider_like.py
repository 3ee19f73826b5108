"""A runner that waits as Genesys' provider for Terraform (CX as Code) does, with Terraform's default parallelism.

Facts, from the provider's source (`genesyscloud/architect_flow`, `genesyscloud/provider`) and Terraform's plugin SDK
(`helper/retry`):

- Creating a flow registers a job, sends the file and asks for the job at once. A job that runs costs a sleep of 15 s;
  then the SDK waits before it asks again: 0.5 s, then twice as long each time, at most 10 s.
- After its end the flow is read once.
- A pool of 10 tokens, each with a limit of its own, serves the operations; each takes one for its whole time.
- Terraform works at up to 10 flows at once, and begins one when those that it depends on are done.

It is given every dependency, although in the provider's configuration an author has to write `depends_on`.
Configuring the provider (tokens, the organisation, the products) is left out. Both favour this peer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from benchmarks.peers.published import PeerRun, Session
from benchmarks.virtual import VirtualOrganization
from benchmarks.workload import Workload
from controller.domain.clock import Clock

PARALLELISM = 10
"""Terraform's default for `apply -parallelism`."""
TOKENS = 10
"""The provider's default for `token_pool_size`."""
SLEEP_S = 15.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 10.0


async def run(organization: VirtualOrganization, workload: Workload) -> PeerRun:
    """Publish all flows. Raises PublishError."""
    async with organization.client() as client:
        pool: asyncio.Queue[Session] = asyncio.Queue()
        for _ in range(TOKENS):
            session = Session(client, organization.clock)
            await session.login()
            pool.put_nowait(session)
        await _Apply(organization.clock, workload, pool).all()
    return PeerRun(organization.clock.elapsed_s, organization.calls)


class _Apply:
    """Terraform's walk through the graph."""

    def __init__(self, clock: Clock, workload: Workload, pool: asyncio.Queue[Session]) -> None:
        self._clock = clock
        self._workload = workload
        self._pool = pool
        self._places = asyncio.Semaphore(PARALLELISM)
        self._done = {slug: asyncio.Event() for slug in workload.flows}

    async def all(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for slug in self._workload.flows:
                tasks.create_task(self._one(slug))

    async def _one(self, slug: str) -> None:
        flow = self._workload.flows[slug]
        for consumed in flow.consumes:
            await self._done[consumed].wait()
        async with self._places:
            session = await self._pool.get()
            try:
                await create(session, self._clock, flow.text)
            finally:
                self._pool.put_nowait(session)
        self._done[slug].set()


async def create(session: Session, clock: Clock, text: str) -> str:
    """Create one flow as the provider does, and give its id. Raises PublishError."""
    job = await session.register()
    await session.upload(job, text)
    waits = retry_waits()
    while (flow_id := await session.ended(job)) is None:
        await clock.sleep(SLEEP_S)
        await clock.sleep(next(waits))
    await session.read(f"/api/v2/flows/{flow_id}?deleted=false")
    return flow_id


def retry_waits() -> Iterator[float]:
    """The pauses of Terraform's plugin SDK between two attempts, in seconds."""
    wait_s = _FIRST_WAIT_S
    while True:
        yield wait_s
        wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
