"""The circuit breaker: a long outage makes calls fail at once, and one probe ends it."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from structlog.testing import capture_logs

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.organization import CircuitOpen, ServerFault
from controller.genesys.call import ApiCall
from controller.genesys.settings import TransportSettings
from controller.genesys.transport import Transport
from tests.genesys.scripted import Reply, ScriptedOrganization, refusal, reply, script
from tests.support.clock import SteppedClock

CALL = ApiCall("GET", "/api/v2/flows")
ONCE = TransportSettings(retries=0)
DOWN = refusal(503, "service.unavailable", "down")


class HeldBack(httpx.AsyncByteStream):
    """A body that waits until the test releases it."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.released = asyncio.Event()

    async def __aiter__(self):  # type: ignore[no-untyped-def]
        self.begun.set()
        await self.released.wait()
        yield b"{}"


async def _fail(transport: Transport, times: int, clock: SteppedClock, *, every_s: float) -> None:
    for index in range(times):
        clock.advance(every_s if index else 0)
        with pytest.raises(PenstockError) as caught:
            await transport.send(CALL)
        assert not isinstance(caught.value, CircuitOpen)


async def _opened(clock: SteppedClock, fault: Reply = DOWN) -> tuple[ScriptedOrganization, Transport]:
    organization = script(fault)
    transport = organization.transport(clock, ONCE)
    await _fail(transport, 6, clock, every_s=60)
    assert transport.circuit.is_open
    return organization, transport


@pytest.mark.parametrize("fault", [DOWN, refusal(502, "x", "x"), refusal(504, "x", "x"), httpx.ConnectError("x")])
async def test_five_minutes_of_outage_open_the_circuit(clock: SteppedClock, fault: Reply) -> None:
    organization, transport = await _opened(clock, fault)
    sent = len(organization.requests)
    with pytest.raises(CircuitOpen, match="has not answered for 300 s"):
        await transport.send(CALL)
    assert len(organization.requests) == sent


@pytest.mark.parametrize("fault", [DOWN, httpx.ConnectError("x")])
async def test_an_organisation_that_does_not_answer_is_told_once_while_it_is_tried_again(
    clock: SteppedClock, fault: Reply
) -> None:
    transport = script(fault, fault, fault, reply(200, {})).transport(clock, TransportSettings())

    with capture_logs() as events:
        await transport.send(CALL)

    told = [(each["log_level"], each["event"]) for each in events if each["event"].startswith("organization.")]
    assert told == [("warning", "organization.unanswered"), ("info", "organization.answers-again")]


async def test_one_answer_that_is_missing_is_not_worth_a_word(clock: SteppedClock) -> None:
    transport = script(DOWN, reply(200, {})).transport(clock, TransportSettings())

    with capture_logs() as events:
        await transport.send(CALL)

    assert not [each for each in events if each["event"].startswith("organization.")]


async def test_a_shorter_outage_leaves_it_closed(clock: SteppedClock) -> None:
    organization = script(DOWN)
    transport = organization.transport(clock, ONCE)
    await _fail(transport, 100, clock, every_s=3)
    assert not transport.circuit.is_open


@pytest.mark.parametrize("answer", [reply(), refusal(404, "x", "x"), refusal(500, "x", "a bug is no outage")])
async def test_any_answer_in_between_starts_the_count_anew(clock: SteppedClock, answer: Reply) -> None:
    organization = script(*[DOWN] * 4, answer, DOWN)
    transport = organization.transport(clock, ONCE)
    for _ in range(8):
        await asyncio.gather(transport.send(CALL), return_exceptions=True)
        clock.advance(60)
    assert not transport.circuit.is_open


async def test_faults_with_a_long_silence_between_them_are_no_outage(clock: SteppedClock) -> None:
    transport = script(DOWN).transport(clock, ONCE)
    await _fail(transport, 10, clock, every_s=301)
    assert not transport.circuit.is_open


async def test_one_probe_that_gets_an_answer_closes_it_for_all(clock: SteppedClock) -> None:
    organization, transport = await _opened(clock)
    clock.advance(30)
    sent = len(organization.requests)
    answer = HeldBack()
    organization.replies = [lambda _request: httpx.Response(200, stream=answer)]
    probe = asyncio.create_task(transport.send(CALL))
    await answer.begun.wait()
    refused = await asyncio.gather(*(transport.send(CALL) for _ in range(10)), return_exceptions=True)
    assert all(isinstance(one, CircuitOpen) for one in refused)
    assert len(organization.requests) == sent + 1
    answer.released.set()
    assert (await probe).status == 200
    assert not transport.circuit.is_open
    assert (await transport.send(CALL)).status == 200


async def test_a_probe_that_fails_keeps_it_open_until_the_next(clock: SteppedClock) -> None:
    organization, transport = await _opened(clock)
    clock.advance(30)
    with pytest.raises(ServerFault):
        await transport.send(CALL)
    with pytest.raises(CircuitOpen):
        await transport.send(CALL)
    clock.advance(30)
    organization.replies = [reply()]
    assert (await transport.send(CALL)).status == 200


async def test_a_cancelled_probe_lets_the_next_call_probe(clock: SteppedClock) -> None:
    organization, transport = await _opened(clock)
    clock.advance(30)
    answer = HeldBack()
    organization.replies = [lambda _request: httpx.Response(200, stream=answer)]
    probe = asyncio.create_task(transport.send(CALL))
    await answer.begun.wait()
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    organization.replies = [reply()]
    assert (await transport.send(CALL)).status == 200
