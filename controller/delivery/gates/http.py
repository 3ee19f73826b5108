"""An HTTP check: a URL answers with the expected status and, where asked, with an expected value in its JSON.

A manifest names the URL, so it may not lead into the controller's own network unless the operator allows the host: a
name is resolved once, every address of it is checked, and the connection goes to a checked one. Behind a proxy it would
be the proxy that resolves, so the environment's proxy is asked only for hosts that the operator allows. The JSON is
judged outside this process: a manifest wrote the expression, a stranger the body.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from controller.delivery.gates.model import GateReport, GateVerdict
from controller.delivery.sync_run import DeliverySettings, SyncRun
from controller.domain.addresses import is_allowed, is_internal_address, is_internal_host
from controller.domain.desired import HttpGate
from controller.domain.errors.manifest import HostNotAllowed
from controller.domain.redaction import SECRETS

NAME = "http"
_RETRY_S: Final = 5.0
_BODY_LIMIT: Final = 1024 * 1024
_PROGRAM: Final = Path(__file__).with_name("json_path_program.py")
_LONGEST_S: Final = 15.0
"""Time to start the program and to evaluate; a fraction of a second is enough."""


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


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A body that cannot be judged, and why."""

    why: str


async def judge_body(path: str, equals: object, body: bytes | Unreadable) -> tuple[GateVerdict, str]:
    """The verdict, and what to say after the URL. What cannot be evaluated, or not in time, is an ERROR."""
    if isinstance(body, Unreadable):
        return GateVerdict.ERROR, f" cannot be judged: {body.why}"
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return GateVerdict.FAIL, " answered something that is not JSON"
    request = {"path": path, "body": text} | ({} if equals is None else {"equals": equals})
    answer = await _run(json.dumps(request).encode())
    if answer is None:
        return GateVerdict.ERROR, f": {path} could not be evaluated within {_LONGEST_S:g} s and 512 MiB of memory"
    if answer.get("error") == "not-json":
        return GateVerdict.FAIL, " answered something that is not JSON"
    if "error" in answer:
        return GateVerdict.ERROR, f": {path} could not be evaluated: {answer['error']}"
    if not answer["found"]:
        return GateVerdict.FAIL, f": there is nothing at {path}"
    if not answer["same"]:
        return GateVerdict.FAIL, f": {path} is {answer['shown']}, expected {json.dumps(equals)}"
    return GateVerdict.PASS, f": {path} is as expected"


async def _run(request: bytes) -> dict[str, object] | None:
    """What the program says; None where it says nothing in time. It never outlives this call."""
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(_PROGRAM),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
        )
    except (OSError, RuntimeError):  # no process, file or thread is left for it
        return None
    try:
        async with asyncio.timeout(_LONGEST_S):
            output, _ = await process.communicate(request)
        answer = json.loads(output)
    except (TimeoutError, ValueError, OSError):
        return None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return answer if isinstance(answer, dict) else None
