"""A call may wait for minutes until the request budget lets it go; what it then carries is a token that is good."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from controller.domain.desired import Endpoint
from controller.domain.errors.organization import AuthenticationFailed, Unreachable
from controller.genesys.call import ApiCall
from controller.genesys.connect import open_transport
from controller.genesys.settings import TransportSettings
from controller.genesys.transport import Transport
from controller.simulator.app import create_app
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.genesys.scripted import ScriptedOrganization, granted, refusal, reply, script
from tests.support.clock import SteppedClock

URL = "http://simulator.test"
CALL = ApiCall("GET", "/api/v2/flows")
ONE_A_MINUTE = TransportSettings(rate_limit_per_minute=1, reserve=0)
REFUSED = refusal(401, "credentials.expired", "expired")


def _simulated(clock: SteppedClock, token_lifetime_s: float) -> tuple[Simulator, Transport]:
    simulator = Simulator(clock, SimulatorSettings(rate_limit_per_minute=300, token_lifetime_s=token_lifetime_s))
    transport = open_transport(
        Endpoint(None, URL, URL),
        "penstock",
        "penstock-secret",
        clock=clock,
        settings=TransportSettings(),
        http=httpx.ASGITransport(app=create_app(simulator)),
    )
    return simulator, transport


async def _send_two_thousand(simulator: Simulator, transport: Transport) -> None:
    """Each is sent once, and none is refused; they take as long as the limit demands, and not much longer."""
    began_s = simulator.clock.monotonic()
    simulator.calls.clear()
    answers = await asyncio.gather(*(transport.send(CALL) for _ in range(2000)))
    assert [answer.status for answer in answers] == [200] * 2000
    assert simulator.calls.count("GET", CALL.route, 200) == 2000
    assert simulator.calls.count(status=401) == 0
    assert simulator.calls.count(status=429) == 0
    assert 7 * 60 <= simulator.clock.monotonic() - began_s <= 8 * 60


async def test_two_thousand_calls_that_begin_with_70_s_of_a_token_left_meet_no_401_and_no_429(
    clock: SteppedClock,
) -> None:
    simulator, transport = _simulated(clock, 3600)
    await transport.send(CALL)
    clock.advance(3600 - 70)
    await _send_two_thousand(simulator, transport)
    assert simulator.calls.count("POST", "/oauth/token") == 1


@pytest.mark.parametrize(("lifetime_s", "tokens"), [(300, 2), (100, 11)])
async def test_two_thousand_calls_outlive_many_tokens_without_a_401(
    clock: SteppedClock, lifetime_s: float, tokens: int
) -> None:
    """300 s is the shortest life that an organisation can be set to; a token is renewed a minute before its end."""
    simulator, transport = _simulated(clock, lifetime_s)
    await _send_two_thousand(simulator, transport)
    assert simulator.calls.count("POST", "/oauth/token") <= tokens


async def test_a_call_that_was_refused_is_repeated_with_a_token_that_is_good_when_its_turn_comes(
    clock: SteppedClock,
) -> None:
    """The new token is as old as the old one when the minute is over."""
    tokens = [granted("first", for_s=40), granted("second", for_s=40), granted("third", for_s=40)]
    organization = script(REFUSED, reply(), tokens=tokens)
    answer = await organization.transport(clock, ONE_A_MINUTE).send(CALL)
    assert answer.status == 200
    assert clock.elapsed_s == 60
    assert _sent(organization) == ["Bearer first", "Bearer third"]


async def test_a_refused_token_that_is_granted_again_is_sent_once_more_and_no_oftener(clock: SteppedClock) -> None:
    organization = script(REFUSED, tokens=[granted("always the same")])
    with pytest.raises(AuthenticationFailed):
        await organization.transport(clock).send(CALL)
    assert len(organization.requests) == len(organization.token_requests) == 2


async def test_a_token_whose_life_is_said_to_be_nothing_is_used_all_the_same(clock: SteppedClock) -> None:
    organization = script(tokens=[granted(for_s=1e-9)])
    assert (await organization.transport(clock).send(CALL)).status == 200
    assert len(organization.token_requests) == 1


class SlowLogin(ScriptedOrganization):
    """The login takes a while."""

    takes_s = 100.0
    clock: SteppedClock

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            await self.clock.sleep(self.takes_s)
        return await super().__call__(request)


async def test_who_waits_for_a_token_holds_up_nobody_who_has_one(clock: SteppedClock) -> None:
    """Both connections use one client and share its budget; the first one's token ends while it waits."""
    slow, other = SlowLogin([], [granted("a", for_s=80), granted("b")]), script()
    slow.clock = clock
    one, two = slow.transport(clock, ONE_A_MINUTE), other.transport(clock, ONE_A_MINUTE)
    await one.send(CALL)
    assert one.budget is two.budget
    first = asyncio.create_task(one.send(CALL))
    await asyncio.sleep(0)
    second = asyncio.create_task(two.send(CALL))
    began_s = clock.elapsed_s
    await second
    assert clock.elapsed_s - began_s == 60
    await first
    assert clock.elapsed_s - began_s == 160
    assert _sent(slow) == ["Bearer a", "Bearer b"]


async def test_a_login_that_fails_while_calls_wait_is_asked_once_for_all_and_costs_no_places(
    clock: SteppedClock,
) -> None:
    """The token ends after the first call, and 100 are in the queue."""
    organization = script(tokens=[granted(for_s=40), httpx.ConnectError("no route"), granted("new")])
    settings = TransportSettings(rate_limit_per_minute=100, reserve=0, retries=0)
    transport = organization.transport(clock, settings)
    await asyncio.gather(*(transport.send(CALL) for _ in range(100)))
    outcomes = await asyncio.gather(*(transport.send(CALL) for _ in range(100)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Unreachable] * 100
    assert len(organization.token_requests) == 2
    before_s = clock.elapsed_s
    await asyncio.gather(*(transport.send(CALL) for _ in range(100)))
    assert clock.elapsed_s == before_s


def _sent(organization: ScriptedOrganization) -> list[str]:
    return [request.headers["authorization"] for request in organization.requests]
