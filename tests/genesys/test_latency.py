"""Latency is measured per method and route template, in milliseconds, without the wait for the budget."""

from __future__ import annotations

from contextlib import suppress

import httpx
import pytest

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.organization import Unreachable
from controller.genesys.call import ApiCall
from controller.genesys.latency import Latency, percentile
from controller.genesys.settings import TransportSettings
from controller.genesys.transport import Transport
from controller.service.metrics import Metrics
from tests.genesys.scripted import Reply, reply, script
from tests.support.clock import SteppedClock

CALL = ApiCall("GET", "/api/v2/flows/{flowId}", {"flowId": "f1"})
UPLOAD = ApiCall("PUT", "(presigned upload)")
LOGIN = "POST /oauth/token"
ONCE = TransportSettings(retries=0)
METRICS = Metrics()


async def test_calls_with_different_ids_count_for_one_route(clock: SteppedClock) -> None:
    transport = script(reply()).transport(clock)
    for flow_id in ("f1", "f2", "f3"):
        await transport.send(ApiCall("GET", "/api/v2/flows/{flowId}", {"flowId": flow_id}))
    await transport.send(ApiCall("DELETE", "/api/v2/flows/{flowId}", {"flowId": "f1"}))
    assert _counted(transport) == {f"DELETE {CALL.route}": 1, f"GET {CALL.route}": 3, LOGIN: 1}


async def test_only_the_exchange_itself_is_measured(clock: SteppedClock) -> None:
    class Slow(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]
            await clock.sleep(0.25)
            yield b"{}"

    organization = script(lambda _request: httpx.Response(200, stream=Slow()))
    transport = organization.transport(clock, TransportSettings(rate_limit_per_minute=1, reserve=0))
    await transport.send(CALL)
    await transport.send(CALL)
    [route] = [one for one in transport.latency.snapshot() if one.route == CALL.route]
    assert clock.elapsed_s > 60
    assert (route.count, route.p50_ms, route.max_ms) == (2, pytest.approx(250), pytest.approx(250))


async def test_a_call_without_an_answer_counts_as_status_0(clock: SteppedClock) -> None:
    before = _answers("GET", CALL.route, 0)
    transport = _observed(script(httpx.ReadError("x")).transport(clock, ONCE))
    with pytest.raises(Unreachable):
        await transport.send(CALL)
    assert _answers("GET", CALL.route, 0) == before + 1


@pytest.mark.parametrize(("answer", "status"), [(reply(503), 503), (reply(401), 401), (httpx.ReadError("x"), 0)])
async def test_a_token_request_counts_however_it_ends(clock: SteppedClock, answer: Reply, status: int) -> None:
    granted, failed = _answers("POST", "/oauth/token", 200), _answers("POST", "/oauth/token", status)
    await _observed(script().transport(clock)).send(CALL)
    assert _answers("POST", "/oauth/token", 200) == granted + 1
    transport = _observed(script(tokens=[answer]).transport(clock, ONCE))
    with pytest.raises(PenstockError):
        await transport.send(CALL)
    assert _answers("POST", "/oauth/token", status) == failed + 1
    assert _counted(transport) == {LOGIN: 1}


@pytest.mark.parametrize(("answer", "status"), [(reply(), 200), (reply(403), 403), (httpx.ReadError("x"), 0)])
async def test_an_exchange_over_a_presigned_link_counts_however_it_ends(
    clock: SteppedClock, answer: Reply, status: int
) -> None:
    """By what it is for: the link itself is a secret."""
    before = _answers("PUT", UPLOAD.route, status)
    transport = _observed(script(answer).transport(clock, ONCE))
    with suppress(PenstockError):
        await transport.put_presigned("https://files.genesys.test/f?sig=x", {}, b"text", call=UPLOAD)
    assert _answers("PUT", UPLOAD.route, status) == before + 1
    assert _counted(transport) == {UPLOAD.name: 1}


def _observed(transport: Transport) -> Transport:
    """With the metrics of the service."""
    transport.latency.observer = METRICS.calls_of("acme")
    return transport


def _counted(transport: Transport) -> dict[str, int]:
    return {f"{one.method} {one.route}": one.count for one in transport.latency.snapshot()}


def _answers(method: str, route: str, status: int) -> float:
    """What Prometheus sees, of all tests so far."""
    labels = {"method": method, "route": route, "status": str(status)}
    return METRICS.registry.get_sample_value("penstock_api_answers_total", labels) or 0


def test_percentiles_are_of_the_nearest_rank() -> None:
    latency = Latency()
    for milliseconds in range(1, 101):
        latency.record("GET", "/x", milliseconds / 1000, 200)
    [route] = latency.snapshot()
    assert (route.p50_ms, route.p95_ms, route.max_ms) == (pytest.approx(50), pytest.approx(95), pytest.approx(100))
    assert percentile([], 0.5) == 0.0
    assert percentile([7.0], 0.01) == 7.0


def test_memory_is_bounded_and_the_maximum_is_kept() -> None:
    latency = Latency()
    latency.record("GET", "/x", 9.0, 200)
    for _ in range(5000):
        latency.record("GET", "/x", 0.001, 200)
    [route] = latency.snapshot()
    assert (route.count, route.max_ms, route.p95_ms) == (5001, 9000, pytest.approx(1))
