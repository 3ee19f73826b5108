"""More than one organisation, or more than one name for one: what a world has besides its own."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import httpx
import pytest
import yaml

from controller.domain.capabilities import ARCHITECT
from controller.domain.organization_identity import OrganizationIdentity
from controller.genesys.connect import connect
from controller.reconcile.loop import run_pass
from controller.reconcile.pass_ import Mode, PassRequest
from controller.reconcile.report import PassReport
from controller.reconcile.services import Services
from controller.reconcile.workspace import Workspace, open_folder
from controller.simulator.app import create_app
from controller.simulator.settings import SimulatedClient
from controller.simulator.simulator import Simulator
from tests.support.world import ORGANIZATION, SECRET, URL, Crash, Recording, World

OTHER_URL = "http://127.0.0.1:8081"
"""Where the other organisation answers."""
WHO = "/api/v2/tokens/me"


class Network(httpx.AsyncBaseTransport):
    """Several organisations by their addresses, or at one address by the client that asks."""

    def __init__(self, places: dict[str, httpx.AsyncBaseTransport]) -> None:
        self._places = places
        self._of_token: dict[str, httpx.AsyncBaseTransport] = {}
        self.of_client: dict[str, httpx.AsyncBaseTransport] = {}
        """Clients of another organisation than the one that the address alone leads to."""
        self.secretive = False
        """Whether no organisation tells who it is."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.secretive and request.url.path == WHO:
            return httpx.Response(403, json={"status": 403, "code": "not.authorized", "message": "No."})
        kind, _, word = request.headers.get("Authorization", " ").partition(" ")
        if kind == "Basic":
            return await self._log_in(base64.b64decode(word).decode().partition(":")[0], request)
        place = self._of_token.get(word)
        return await (place or self._at(request)).handle_async_request(request)

    async def _log_in(self, client_id: str, request: httpx.Request) -> httpx.Response:
        place = self.of_client.get(client_id, self._at(request))
        answer = await place.handle_async_request(request)
        self._of_token[json.loads(await answer.aread())["access_token"]] = place
        return answer

    def _at(self, request: httpx.Request) -> httpx.AsyncBaseTransport:
        return self._places[f"{request.url.scheme}://{request.url.host}:{request.url.port}"]


@dataclass
class Neighbours:
    """A world with a second simulated organisation: at another address, and for the client `neighbour` at the same."""

    world: World

    def __post_init__(self) -> None:
        self.first = self.world.simulator
        settings = replace(self.world.simulator_settings, organization="Another organisation")
        settings = replace(settings, clients=(*settings.clients, SimulatedClient("neighbour", SECRET)))
        self.other = Simulator(self.world.clock, settings)
        there = httpx.ASGITransport(app=create_app(self.other))
        self.network = Network({URL: self.world.http, OTHER_URL: there})
        self.network.of_client["neighbour"] = there
        self.world.http = self.network  # type: ignore[assignment]
        self.world.services.connect = partial(connect, http=self.network)

    def lead_to(self, simulator: Simulator, **spec: object) -> None:
        """Let the manifest lead to this organisation, and the world's hands work in it."""
        url = URL if simulator is self.first else OTHER_URL
        self.world.simulator = simulator
        self.world.describe(apiUrl=url, loginUrl=url, **spec)


def identity_of(world: World, client_id: str = "penstock") -> str:
    """What the lease of the world's organisation goes by."""
    told = world.simulator.organization.id if world.dialect == ARCHITECT else None
    return OrganizationIdentity(URL, client_id, told).key


def writes_to(simulator: Simulator) -> int:
    """How many requests reached it that are no reads."""
    calls = simulator.calls.report()["calls"]
    return sum(call["count"] for call in calls if call["method"] != "GET" and call["route"] != "/oauth/token")


def rename(world: World, name: str) -> None:
    """Give the organisation another name in its manifest."""
    path = world.clone / "organization.yaml"
    document = yaml.safe_load(path.read_text())
    document["metadata"]["name"] = name
    path.write_text(yaml.safe_dump(document))


def names(world: World, **flows: Sequence[str]) -> None:
    """Several names for the world's organisation, each in a folder of its own with these of the flows."""
    root = world.clone / "organization.yaml"
    for name, wanted in flows.items():
        folder = world.clone / name
        folder.mkdir()
        document = yaml.safe_load(root.read_text())
        document["metadata"]["name"] = name
        (folder / "organization.yaml").write_text(yaml.safe_dump(document))
        for flow in wanted:
            manifest = world.clone / f"{flow}.yaml"
            (folder / manifest.name).write_text(manifest.read_text().replace("flows/", "../flows/"))
            manifest.unlink()
    root.unlink()


async def apply_as(
    world: World,
    name: str,
    services: Services | None = None,
    listener: Recording | None = None,
    mode: Mode = Mode.APPLY,
) -> PassReport:
    """One pass for the manifest of that name; the clone follows."""

    async def source() -> Workspace:
        return open_folder(world.clone, world.settings)

    report = await run_pass(
        PassRequest(name, mode), services or world.services, source, listener=listener or Recording()
    )
    if world.remote.exists():
        world.git("fetch", "--quiet", "origin")
    return report


async def crash(world: World, when: str = "write.answered") -> None:
    """The controller dies in the middle of a delivery, and another process starts over the same store."""
    with pytest.raises(Crash):
        await world.apply(Recording(lambda event: event.name == when))
    await world.restart()
    assert world.services.store.journal.unfinished(ORGANIZATION)
