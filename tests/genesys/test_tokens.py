"""Tokens: fetched once for all who wait, renewed in time, and never shown."""

from __future__ import annotations

import asyncio
import base64

import httpx
import pytest

from controller.domain.errors.organization import AuthenticationFailed, BadAnswer, RateLimited, Unreachable
from controller.genesys.call import ApiCall
from controller.genesys.settings import TransportSettings
from tests.genesys.scripted import LOGIN, SECRET, refusal, reply, script
from tests.support.clock import SteppedClock

CALL = ApiCall("GET", "/api/v2/flows")
ONCE = TransportSettings(retries=0)


async def test_client_credentials_go_to_the_login_host_as_a_form_with_basic_authorization(clock: SteppedClock) -> None:
    organization = script()
    await organization.transport(clock, TransportSettings(scope="flow:view")).send(CALL)
    [request] = organization.token_requests
    assert str(request.url) == f"{LOGIN}/oauth/token"
    assert request.headers["authorization"] == "Basic " + base64.b64encode(f"client:{SECRET}".encode()).decode()
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.content == b"grant_type=client_credentials&scope=flow%3Aview"


async def test_fifty_calls_that_start_together_share_one_token_request(clock: SteppedClock) -> None:
    organization = script()
    transport = organization.transport(clock)
    await asyncio.gather(*(transport.send(CALL) for _ in range(50)))
    assert len(organization.token_requests) == 1
    assert {request.headers["authorization"] for request in organization.requests} == {"Bearer token-1"}


async def test_a_401_costs_one_token_request_for_fifty_concurrent_calls(clock: SteppedClock) -> None:
    """Every call that was refused is repeated with the new token, and no caller notices."""

    def refuse_the_first_token(request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] == "Bearer token-1":
            return refusal(401, "bad.credentials", "Invalid login credentials.")
        return reply()

    organization = script(refuse_the_first_token)
    transport = organization.transport(clock, TransportSettings(concurrency=50, rate_limit_per_minute=1000))
    answers = await asyncio.gather(*(transport.send(CALL) for _ in range(50)))
    assert [answer.status for answer in answers] == [200] * 50
    assert len(organization.token_requests) == 2
    assert len(organization.requests) == 100


async def test_a_write_that_met_a_401_is_sent_again_because_it_did_nothing(clock: SteppedClock) -> None:
    organization = script(refusal(401, "credentials.expired", "expired"), reply())
    await organization.transport(clock).send(ApiCall("POST", "/api/v2/flows/actions/publish"))
    assert len(organization.requests) == 2


async def test_a_second_401_is_an_authentication_failure(clock: SteppedClock) -> None:
    organization = script(refusal(401, "unauthorized", "The client is not active."))
    with pytest.raises(AuthenticationFailed, match="The client is not active") as caught:
        await organization.transport(clock).send(CALL)
    assert caught.value.status == 401
    assert len(organization.requests) == 2
    assert len(organization.token_requests) == 2


@pytest.mark.parametrize(("lifetime_s", "renewed_after_s"), [(1800, 1740), (60, 30)])
async def test_a_token_is_renewed_a_minute_before_it_expires(
    clock: SteppedClock, lifetime_s: int, renewed_after_s: int
) -> None:
    """A token that lives no longer than a minute is used for half its life."""
    organization = script(tokens=[reply(body={"access_token": "short-lived", "expires_in": lifetime_s})])
    transport = organization.transport(clock)
    await transport.send(CALL)
    clock.advance(renewed_after_s - 1)
    await transport.send(CALL)
    assert len(organization.token_requests) == 1
    clock.advance(2)
    await transport.send(CALL)
    assert len(organization.token_requests) == 2


async def test_wrong_credentials_name_the_way_out_and_not_the_secret(clock: SteppedClock) -> None:
    words = f"client not found for secret {SECRET}"
    organization = script(tokens=[reply(400, {"error": "invalid_client", "error_description": words})])
    with pytest.raises(AuthenticationFailed, match="invalid_client") as caught:
        await organization.transport(clock).send(CALL)
    assert SECRET not in f"{caught.value} {caught.value.hint}"
    assert "client id and secret" in (caught.value.hint or "")


async def test_fifty_calls_share_the_failure_of_one_token_request(clock: SteppedClock) -> None:
    organization = script(tokens=[reply(401, {"error": "invalid_client"})])
    transport = organization.transport(clock)
    outcomes = await asyncio.gather(*(transport.send(CALL) for _ in range(50)), return_exceptions=True)
    assert all(isinstance(outcome, AuthenticationFailed) for outcome in outcomes)
    assert len(organization.token_requests) == 1


async def test_a_400_of_the_token_endpoint_that_speaks_of_its_limit_is_waited_for(clock: SteppedClock) -> None:
    limited = reply(400, {"error": "invalid_request", "description": "rate limit exceeded; retry later"})
    granted = reply(body={"access_token": "token", "expires_in": 3600})
    organization = script(tokens=[limited, granted])
    assert (await organization.transport(clock).send(CALL)).status == 200
    assert clock.elapsed_s == pytest.approx(60)


async def test_the_token_limit_that_does_not_pass_is_rate_limited(clock: SteppedClock) -> None:
    limited = reply(400, {"error": "invalid_request", "error_description": "rate limit exceeded; x"})
    organization = script(tokens=[limited])
    with pytest.raises(RateLimited) as caught:
        await organization.transport(clock, ONCE).send(CALL)
    assert caught.value.retry_after_s == 60


@pytest.mark.parametrize("body", [{}, {"access_token": "", "expires_in": 1}, {"access_token": "x", "expires_in": 0}])
async def test_a_token_answer_without_a_usable_token_is_a_bad_answer(
    clock: SteppedClock, body: dict[str, object]
) -> None:
    organization = script(tokens=[reply(body=body)])
    with pytest.raises(BadAnswer, match="POST /oauth/token"):
        await organization.transport(clock, ONCE).send(CALL)


async def test_a_login_host_that_cannot_be_reached_is_tried_again(clock: SteppedClock) -> None:
    granted = reply(body={"access_token": "token", "expires_in": 3600})
    organization = script(tokens=[httpx.ConnectError("no route"), granted])
    assert (await organization.transport(clock).send(CALL)).status == 200
    with pytest.raises(Unreachable, match=r"login\.genesys\.test"):
        await script(tokens=[httpx.ConnectError("no route")]).transport(clock, ONCE).send(CALL)


async def test_a_cancelled_caller_leaves_the_token_to_the_others(clock: SteppedClock) -> None:
    organization = script()
    transport = organization.transport(clock)
    first = asyncio.create_task(transport.send(CALL))
    second = asyncio.create_task(transport.send(CALL))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).status == 200
    assert first.cancelled() or first.cancelling()
