"""What is sent again, when, and what never is."""

from __future__ import annotations

import httpx
import pytest

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.organization import AnswerLost, RateLimited, RequestRejected, ServerFault, Unreachable
from controller.genesys.call import ApiCall
from controller.genesys.settings import TransportSettings
from tests.genesys.scripted import Reply, refusal, reply, script
from tests.support.clock import SteppedClock

READ = ApiCall("GET", "/api/v2/flows")
WRITE = ApiCall("POST", "/api/v2/flows/actions/publish")
REPEATABLE = ApiCall("POST", "/api/v2/flows/export/jobs", repeatable=True)
BUSY = refusal(429, "too.many.requests.retry.after", "Rate limit exceeded", limit={"value": 300})

NEVER_ARRIVED = [httpx.ConnectError("x"), httpx.ConnectTimeout("x"), httpx.PoolTimeout("x"), httpx.ProxyError("x")]
MAYBE_ARRIVED = [
    httpx.ReadError("x"),
    httpx.ReadTimeout("x"),
    httpx.WriteError("x"),
    httpx.WriteTimeout("x"),
    httpx.RemoteProtocolError("Server disconnected without sending a response."),
]
FAULTS = [refusal(status, "x", "x") for status in (408, 500, 502, 503, 504)]


@pytest.mark.parametrize("fault", [*NEVER_ARRIVED, *MAYBE_ARRIVED, *FAULTS])
@pytest.mark.parametrize("call", [READ, REPEATABLE], ids=["read", "repeatable write"])
async def test_what_is_safe_to_repeat_survives_three_faults(clock: SteppedClock, fault: Reply, call: ApiCall) -> None:
    organization = script(fault, fault, fault, reply(body={"fine": True}))
    assert (await organization.transport(clock).send(call)).status == 200
    assert len(organization.requests) == 4


@pytest.mark.parametrize("fault", NEVER_ARRIVED)
async def test_a_write_that_certainly_did_not_arrive_is_sent_again(clock: SteppedClock, fault: Reply) -> None:
    organization = script(fault, reply())
    await organization.transport(clock).send(WRITE)
    assert len(organization.requests) == 2


@pytest.mark.parametrize("fault", [*MAYBE_ARRIVED, *FAULTS])
async def test_a_write_whose_answer_was_lost_is_sent_once(clock: SteppedClock, fault: Reply) -> None:
    organization = script(fault, reply())
    with pytest.raises(AnswerLost, match="may or may not have taken effect"):
        await organization.transport(clock).send(WRITE)
    assert len(organization.requests) == 1


@pytest.mark.parametrize(
    ("fault", "kind"), [(httpx.ReadError("x"), Unreachable), (refusal(503, "service.unavailable", "x"), ServerFault)]
)
async def test_a_fault_that_stays_is_raised_after_three_repetitions(
    clock: SteppedClock, fault: Reply, kind: type[PenstockError]
) -> None:
    organization = script(fault)
    with pytest.raises(kind):
        await organization.transport(clock).send(READ)
    assert len(organization.requests) == 4


async def test_backoff_is_jittered_and_bounded(clock: SteppedClock) -> None:
    """Full jitter: three waits of at most 2, 4 and 8 seconds, and not the same ones for every caller."""
    waits = set()
    for _ in range(8):
        before = clock.elapsed_s
        organization = script(httpx.ReadError("x"))
        with pytest.raises(Unreachable):
            await organization.transport(clock).send(READ)
        waits.add(clock.elapsed_s - before)
    assert max(waits) <= 14
    assert len(waits) == 8


@pytest.mark.parametrize("status", [400, 404, 409, 410, 413, 422])
async def test_a_rejection_is_not_repeated(clock: SteppedClock, status: int) -> None:
    organization = script(refusal(status, "x", "no"))
    with pytest.raises(RequestRejected):
        await organization.transport(clock).send(READ)
    assert len(organization.requests) == 1


@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
async def test_a_429_waits_exactly_the_seconds_of_retry_after(clock: SteppedClock, call: ApiCall) -> None:
    """A 429 did nothing: even a write is sent again."""
    organization = script(reply(429, {}, headers={"Retry-After": "58"}), reply())
    await organization.transport(clock).send(call)
    assert clock.elapsed_s == pytest.approx(58)


