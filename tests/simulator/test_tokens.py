"""Tokens: who gets one, how long it is good for, and what answers without one look like."""

from __future__ import annotations

import httpx
import pytest

from controller.simulator.app import create_app
from controller.simulator.settings import SimulatedClient, SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.simulator.conftest import BASE_URL, token
from tests.support.clock import SteppedClock

FORM = {"grant_type": "client_credentials"}


async def test_credentials_may_come_as_basic_or_as_form_fields(anonymous: httpx.AsyncClient) -> None:
    basic = await anonymous.post("/oauth/token", data=FORM, auth=("penstock", "penstock-secret"))
    fields = {**FORM, "client_id": "penstock", "client_secret": "penstock-secret"}
    form = await anonymous.post("/oauth/token", data=fields)
    for answer in (basic, form):
        assert answer.status_code == 200
        assert answer.json()["token_type"] == "bearer"
        assert answer.json()["expires_in"] == 86_400


@pytest.mark.parametrize(
    ("auth", "form", "status", "error"),
    [
        (("nobody", "x"), FORM, 400, "invalid_client"),
        (("penstock", "wrong"), FORM, 401, "invalid_client"),
        (("penstock", "penstock-secret"), {"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
async def test_a_refused_token_request_names_its_error(
    anonymous: httpx.AsyncClient, auth: tuple[str, str], form: dict[str, str], status: int, error: str
) -> None:
    answer = await anonymous.post("/oauth/token", data=form, auth=auth)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["description"]


async def test_a_json_token_request_is_refused(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.post("/oauth/token", json=FORM, auth=("penstock", "penstock-secret"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_calls_without_a_good_token_get_401_with_an_error_body(anonymous: httpx.AsyncClient) -> None:
    for header, code in (({}, "authentication.required"), ({"Authorization": "Bearer nonsense"}, "bad.credentials")):
        answer = await anonymous.get("/api/v2/flows", headers=header)
        body = answer.json()
        assert (answer.status_code, body["code"], body["status"]) == (401, code, 401)
        assert body["contextId"] == answer.headers["ININ-Correlation-Id"]


async def test_a_token_expires_when_it_said_it_would(api: httpx.AsyncClient, clock: SteppedClock) -> None:
    clock.advance(86_399)
    assert (await api.get("/api/v2/organizations/me")).status_code == 200
    clock.advance(1)
    answer = await api.get("/api/v2/organizations/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "credentials.expired")


async def test_too_many_token_requests_get_400_as_genesys_does_it(anonymous: httpx.AsyncClient) -> None:
    answers = [await anonymous.post("/oauth/token", data=FORM, auth=("penstock", "penstock-secret")) for _ in range(61)]
    assert [answer.status_code for answer in answers] == [200] * 60 + [400]
    assert "rate limit exceeded" in answers[-1].json()["description"]
    body = answers[-1].json()
    # As Genesys' Go SDK puts it together, and as its Terraform provider looks for it before it waits.
    told = f"Auth Error: {answers[-1].status_code} - {body['error']} ({body['error_description']})"
    assert "Auth Error: 400 - invalid_request (rate limit exceeded;" in told


async def test_a_client_without_a_permission_is_told_which(clock: SteppedClock) -> None:
    reader = SimulatedClient("reader", "s3cret", permissions=frozenset({"architect:flow:view"}))
    simulator = Simulator(clock, SimulatorSettings(clients=(reader,)))
    transport = httpx.ASGITransport(app=create_app(simulator))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as api:
        api.headers["Authorization"] = f"Bearer {await token(api, 'reader', 's3cret')}"
        assert (await api.get("/api/v2/flows")).status_code == 200
        job = await api.post("/api/v2/flows/jobs")
        assert (job.status_code, job.json()["code"]) == (403, "missing.permissions")
        assert job.json()["messageParams"] == {"permissions": "architect:job:create"}
        assert "architect:job:create" in job.json()["message"]
        publish = await api.post("/api/v2/flows/actions/publish?flow=x")
        assert (publish.status_code, publish.json()["code"]) == (403, "missing.any.permissions")
        assert "[architect:flow:publish, architect:flow:unlock]" in publish.json()["message"]


async def test_the_secret_of_a_client_is_never_shown(anonymous: httpx.AsyncClient) -> None:
    added = {"id": "second", "secret": "very-secret", "permissions": ["architect:flow:*"]}
    answer = await anonymous.post("/_simulator/clients", json=added)
    assert answer.status_code == 200
    assert "secret" not in answer.text
    assert await token(anonymous, "second", "very-secret")


async def test_a_revoked_token_is_unknown(api: httpx.AsyncClient) -> None:
    assert (await api.head("/api/v2/tokens/me")).status_code == 200
    assert (await api.delete("/api/v2/tokens/me")).status_code == 204
    assert (await api.get("/api/v2/organizations/me")).status_code == 401
