"""What a process keeps in memory of an organisation ends with it, and connections end with their credentials."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from controller.domain.desired import Organization
from controller.domain.ports import Platform
from controller.genesys.connect import connect
from controller.reconcile.services import Services
from tests.support.sources import inbound
from tests.support.world import ORGANIZATION, World


class Socket(httpx.AsyncBaseTransport):
    """What a connection talks over; it knows whether it was closed."""

    closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(503, request=request)

    async def aclose(self) -> None:
        self.closed = True


@dataclass
class Opened:
    services: Services
    organization: Organization
    sockets: list[Socket] = field(default_factory=list)

    def connect(self, *words: Any, **named: Any) -> Platform:
        self.sockets.append(Socket())
        return connect(*words, http=self.sockets[-1], **named)

    async def rotate(self, monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
        monkeypatch.setenv("ACME_SECRET", secret)
        await self.services.read_credentials(self.organization)
        self.services.platform(self.organization)

    @property
    def open(self) -> int:
        return sum(not each.closed for each in self.sockets)


@pytest.fixture
async def opened(world: World) -> Opened:
    world.flow("front", inbound("Front"))
    world.commit()
    made = Opened(world.services, world.workspace().organization(ORGANIZATION))
    world.services.connect = made.connect
    return made


async def test_connections_with_replaced_credentials_are_closed(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        await opened.rotate(monkeypatch, f"secret-{number}")
    await opened.services.close_retired()

    assert len(opened.sockets) == 6
    assert opened.open == 2, "that of the last pass, and one beside it for a pull request"
    assert not opened.sockets[-1].closed
    assert opened.services.loads().keys() == {ORGANIZATION}


async def test_nothing_is_kept_of_an_organisation_that_is_gone(opened: Opened) -> None:
    opened.services.platform(opened.organization)

    opened.services.forget(ORGANIZATION)
    await opened.services.close_retired()

    assert opened.open == 0
    assert opened.services.loads() == {}
    opened.services.platform(opened.organization)
    assert opened.open == 1
