"""The three calls that publish a flow file, as every client of the Platform API makes them."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from controller.domain.clock import Clock
from controller.simulator.settings import PENSTOCK, SimulatedClient

_REFUSED = 429


@dataclass(frozen=True, slots=True)
class PeerRun:
    """What a peer took for a workload."""

    makespan_s: float
    calls: int
    """Those that count against the limit of a token."""


class PublishError(Exception):
    """A job failed: the workload or the peer is wrong."""


class Session:
    """Calls with one token. Too many requests are answered by the pause that the organisation asks for."""

    def __init__(self, client: httpx.AsyncClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self.token = ""

    async def login(self, client: SimulatedClient = PENSTOCK) -> None:
        form = {"grant_type": "client_credentials"}
        answer = await self._client.post("/oauth/token", data=form, auth=(client.id, client.secret))
        self.token = answer.raise_for_status().json()["access_token"]

    async def register(self) -> dict[str, object]:
        return await self._json("POST", "/api/v2/flows/jobs")

    async def upload(self, job: dict[str, object], text: str) -> None:
        headers = job["headers"]
        assert isinstance(headers, dict)
        answer = await self._client.put(str(job["presignedUrl"]), content=text.encode(), headers=headers)
        answer.raise_for_status()

    async def ended(self, job: dict[str, object]) -> str | None:
        """Look at a job: the id of its flow at its end, None before. Raises PublishError."""
        shown = await self._json("GET", f"/api/v2/flows/jobs/{job['id']}?expand=messages")
        if shown["status"] == "Failure":
            raise PublishError(str(shown["messages"]))
        flow = shown.get("flow")
        return str(flow["id"]) if shown["status"] == "Success" and isinstance(flow, dict) else None

    async def read(self, path: str) -> dict[str, object]:
        return await self._json("GET", path)

    async def call(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Whatever is answered, but for too many requests."""
        headers = {"Authorization": f"Bearer {self.token}"}
        while True:
            answer = await self._client.request(method, path, headers=headers, json=body)
            if answer.status_code != _REFUSED:
                return answer
            await self._clock.sleep(float(answer.headers["Retry-After"]))

    async def _json(self, method: str, path: str) -> dict[str, object]:
        found: dict[str, object] = (await self.call(method, path)).raise_for_status().json()
        return found