async def test_a_429_waits_until_the_http_date_of_retry_after(clock: SteppedClock) -> None:
    organization = script(reply(429, {}, headers={"Retry-After": "Mon, 05 Jan 2026 12:00:42 GMT"}), reply())
    await organization.transport(clock).send(READ)
    assert clock.elapsed_s == pytest.approx(42)


async def test_a_date_of_retry_after_counts_from_the_answers_own_date(clock: SteppedClock) -> None:
    """Our clock may be wrong: here it is an hour behind."""
    headers = {"Retry-After": "Mon, 05 Jan 2026 13:00:42 GMT", "Date": "Mon, 05 Jan 2026 13:00:30 GMT"}
    organization = script(reply(429, {}, headers=headers), reply())
    await organization.transport(clock).send(READ)
    assert clock.elapsed_s == pytest.approx(12)


async def test_a_5xx_that_says_when_to_come_back_is_obeyed(clock: SteppedClock) -> None:
    organization = script(reply(503, {}, headers={"Retry-After": "45"}), reply())
    await organization.transport(clock).send(READ)
    assert clock.elapsed_s == pytest.approx(45)


async def test_a_retry_after_of_zero_does_not_make_a_tight_loop(clock: SteppedClock) -> None:
    organization = script(reply(429, {}, headers={"Retry-After": "0"}), reply())
    await organization.transport(clock).send(READ)
    assert 0 < clock.elapsed_s <= 2


@pytest.mark.parametrize("header", ["soon", "-3", "", "99999999999999999999999999, x", "Mon, 99 Foo 2026"])
async def test_a_retry_after_that_cannot_be_read_means_a_minute(clock: SteppedClock, header: str) -> None:
    organization = script(reply(429, {}, headers={"Retry-After": header}), reply())
    await organization.transport(clock).send(READ)
    assert clock.elapsed_s == pytest.approx(60)


@pytest.mark.parametrize("asked", ["3600", "9" * 400, "1e308", "Fri, 31 Dec 9999 23:59:59 GMT"])
async def test_a_wait_that_is_too_long_is_handed_to_the_caller_and_is_an_hour_at_most(
    clock: SteppedClock, asked: str
) -> None:
    organization = script(reply(429, {}, headers={"Retry-After": asked}))
    with pytest.raises(RateLimited) as caught:
        await organization.transport(clock).send(READ)
    assert caught.value.retry_after_s == 3600
    assert caught.value.message.endswith("try again in 3600 s")
    assert clock.elapsed_s == 0


async def test_a_429_makes_every_call_wait(clock: SteppedClock) -> None:
    organization = script(reply(429, {}, headers={"Retry-After": "30"}), reply())
    transport = organization.transport(clock, TransportSettings(retries=0))
    with pytest.raises(RateLimited):
        await transport.send(READ)
    await transport.send(READ)
    assert clock.elapsed_s == pytest.approx(30)


async def test_a_429_that_stays_is_rate_limited(clock: SteppedClock) -> None:
    organization = script(BUSY)
    with pytest.raises(RateLimited, match=r"too\.many\.requests"):
        await organization.transport(clock).send(READ)
    assert len(organization.requests) == 4


async def test_an_exchange_that_never_ends_is_cut_at_the_deadline(clock: SteppedClock) -> None:
    """However slowly bytes drip, no call lasts longer than its deadline."""

    class Drip(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]
            while True:
                yield b" "
                await clock.sleep(25)

    api = script(lambda _request: httpx.Response(200, stream=Drip()))
    login = script(tokens=[lambda _request: httpx.Response(200, stream=Drip())])
    for organization, call, kind in (
        (api, READ, Unreachable),
        (api, WRITE, AnswerLost),
        (login, WRITE, Unreachable),
    ):
        before = clock.elapsed_s
        with pytest.raises(kind, match="within 120 s"):
            await organization.transport(clock, TransportSettings(retries=0)).send(call)
        assert clock.elapsed_s - before == pytest.approx(120)
