"""An HTTP check: a URL answers with the expected status and, where asked, with an expected value in its JSON."""

from __future__ import annotations

import json
from typing import Final

import httpx
import jsonpath

from controller.delivery.context import Context
from controller.delivery.gates.verdict import GateReport, Verdict
from controller.domain.desired import HttpGate

NAME = "http"
_BODY_LIMIT: Final = 1024 * 1024
_SHOWN: Final = 120


async def check(context: Context, gate: HttpGate) -> GateReport:
    """One request, without redirects or credentials. A server that cannot be reached is an ERROR."""
    where = context.redactor.text(gate.url)
    try:
        async with httpx.AsyncClient(
            transport=context.settings.gate_transport, timeout=gate.timeout_s, follow_redirects=False, trust_env=True
        ) as client:
            status, body = await _get(client, gate.url)
    except httpx.HTTPError as error:
        return GateReport(NAME, Verdict.ERROR, f"{where} could not be asked ({type(error).__name__})")
    except httpx.InvalidURL:
        return GateReport(NAME, Verdict.ERROR, f"{where} is no URL")
    if status != gate.status:
        return GateReport(NAME, Verdict.FAIL, f"{where} answered {status}, expected {gate.status}")
    if gate.json_path is None:
        return GateReport(NAME, Verdict.PASS, f"{where} answered {status}")
    return _judge_body(where, gate, gate.json_path, body)


async def _get(client: httpx.AsyncClient, url: str) -> tuple[int, bytes]:
    """Status and at most `_BODY_LIMIT` bytes, however much there is."""
    body = bytearray()
    async with client.stream("GET", url, headers={"Accept": "application/json, */*;q=0.5"}) as answer:
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) >= _BODY_LIMIT:
                break
    return answer.status_code, bytes(body[:_BODY_LIMIT])


def _judge_body(where: str, gate: HttpGate, path: str, body: bytes) -> GateReport:
    try:
        found = jsonpath.findall(path, json.loads(body))
    except ValueError:
        return GateReport(NAME, Verdict.FAIL, f"{where} answered something that is not JSON")
    except jsonpath.JSONPathError as error:
        return GateReport(NAME, Verdict.ERROR, f"{path!r} is no JSON path: {error}")
    if not found:
        return GateReport(NAME, Verdict.FAIL, f"{where}: there is nothing at {path}")
    if gate.equals is not None and not any(_same(value, gate.equals) for value in found):
        shown = json.dumps(found[0], ensure_ascii=False)[:_SHOWN]
        return GateReport(NAME, Verdict.FAIL, f"{where}: {path} is {shown}, expected {json.dumps(gate.equals)}")
    return GateReport(NAME, Verdict.PASS, f"{where}: {path} is as expected")


def _same(left: object, right: object) -> bool:
    """Equal as JSON: true is not 1."""
    return isinstance(left, bool) == isinstance(right, bool) and left == right
