"""A real browser logs in at a provider of another site, and keeps the session for the service's own pages."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.service.http import serve
from tests.access.openid import CLIENT_SECRET, Provider, provider_process, settings_of
from tests.access.served import OPERATOR, Served, served
from tests.diagnosis.browser import needs_browser
from tests.support import node
from tests.support.devtools import Browser, Tab, browser
from tests.support.shell import free_port

pytestmark = [needs_browser, pytest.mark.xdist_group("browser")]

AXE = ("axe-core@4.11.0", "axe.min.js")
SUSPEND = "/organizations/uk-sales/suspend"


@contextmanager
def listening(service: Served, port: int) -> Iterator[None]:
    """The service on a port of loopback, in a thread of its own."""
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(serve(service.app, f"127.0.0.1:{port}", stop)), daemon=True
    )
    thread.start()
    try:
        with httpx.Client(transport=httpx.HTTPTransport(retries=10)) as client:
            client.get(f"http://127.0.0.1:{port}/healthz").raise_for_status()
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as made:
        yield made


def log_in(tab: Tab, url: str, provider: Provider, account: str) -> None:
    """Log in on the provider's own pages, by their forms."""
    tab.open(f"{url}/login?next=/who")
    assert tab.value("location.origin") == provider.issuer
    tab.type("input[name=login]", account)
    tab.type("input[name=password]", "any")
    tab.click("Sign-in", "button")
    tab.wait("Page.loadEventFired")
    tab.click("Continue", "button")
    tab.wait("Page.loadEventFired")


def test_a_person_logs_in_acts_and_logs_out(chromium: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`localhost` and `127.0.0.1` are two sites: the cookie comes back from the provider, and with no form of its."""
    monkeypatch.setenv("PENSTOCK_OIDC_CLIENT_SECRET", CLIENT_SECRET)
    port = free_port()
    url = f"http://localhost:{port}"
    with (
        provider_process(of=url) as provider,
        served(tmp_path, **settings_of(provider, public_url=url)) as service,
        listening(service, port),
        chromium.tab() as tab,
    ):
        log_in(tab, url, provider, "alice")
        assert tab.value("location.href") == f"{url}/who"
        assert "Alice Example" in tab.text()
        assert tab.value("document.cookie") == "", "scripts do not see it"

        assert tab.value(_post(SUSPEND, "")) == 403
        assert service.suspended == []
        assert tab.value(_post(SUSPEND, "(await (await fetch('/who')).json()).csrf")) == 200
        assert service.suspended == [("uk-sales", "Alice Example")]

        tab.open(f"{provider.issuer}/.well-known/openid-configuration")
        tab.value(
            f"{{ const form = document.createElement('form'); form.method = 'post'; form.action = '{url}{SUSPEND}';"
            " document.body.append(form); form.submit(); }"
        )
        tab.wait("Page.loadEventFired")
        assert tab.value("location.href") == f"{url}{SUSPEND}"
        assert "from a page of another site" in tab.text()
        assert len(service.suspended) == 1

        tab.open(f"{url}/logout")
        assert [cookie["httpOnly"] for cookie in cookies(tab, url)] == [True]
        assert tab.value(_post("/logout", "")) == 200
        assert cookies(tab, url) == []


def test_a_person_logs_in_with_a_token(chromium: Browser, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://localhost:{port}"
    with served(tmp_path, public_url=url) as service, listening(service, port), chromium.tab() as tab:
        tab.open(f"{url}/who")
        assert tab.value("location.pathname + location.search") == "/login/token?next=/who"
        tab.value(node.packed(*AXE).read_text(encoding="utf-8") + "; 1")
        found = tab.value("axe.run().then(result => result.violations.map(each => each.id))")
        assert found == []
        tab.type("input[name=token]", OPERATOR)
        tab.click("Log in", "button")
        tab.wait("Page.loadEventFired")
        assert tab.value("location.href") == f"{url}/who"
        assert "operator" in tab.text()
        assert tab.value("document.cookie") == "", "scripts do not see it"
        assert OPERATOR not in tab.value(
            "document.documentElement.innerHTML + JSON.stringify(performance.getEntries())"
        )

        assert tab.value(_post(SUSPEND, "")) == 403
        assert tab.value(_post(SUSPEND, "(await (await fetch('/who')).json()).csrf")) == 200
        assert service.suspended == [("uk-sales", "operator")]


def cookies(tab: Tab, url: str) -> list[dict[str, Any]]:
    """The service's cookies; those of the provider belong to another site."""
    found: list[dict[str, Any]] = tab.send("Network.getCookies", urls=[url])["cookies"]
    return found


def _post(path: str, token: str) -> str:
    """The status of what a script of the page sends, with the token that an expression gives."""
    return (
        f"(async () => (await fetch('{path}', {{method: 'POST', headers: {{'X-CSRF-Token': {token or repr('')}}}}}))"
        ".status)()"
    )
