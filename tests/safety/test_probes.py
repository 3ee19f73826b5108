"""HTTP gates ask the public internet, and the controller's own network only where the operator allows it."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.delivery.result import Outcome
from controller.delivery.sync_run import DeliverySettings
from controller.domain.desired import HttpGate
from controller.domain.errors.manifest import ManifestInvalid
from controller.manifests.assembly import Hosts
from tests.delivery.site import Site
from tests.manifests.repository import flow, load, organization, write
from tests.support.sources import inbound

INTERNAL = [
    "http://localhost:9",
    "http://LOCALHOST./x",
    "https://api.localhost",
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f.0.0.1/",
    "http://0.0.0.0/",
    "http://10.1.2.3/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::1]/",
    "http://[fe80::1]/",
    "http://[fd00:ec2::254]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:7f00:1::]/",
    "http://224.0.0.1/",
    "http://168.63.129.16/metadata/instance",
    "http://192.0.0.192/latest/meta-data/",
    "http://100.100.100.200/latest/meta-data/",
    "http://[fec0::1]/",
    "http://[::ffff:168.63.129.16]/",
    "http://[64:ff9b::a83f:8110]/",
]


def probed(root: Path, url: str, allowed: tuple[str, ...] = ()) -> HttpGate:
    spec = f"  gates:\n    - http: {{url: '{url}'}}\n"
    loaded = load(write(root, {"o.yaml": organization(), "f.yaml": flow(spec=spec)}), hosts=Hosts(gates=allowed))
    (gate,) = loaded.organizations[0].flows[0].gates
    assert isinstance(gate, HttpGate)
    return gate


@pytest.mark.parametrize("url", INTERNAL)
def test_an_internal_address_is_a_mistake_with_its_line(url: str, tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        probed(tmp_path, url)
    (mistake,) = caught.value.mistakes
    assert (mistake.code, mistake.origin.file, mistake.origin.line) == ("host-not-allowed", "f.yaml", 7)
    assert "PENSTOCK_GATE_HOSTS" in (mistake.hint or "")


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:8080/ivr", "127.0.0.1"),
        ("http://127.0.0.1:8080/ivr", "127.0.0.1:8080"),
        ("http://10.1.2.3/ivr", "http://10.1.2.3"),
        ("http://[::1]:8080/ivr", "[::1]:8080"),
        ("https://probe.example.com/ivr", "other.example"),
        ("https://8.8.8.8/ivr", "other.example"),
    ],
)
def test_what_the_operator_allows_and_what_is_public_may_be_asked(url: str, allowed: str, tmp_path: Path) -> None:
    assert probed(tmp_path, url, (allowed,)).url == url


class _Answer(http.server.BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(f"{self.headers['Host']}{self.path}")
        self.send_response(302 if self.path == "/moved" else 200)
        self.send_header("Location", f"http://{self.headers['Host']}/elsewhere")
        self.end_headers()
        self.wfile.write(b"[" * 200_000 if self.path == "/deep" else b'{"ok": true}')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def asked() -> Iterator[tuple[int, list[str]]]:
    """A server on loopback, and what it was asked."""
    handler = type("Handler", (_Answer,), {"asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1], handler.asked
        server.shutdown()
        thread.join()


@pytest.fixture
def rebound(monkeypatch: pytest.MonkeyPatch) -> str:
    """A public name whose owner lets it lead to loopback."""
    name, real = "probe.example.com", socket.getaddrinfo

    def resolve(host: object, *arguments: object, **options: object) -> list[tuple]:
        return real("127.0.0.1" if host in (name, name.encode()) else host, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    return name


async def deliver(site: Site, url: str, allowed: frozenset[str], **gate: object) -> tuple[Outcome, str]:
    site.settings = DeliverySettings(allowed_hosts=allowed, gate_attempts=1)
    await site.restart()
    site.want("desk", inbound("Desk"), gates=(HttpGate(url, **gate),))  # type: ignore[arg-type]
    result = await site.deliver()
    told = [step.paused or (step.error.message if step.error else None) for step in result.steps]
    return result.outcome, "; ".join(filter(None, told))


async def test_a_name_that_leads_to_loopback_is_refused_before_it_is_asked(
    site: Site, rebound: str, asked: tuple[int, list[str]]
) -> None:
    port, requests = asked

    outcome, message = await deliver(site, f"http://{rebound}:{port}/x", frozenset())

    assert (outcome, requests) == (Outcome.PAUSED, [])
    assert f"{rebound} leads to 127.0.0.1" in message
    assert "PENSTOCK_GATE_HOSTS" in message


async def test_an_allowed_name_is_asked_under_its_own_name(
    site: Site, rebound: str, asked: tuple[int, list[str]]
) -> None:
    port, requests = asked

    outcome, message = await deliver(site, f"http://{rebound}:{port}/x", frozenset({rebound}))

    assert (outcome, message, requests) == (Outcome.SUCCEEDED, "", [f"{rebound}:{port}/x"])


@pytest.fixture
def proxied(rebound: str, asked: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[str]]:
    """The environment names a proxy: the name to ask, and what the proxy was asked."""
    port, requests = asked
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("no_proxy", "")
    return rebound, requests


async def test_a_name_that_leads_to_loopback_is_refused_behind_a_proxy_as_well(
    site: Site, proxied: tuple[str, list[str]]
) -> None:
    name, requests = proxied

    outcome, message = await deliver(site, f"http://{name}/x", frozenset())

    assert (outcome, requests) == (Outcome.PAUSED, [])
    assert f"{name} leads to 127.0.0.1" in message


async def test_a_name_that_only_a_proxy_could_resolve_is_not_given_to_it_and_the_way_out_is_told(
    site: Site, proxied: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, requests = proxied

    def nobody_knows(*_: object, **__: object) -> list[tuple]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody_knows)

    outcome, message = await deliver(site, f"http://{name}/x", frozenset())

    assert (outcome, requests) == (Outcome.PAUSED, [])
    assert f"without the environment's proxy unless the operator has {name} in PENSTOCK_GATE_HOSTS" in message


async def test_what_the_operator_allows_is_asked_through_the_environments_proxy(
    site: Site, proxied: tuple[str, list[str]]
) -> None:
    name, requests = proxied

    outcome, message = await deliver(site, f"http://{name}/x", frozenset({name}))

    assert (outcome, message) == (Outcome.SUCCEEDED, "")
    assert requests == [f"{name}http://{name}/x"]


async def test_a_redirect_is_not_followed(site: Site, asked: tuple[int, list[str]]) -> None:
    port, requests = asked

    outcome, message = await deliver(site, f"http://127.0.0.1:{port}/moved", frozenset({"127.0.0.1"}))

    assert (outcome, len(requests)) == (Outcome.ROLLED_BACK, 1)
    assert "answered 302" in message


async def test_json_that_is_nested_without_end_is_no_json(site: Site, asked: tuple[int, list[str]]) -> None:
    port, _ = asked

    outcome, message = await deliver(
        site, f"http://127.0.0.1:{port}/deep", frozenset({"127.0.0.1"}), json_path="$.ok", equals=True
    )

    assert outcome is Outcome.ROLLED_BACK
    assert "not JSON" in message
