"""An HTTP check: a URL answers with the expected status and, where asked, with an expected value in its JSON.

A manifest names the URL, so it may not lead into the controller's own network unless the operator allows the host: a
name is resolved once, every address of it is checked, and the connection goes to a checked one. Behind a proxy it would
be the proxy that resolves, so the environment's proxy is asked only for hosts that the operator allows.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from controller.delivery.gates.answer_body import Unreadable, judge_body
from controller.delivery.gates.model import GateReport, GateVerdict
from controller.delivery.settings import DeliverySettings
from controller.delivery.sync_run import SyncRun
from controller.domain.addresses import is_allowed, is_internal_address, is_internal_host
from controller.domain.desired import HttpGate
from controller.domain.errors import HostNotAllowed
from controller.domain.redaction import SECRETS

NAME = "http"
_RETRY_S: Final = 5.0
_BODY_LIMIT: Final = 1024 * 1024


async def conclude(sync: SyncRun, gate: HttpGate) -> GateReport:
    """A check that does not pass is repeated: one lost packet must not roll production back. Raises Parked."""
    report = await check(sync, gate)
    for _ in range(sync.settings.gate_attempts - 1):
        if report.verdict is GateVerdict.PASS:
            break
        await sync.signals.rest(_RETRY_S)
        report = await check(sync, gate)
    return report


async def check(sync: SyncRun, gate: HttpGate) -> GateReport:
    """One request, without redirects or credentials. A server that cannot be reached is an ERROR."""
    where = SECRETS.text(gate.url)
    try:
        async with asyncio.timeout(gate.timeout_s):
            status, body = await _get(gate, sync.settings)
    except (httpx.HTTPError, OSError, TimeoutError) as error:
        why = f"{where} could not be asked ({type(error).__name__}){_without_proxy(gate.url, sync.settings)}"
        return GateReport(NAME, GateVerdict.ERROR, why)
    except (httpx.InvalidURL, ValueError):
        return GateReport(NAME, GateVerdict.ERROR, f"{where} is no URL")
    except HostNotAllowed as error:
        return GateReport(NAME, GateVerdict.ERROR, f"{where} was not asked: {error.message}; {error.hint}")
    if status != gate.status:
        return GateReport(NAME, GateVerdict.FAIL, f"{where} answered {status}, expected {gate.status}")
    if gate.json_path is None:
        return GateReport(NAME, GateVerdict.PASS, f"{where} answered {status}")
    verdict, message = await judge_body(gate.json_path, gate.equals, body)
    return GateReport(NAME, verdict, f"{where}{message}")


async def _get(gate: HttpGate, settings: DeliverySettings) -> tuple[int, bytes | Unreadable]:
    """Status and body; only as much of a body is read as is needed, and never more than `_BODY_LIMIT` bytes."""
    url = httpx.URL(gate.url)
    headers = {"Accept": "application/json, */*;q=0.5", "Accept-Encoding": "identity", "Host": url.netloc.decode()}
    target, extensions = await _target(url, settings)
    async with (
        httpx.AsyncClient(
            transport=_transport(url, settings), timeout=gate.timeout_s, follow_redirects=False
        ) as client,
        client.stream("GET", target, headers=headers, extensions=extensions) as answer,
    ):
        if answer.status_code != gate.status or gate.json_path is None:
            return answer.status_code, b""
        return answer.status_code, await _body(answer)


async def _body(answer: httpx.Response) -> bytes | Unreadable:
    packed = answer.headers.get("Content-Encoding", "identity").lower()
    if packed != "identity":
        return Unreadable(f"the answer is packed ({packed[:20]!r}) though that was not asked for")
    body = bytearray()
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > _BODY_LIMIT:
            return Unreadable(f"the answer is longer than {_BODY_LIMIT // 1024} KiB")
    return bytes(body)


def passes_by_proxy(url: str, allowed_hosts: Collection[str]) -> bool:
    """Whether the environment names a proxy for this URL which is not used, because the operator did not allow it."""
    parts = urlsplit(url)
    proxies = getproxies()
    named = (parts.scheme in proxies or "all" in proxies) and not proxy_bypass(parts.hostname or "")
    return named and not is_allowed(url, allowed_hosts)


def _without_proxy(url: str, settings: DeliverySettings) -> str:
    if not passes_by_proxy(url, settings.allowed_hosts):
        return ""
    host = urlsplit(url).hostname
    return f"; it is asked without the environment's proxy unless the operator has {host} in PENSTOCK_GATE_HOSTS"


def _transport(url: httpx.URL, settings: DeliverySettings) -> httpx.AsyncBaseTransport | None:
    """The network itself; None, which is the environment's proxy where there is one, for what the operator allows."""
    if settings.gate_transport is not None or is_allowed(str(url), settings.allowed_hosts):
        return settings.gate_transport
    return httpx.AsyncHTTPTransport()


async def _target(url: httpx.URL, settings: DeliverySettings) -> tuple[httpx.URL, dict[str, str]]:
    """The URL with a checked address in place of the name, and the name for TLS. Raises HostNotAllowed."""
    if is_allowed(str(url), settings.allowed_hosts):
        return url, {}
    if is_internal_host(url.host):
        raise _refused(url.host, url.host)
    if settings.gate_transport is not None:
        return url, {}
    address = await _checked_address(url)
    return url.copy_with(host=address), {"sni_hostname": url.host}


async def _checked_address(url: httpx.URL) -> str:
    port = url.port or (443 if url.scheme == "https" else 80)
    found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        if is_internal_address(ip_address(address.partition("%")[0])):
            raise _refused(url.host, address)
    return addresses[0]


def _refused(host: str, address: str) -> HostNotAllowed:
    leads = f"{host} is" if host == address else f"{host} leads to {address},"
    return HostNotAllowed(
        f"{leads} an address of the controller's own network",
        hint=f"the operator can allow {host} in PENSTOCK_GATE_HOSTS",
    )
