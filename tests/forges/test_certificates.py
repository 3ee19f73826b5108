"""A forge whose certificate an own authority signed is trusted only where the operator gives that authority."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from controller.domain.clock import SystemClock
from controller.domain.errors import ForgeUnavailable
from controller.forges.connect import ForgeConnection, connect_forge
from controller.forges.limits import ForgeLimits
from controller.forges.port import Forge, ForgeKind
from tests.support.forges.worlds import BOT, NAME, forge_world


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of 127.0.0.1 that signs itself, and its key beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "forge.example.com")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "authority.pem"
    file.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


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
