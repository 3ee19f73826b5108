"""A forge whose certificate an own authority signed is trusted only where the operator gives that authority."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from controller.domain.clock import SystemClock
from controller.domain.errors.forge import ForgeUnavailable
from controller.forges.connect import ForgeConnection, connect_forge
from controller.forges.limits import ForgeLimits
from controller.forges.port import Forge, ForgeKind
from tests.support.certificates import own_certificate
from tests.support.forges.worlds import BOT, NAME, forge_world


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return own_certificate(tmp_path)


@pytest.fixture
def address(certificate: Path) -> Iterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        forge_world(ForgeKind.GITEA).server,
        lifespan="off",
        log_config=None,
        ssl_certfile=certificate,
        ssl_keyfile=certificate.parent / "key.pem",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=60)
        listening.close()


def connected(address: str, ca_file: Path | None) -> Forge:
    connection = ForgeConnection(
        kind=ForgeKind.GITEA,
        repository=NAME,
        credentials=f"token-of-{BOT}",
        api_url=address,
        hosts=["127.0.0.1"],
        ca_file=ca_file,
    )
    return connect_forge(connection, clock=SystemClock(), limits=ForgeLimits(attempts=1))


async def test_an_authority_of_the_operator_is_trusted(address: str, certificate: Path) -> None:
    forge = connected(address, certificate)
    try:
        assert (await forge.pull_request(1)).author == "ada"
    finally:
        await forge.aclose()


async def test_an_unknown_authority_is_not(address: str) -> None:
    forge = connected(address, None)
    try:
        with pytest.raises(ForgeUnavailable, match=r"could not be reached.*certificate"):
            await forge.pull_request(1)
    finally:
        await forge.aclose()
