"""PENSTOCK_CA_FILE adds authorities to the usual ones, and a proxy's password is masked."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette

from controller.domain.errors.process import SettingsInvalid
from controller.domain.redaction import SECRETS
from controller.reconcile.settings import load_settings
from controller.simulator.app import create_app
from controller.simulator.simulator import Simulator
from tests.support.certificates import own_certificate
from tests.support.shell import Shell


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That of the operator; another one is trusted already, as the environment says."""
    for name in ("usual", "own"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(own_certificate(tmp_path / "usual")))
    monkeypatch.setenv("GIT_SSL_CAINFO", str(tmp_path / "none.pem"))
    monkeypatch.setenv("PENSTOCK_CACHE_DIR", str(tmp_path / "cache"))
    file = own_certificate(tmp_path / "own")
    monkeypatch.setenv("PENSTOCK_CA_FILE", str(file))
    return file


def trusted(context: ssl.SSLContext) -> set[bytes]:
    return set(context.get_ca_certs(binary_form=True))


def certificate(file: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(file.read_text())


def test_every_library_trusts_the_usual_authorities_and_that_of_the_operator(authority: Path, tmp_path: Path) -> None:
    load_settings()
    both = {certificate(authority), certificate(tmp_path / "usual" / "authority.pem")}
    for context in (httpx.create_ssl_context(), httpx2.create_ssl_context(), ssl.create_default_context()):
        assert both <= trusted(context)
        assert len(trusted(context)) > 50, "certifi's stay trusted"
    assert os.environ["GIT_SSL_CAINFO"] == os.environ["SSL_CERT_FILE"]
    load_settings()
    assert len(list((tmp_path / "cache").glob("authorities-*.pem"))) == 1, "a restart makes no second file"


def test_an_organisation_over_tls_is_reached_with_the_operators_authority_only(tmp_path: Path) -> None:
    authority = own_certificate(tmp_path)
    with _over_tls(create_app(Simulator()), authority) as url:
        shell = Shell(tmp_path, url)
        refused = shell.run("plan")
        shell.environment["PENSTOCK_CA_FILE"] = str(authority)
        planned = shell.run("plan")
    assert refused.returncode == 1
    assert "PENSTOCK_CA_FILE" in refused.stderr
    assert planned.returncode == 0, planned.stderr
    assert "front" in planned.stdout


@contextlib.contextmanager
def _over_tls(app: Starlette, certificate: Path) -> Iterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    key = certificate.parent / "key.pem"
    config = uvicorn.Config(app, lifespan="off", log_config=None, ssl_certfile=certificate, ssl_keyfile=key)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=60)
        listening.close()


@pytest.mark.parametrize(
    "content", [None, "no certificate", "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----"]
)
def test_a_file_without_certificates_is_told(authority: Path, content: str | None) -> None:
    authority.unlink()
    if content is not None:
        authority.write_text(content)
    with pytest.raises(SettingsInvalid, match=f"PENSTOCK_CA_FILE: the certificates of {authority} cannot be read"):
        load_settings()


def test_the_password_of_a_proxy_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://worker:hunter2%40hunter2@proxy.example.com:3128")
    load_settings()
    for form in ("hunter2%40hunter2", "hunter2@hunter2"):
        assert form not in SECRETS.text(f"407 of the proxy for {form}")
