"""An OpenID provider that others wrote (npm oidc-provider), and a browser that logs in there."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.access.served import PUBLIC_URL, Served
from tests.support.node import NODE, environment, installed

PACKAGE = "oidc-provider@9.13.3"
CLIENT_ID = "penstock"
CLIENT_SECRET = "the-secret-of-the-client-of-the-tests"
ACCOUNTS: Mapping[str, Mapping[str, object]] = {
    "alice": {"name": "Alice Example", "groups": ["staff", "voice-ops"]},
    "bob": {"name": "Bob Example", "groups": ["staff"]},
    "uma": {"name": "Uma Example", "groups": ["uk-ops"]},
    "mallory": {"name": "Mallory Example", "groups": ["visitors"]},
    "nobody": {"name": "Nobody Example"},
    "odd": {"name": "Odd\r\nSet-Cookie: x=y", "groups": ["voice-ops"]},
}
_ACTION = re.compile(r'action="([^"]+)"')
_PROMPT = re.compile(r'name="prompt" value="([a-z]+)"')


@dataclass(frozen=True, slots=True)
class Provider:
    """The running provider."""

    issuer: str

    def says_next(self, **said: Any) -> None:
        """Change what it says from now on: `token` or `me`; nothing changes it back to the truth."""
        httpx.post(f"{self.issuer}/_next", json=said, timeout=30).raise_for_status()


@contextmanager
def provider_process(certificate: Path | None = None, of: str = PUBLIC_URL) -> Iterator[Provider]:
    """The provider, in a process of its own on loopback; with a certificate over TLS, its key is beside it.

    `of` is the address of the service that it knows as its client.
    """
    folder = installed(PACKAGE) / "node_modules"
    client = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": [f"{of}/login/callback"],
    }
    tls = None
    if certificate is not None:
        tls = {"cert": certificate.read_text(), "key": certificate.with_name("key.pem").read_text()}
    configuration = json.dumps({"client": client, "accounts": ACCOUNTS, "tls": tls})
    script = Path(__file__).parent / "javascript" / "provider.mjs"
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [NODE, script, folder, configuration],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment(),
        )
        try:
            assert process.stdout is not None
            issuer = process.stdout.readline().strip()
            errors.seek(0)
            assert issuer, errors.read()
            yield Provider(issuer)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def settings_of(provider: Provider, **more: Any) -> dict[str, Any]:
    """The settings that let people of the provider's groups in; the client's secret is in the environment."""
    return {
        "oidc_issuer": provider.issuer,
        "oidc_client_id": CLIENT_ID,
        "oidc_scopes": "openid profile groups",
        "oidc_readers": ("staff",),
        "oidc_operators": ("voice-ops", "uk-ops=uk-*"),
        **more,
    }


def browser(service: Served, certificate: Path | None = None) -> httpx.AsyncClient:
    """A browser: the service over ASGI, the provider over the network, with cookies and without redirects."""
    trusted = ssl.create_default_context(cafile=certificate)
    there = httpx.ASGITransport(service.app, client=("203.0.113.9", 4321))
    return httpx.AsyncClient(
        mounts={PUBLIC_URL: there}, base_url=PUBLIC_URL, headers={"Accept": "text/html"}, timeout=30, verify=trusted
    )


async def to_callback(client: httpx.AsyncClient, account: str, start: str = "/login") -> str:
    """Log in at the provider; returns the address of the service that it sends the browser to."""
    answer = await client.get(start)
    assert answer.status_code == 302, answer.text
    while not (where := answer.headers.get("location", "")).startswith(PUBLIC_URL):
        if where:
            answer = await client.get(httpx.URL(str(answer.url)).join(where))
            continue
        action, prompt = _ACTION.search(answer.text), _PROMPT.search(answer.text)
        assert action is not None, answer.text
        assert prompt is not None, answer.text
        form = {"prompt": prompt[1], "login": account, "password": "any"}
        answer = await client.post(httpx.URL(str(answer.url)).join(action[1]), data=form)
    return where


async def logged_in(client: httpx.AsyncClient, account: str, start: str = "/login") -> httpx.Response:
    """Log in at the provider and come back; returns the service's answer to the callback."""
    return await client.get(await to_callback(client, account, start))
