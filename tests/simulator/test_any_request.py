"""Whatever comes in, every route answers: with what was asked for, or with an error body that says what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from itertools import cycle
from urllib.parse import urlencode

import httpx
import pytest
from starlette.types import Message

from controller.simulator.app import ARCHITECT, CONTROL, VERSIONED
from controller.simulator.call import ServedEndpoint
from controller.simulator.resources.kinds import KINDS
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.simulator.conftest import token
from tests.simulator.steps import main_id
from tests.support.clock import SteppedClock

_TRIED = ("queue", "data-action", "data-table", "user-prompt", "response", "knowledge-base", "division")
_ALIKE = tuple(kind.uri for kind in KINDS.values() if kind.name not in _TRIED and "flow" not in kind.name)
"""Paths of resources that the same handlers answer as those of the kinds that are tried."""
ENDPOINTS = [
    endpoint
    for endpoint in (*CONTROL, *VERSIONED, *ARCHITECT)
    if endpoint.method != "HEAD"
    and not endpoint.template.endswith("/expire")
    and not endpoint.template.removesuffix("/{resourceId}").endswith(_ALIKE)
]
VALUES = (None, True, -1, 2**70, float("inf"), "", "x", "\ud800", [], [None], {}, {"id": {}})
FIELDS = sorted(
    {
        *("name", "type", "description", "division", "flows", "ids", "query", "enabled", "logLevelCharacteristics"),
        *("flowId", "flowVersion", "inputData", "id", "createStubs", "publishType", "rolloutConfig", "session_token"),
        *("flow_version_id", "start_date_time", "variable_snapshot_ranges", "page_size", "actionInvocationId"),
        *("traceDepth", "contextDirectives", "simulatedInputs", "version", "faults", "kind", "match", "publish_s"),
        *(field for endpoint in ENDPOINTS for field in endpoint.fields or ()),
    }
)
TEXTS = ("0", "-1", "10000", "9" * 400, "abc", "\x00", "[", "2026-99-99", "١")
PARAMETERS = ("pageSize", "pageNumber", "flow", "version", "id", "objectType", "flowFilter", "name", "sortBy")
PARAMETERS += ("publishedAfter", "expand", "nextPageToken", "since", "limit", "status", "action", "deleted")
RAW = (b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": 1}{"b": 2}', b"NaN")


def filled(template: str, flow_id: str) -> str:
    known = {"flowId": flow_id, "versionId": "1.0", "deed": "publish", "type": "inboundcall", "name": "Main IVR"}
    known["resourceId"] = flow_id
    return re.sub(r"\{(\w+)\}", lambda match: known.get(match.group(1), "nothing"), template)


async def asked(
    app: Callable[..., Awaitable[None]], method: str, path: str, content: bytes, query: str, bearer: str
) -> tuple[int, bytes]:
    """Status and body, without a client, which takes longer than the answer does."""
    heads = {"host": "simulator.test", "content-length": str(len(content)), "authorization": f"Bearer {bearer}"}
    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "scheme": "http"}
    scope["headers"] = [(name.encode(), value.encode()) for name, value in heads.items()]
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": content}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(each.get("body", b"") for each in sent)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=[f"{one.method} {one.template}" for one in ENDPOINTS])
async def test_no_request_goes_without_a_proper_answer(
    api: httpx.AsyncClient,
    transport: httpx.ASGITransport,
    simulator: Simulator,
    clock: SteppedClock,
    endpoint: ServedEndpoint,
) -> None:
    simulator.configure(SimulatorSettings(rate_limit_per_minute=10**6))
    bearer = await token(api)
    path = filled(endpoint.template, main_id(simulator))
    bodies = [json.dumps(value).encode() for value in VALUES]
    bodies += [json.dumps(dict.fromkeys(endpoint.fields or FIELDS, value)).encode() for value in VALUES]
    bodies += [json.dumps({name: value}).encode() for name, value in zip(FIELDS, cycle(VALUES), strict=False)]
    pairs = [(name, TEXTS[place % len(TEXTS)]) for name in PARAMETERS for place in range(len(name), len(name) + 3)]
    requests = [(body, "") for body in (*RAW, *bodies)]
    for content, query in [*requests, *((b"", urlencode({name: text})) for name, text in pairs)]:
        status, body = await asked(transport.app, endpoint.method, path, content, query, bearer)
        if status == 401:
            clock.advance(61)
            bearer = await token(api)
        assert status < 500, (content[:200], query)
        if status >= 400 and not endpoint.template.startswith("/_storage"):
            told = json.loads(body)
            assert (told["status"], bool(told["code"]), bool(told["message"])) == (status, True, True)
