"""The login is a part of the organisation: the same circuit opens when it is away, and the same probe ends it."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from controller.domain.errors.organization import AuthenticationFailed, CircuitOpen, ServerFault, Unreachable
from controller.genesys.call import ApiCall
from controller.genesys.settings import TransportSettings
from controller.genesys.transport import Transport
from tests.genesys.scripted import Reply, ScriptedOrganization, granted, refusal, reply, script
from tests.support.clock import SteppedClock

CALL = ApiCall("GET", "/api/v2/flows")
ONCE = TransportSettings(retries=0)
DOWN = refusal(503, "service.unavailable", "down")


async def _outcomes(transport: Transport, calls: int = 1) -> set[type[object]]:
    """How that many calls at once end."""
    return {type(one) for one in await asyncio.gather(*map(transport.send, [CALL] * calls), return_exceptions=True)}


async def _fail_for_five_minutes(transport: Transport, clock: SteppedClock) -> None:
    for minute in range(6):
        clock.advance(60 if minute else 0)
        assert CircuitOpen not in await _outcomes(transport)
    assert transport.circuit.is_open


async def _without_a_login(clock: SteppedClock, fault: Reply = DOWN) -> tuple[ScriptedOrganization, Transport]:
    """The login has been away for five minutes, and the circuit has just opened."""
    organization = script(tokens=[fault])
    transport = organization.transport(clock, ONCE)
    await _fail_for_five_minutes(transport, clock)
    return organization, transport


@pytest.mark.parametrize("fault", [DOWN, refusal(502, "x", "x"), httpx.ConnectError("x"), httpx.ReadTimeout("x")])
async def test_five_minutes_without_a_login_open_the_circuit(clock: SteppedClock, fault: Reply) -> None:
    organization, transport = await _without_a_login(clock, fault)
    asked = len(organization.token_requests)
    assert await _outcomes(transport, 50) == {CircuitOpen}
    assert len(organization.token_requests) == asked


async def test_a_failure_that_many_calls_share_counts_once(clock: SteppedClock) -> None:
    """Four failures within six minutes are no outage, however many calls met each of them."""
    transport = script(tokens=[DOWN]).transport(clock, ONCE)
    for _ in range(4):
        assert await _outcomes(transport, 50) == {ServerFault}
        clock.advance(100)
    assert not transport.circuit.is_open


async def test_while_the_circuit_is_open_fifty_calls_ask_once_for_a_token(clock: SteppedClock) -> None:
    """The first of them is the probe; when it fails, the next one comes half a minute later."""
    organization, transport = await _without_a_login(clock)
    asked = len(organization.token_requests)
    for probes in (1, 2, 3):
        clock.advance(30)
        assert await _outcomes(transport, 50) <= {ServerFault, CircuitOpen}
        assert await _outcomes(transport, 50) == {CircuitOpen}
        assert len(organization.token_requests) == asked + probes
    assert organization.requests == []


async def test_calls_that_come_while_a_probe_asks_for_a_token_fail_at_once(clock: SteppedClock) -> None:
    organization, transport = await _without_a_login(clock)
    clock.advance(30)
    begun, released = asyncio.Event(), asyncio.Event()

    class Slow(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]
            begun.set()
            await released.wait()
            yield granted().content

    asked = len(organization.token_requests)
    organization.token_replies = [lambda _request: httpx.Response(200, stream=Slow())]
    probe = asyncio.create_task(transport.send(CALL))
    await begun.wait()
    assert await _outcomes(transport, 50) == {CircuitOpen}
    assert len(organization.token_requests) == asked + 1
    released.set()
    assert (await probe).status == 200
    assert not transport.circuit.is_open
    assert (await transport.send(CALL)).status == 200


async def test_a_login_that_is_back_is_no_proof_that_the_api_is(clock: SteppedClock) -> None:
    """Tokens are granted all the time and end soon: every probe is one token request and one call."""
    organization = script(DOWN, tokens=[granted(for_s=20)])
    transport = organization.transport(clock, ONCE)
    await _fail_for_five_minutes(transport, clock)
    clock.advance(30)
    asked, sent = len(organization.token_requests), len(organization.requests)
    assert await _outcomes(transport, 50) <= {ServerFault, CircuitOpen}
    assert await _outcomes(transport, 50) == {CircuitOpen}
    assert (len(organization.token_requests), len(organization.requests)) == (asked + 1, sent + 1)
    organization.replies = [reply()]
    clock.advance(30)
    assert (await transport.send(CALL)).status == 200
    assert not transport.circuit.is_open


async def test_a_login_that_refuses_is_no_outage(clock: SteppedClock) -> None:
    transport = script(tokens=[reply(401, {"error": "invalid_client"})]).transport(clock, ONCE)
    for _ in range(20):
        assert await _outcomes(transport) == {AuthenticationFailed}
        clock.advance(60)
    assert not transport.circuit.is_open


async def test_calls_in_the_queue_fail_as_soon_as_the_circuit_opens(clock: SteppedClock) -> None:
    """They do not wait for the budget, of which they would use nothing."""
    settings = TransportSettings(rate_limit_per_minute=2, reserve=0, concurrency=1, retries=0)
    transport = script(httpx.ConnectError("x")).transport(clock, settings)
    outcomes = await asyncio.gather(*map(transport.send, [CALL] * 100), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Unreachable] * 11 + [CircuitOpen] * 89
    assert clock.elapsed_s == 5 * 60
