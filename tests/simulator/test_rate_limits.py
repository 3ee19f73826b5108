"""The request limit of a token, and the headers that tell about it."""

from __future__ import annotations

import httpx

from controller.simulator.simulator import Simulator
from tests.simulator.conftest import token
from tests.support.clock import SteppedClock


async def test_every_answer_tells_how_the_token_stands(api: httpx.AsyncClient, clock: SteppedClock) -> None:
    await api.get("/api/v2/flows")
    clock.advance(20)
    for path in ("/api/v2/flows", "/api/v2/flows/nowhere"):
        answer = await api.get(path)
        assert answer.headers["inin-ratelimit-allowed"] == "300"
        assert answer.headers["inin-ratelimit-reset"] == "40"
    assert answer.headers["inin-ratelimit-count"] == "3"


async def test_one_request_too_many_gets_429_until_the_minute_is_over(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    simulator.limit.per_minute = 3
    statuses = [(await api.get("/api/v2/organizations/me")).status_code for _ in range(3)]
    clock.advance(18)
    refused = await api.get("/api/v2/organizations/me")
    assert statuses == [200, 200, 200]
    assert (refused.status_code, refused.json()["code"]) == (429, "too.many.requests.retry.after")
    assert refused.headers["Retry-After"] == "42"
    assert "[42] seconds" in refused.json()["message"]
    assert refused.json()["messageWithParams"].endswith("[{retryAfter}] seconds")
    clock.advance(42)
    assert (await api.get("/api/v2/organizations/me")).status_code == 200


async def test_each_token_has_its_own_limit(api: httpx.AsyncClient, simulator: Simulator) -> None:
    simulator.limit.per_minute = 1
    await api.get("/api/v2/organizations/me")
    other = {"Authorization": f"Bearer {await token(api)}"}
    assert (await api.get("/api/v2/organizations/me")).status_code == 429
    assert (await api.get("/api/v2/organizations/me", headers=other)).status_code == 200
