"""A page of another site makes no browser change anything, and reads nothing through a name that leads to loopback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.access.served import OPERATOR, PUBLIC_URL, READER, Served, served

SUSPEND = "/organizations/uk-sales/suspend"
PROXY = "10.1.2.3"
OWN = {"Origin": PUBLIC_URL}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Served]:
    """Behind a proxy that has logged people in: a browser proves itself without knowing it."""
    with served(tmp_path, **behind_a_proxy()) as made:
        yield made


def behind_a_proxy(**more: Any) -> dict[str, Any]:
    return {
        "proxy_addresses": (PROXY,),
        "proxy_user_header": "X-Forwarded-User",
        "proxy_operators": ("alice", "bob"),
        **more,
    }


def as_person(service: Served, name: str = "alice") -> httpx.AsyncClient:
    return service.client(address=PROXY, headers={"X-Forwarded-User": name})


async def token_of(client: httpx.AsyncClient) -> str:
    token: str = (await client.get("/who")).json()["csrf"]
    return token


async def test_a_form_of_the_services_own_page_changes_something(service: Served) -> None:
    async with as_person(service) as client:
        form = {"csrf_token": await token_of(client)}
        assert (await client.post(SUSPEND, data=form, headers=OWN)).status_code == 200
        assert (await client.post(SUSPEND, files={"x": b""}, data=form, headers=OWN)).status_code == 403

    assert service.suspended == [("uk-sales", "alice")]


async def test_a_script_of_the_services_own_page_sends_the_token_in_a_header(service: Served) -> None:
    async with as_person(service) as client:
        headers = {**OWN, "X-CSRF-Token": await token_of(client)}
        assert (await client.post(SUSPEND, json={}, headers=headers)).status_code == 200


@pytest.mark.parametrize("given", [{}, {"csrf_token": ""}, {"csrf_token": "0" * 64}, {"csrf_token": "\xff"}])
async def test_a_missing_or_wrong_token_is_refused(service: Served, given: Mapping[str, str]) -> None:
    async with as_person(service) as client:
        answer = await client.post(SUSPEND, data=given, headers=OWN)
        in_the_url = await client.post(f"{SUSPEND}?csrf_token={await token_of(client)}", headers=OWN)

    assert (answer.status_code, answer.json()["code"]) == (403, "request-forged")
    assert in_the_url.status_code == 403
    assert service.suspended == []


async def test_the_token_of_another_person_is_refused(service: Served) -> None:
    async with as_person(service) as alice, as_person(service, "bob") as bob:
        form = {"csrf_token": await token_of(bob)}
        assert (await alice.post(SUSPEND, data=form, headers=OWN)).status_code == 403
        assert (await bob.post(SUSPEND, data=form, headers=OWN)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://penstock.example.com"},
        {"Origin": "https://penstock.example.com:8443"},
        {"Origin": "https://penstock.example.com.evil.example"},
        {"Origin": "https://evil.example@penstock.example.com"},
        {"Origin": "http://127.0.0.1:8081"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
async def test_a_request_of_another_site_is_refused_even_with_the_right_token(
    service: Served, headers: Mapping[str, str]
) -> None:
    async with as_person(service) as client:
        form = {"csrf_token": await token_of(client)}
        assert (await client.post(SUSPEND, data=form, headers=headers)).status_code == 403
    async with service.client(OPERATOR) as program:
        assert (await program.post(SUSPEND, headers=headers)).status_code == 403

    assert service.suspended == []
    assert {entry.details["code"] for entry in service.entries()} == {"request-forged"}


async def test_two_origins_are_refused(service: Served) -> None:
    async with as_person(service) as client:
        pairs = [("Origin", PUBLIC_URL), ("Origin", "https://evil.example"), ("X-CSRF-Token", await token_of(client))]
        assert (await client.post(SUSPEND, headers=[*client.headers.items(), *pairs])).status_code == 403


async def test_a_bearer_token_needs_no_token_of_a_form(service: Served) -> None:
    async with service.client(OPERATOR) as program:
        assert (await program.post(SUSPEND)).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8081", "127.0.0.1.evil.example", "", "a b", "[::1"])
async def test_a_name_that_was_made_to_lead_to_loopback_reads_nothing(tmp_path: Path, host: str) -> None:
    with served(tmp_path, http_address="127.0.0.1:8081") as service:
        async with service.client(address="127.0.0.1", base_url="http://127.0.0.1:8081") as client:
            assert (await client.get("/status")).status_code == 200
            answer = await client.get("/status", headers={"Host": host})
            with_token = await client.get("/status", headers={"Host": host, "Authorization": f"Bearer {READER}"})

    assert (answer.status_code, answer.json()["code"]) == (403, "request-forged")
    assert with_token.status_code == 200


@pytest.mark.parametrize("host", ["localhost:8081", "127.0.0.1:1", "[::1]:8081", "LOCALHOST", "penstock.example.com"])
async def test_loopback_and_the_public_host_are_known(tmp_path: Path, host: str) -> None:
    with served(tmp_path, http_address="[::1]:8081") as service:
        async with service.client(address="::1") as client:
            assert (await client.get("/status", headers={"Host": host})).status_code == 200


async def test_a_page_cannot_pose_as_a_proxy_on_loopback(tmp_path: Path) -> None:
    with served(tmp_path, **behind_a_proxy(proxy_addresses=("127.0.0.0/8",))) as service:
        headers = {"X-Forwarded-User": "alice"}
        async with service.client(address="127.0.0.1", headers=headers, base_url="http://evil.example") as page:
            assert (await page.get("/status")).status_code == 403
        async with service.client(address="127.0.0.1", headers=headers) as proxy:
            assert (await proxy.get("/status")).status_code == 200


async def test_loopback_without_a_public_address_takes_its_own_pages_only(tmp_path: Path) -> None:
    with served(tmp_path, http_address="127.0.0.1:8081", public_url=None) as service:
        base = "http://localhost:8081"
        async with service.client(OPERATOR, "127.0.0.1", base_url=base) as client:
            assert (await client.post(SUSPEND, headers={"Origin": base})).status_code == 200
            assert (await client.post(SUSPEND, headers={"Origin": "http://localhost:9999"})).status_code == 403


async def test_nothing_is_changed_on_loopback_without_a_role(tmp_path: Path) -> None:
    with served(tmp_path, http_address="127.0.0.1:8081", read_access="open") as service:
        async with service.client(address="127.0.0.1", base_url="http://127.0.0.1:8081") as client:
            assert (await client.get("/status")).status_code == 200
            assert (await client.post(SUSPEND)).status_code == 401

    assert service.suspended == []


async def test_answers_make_browsers_careful(service: Served) -> None:
    async with service.client() as client:
        for path in ("/status", "/healthz", "/nowhere"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            assert headers["cache-control"] == "no-store"
            assert headers["strict-transport-security"] == "max-age=31536000"


async def test_a_service_without_tls_asks_no_browser_for_it(tmp_path: Path) -> None:
    with served(tmp_path, public_url="http://localhost:8081") as service:
        async with service.client() as client:
            assert "strict-transport-security" not in (await client.get("/healthz")).headers


async def test_a_body_that_is_too_long_is_not_read(service: Served) -> None:
    async def parts() -> Any:
        for _ in range(20):
            yield b"x" * 100_000

    async with as_person(service) as client:
        headers = {**OWN, "Content-Type": "application/x-www-form-urlencoded"}
        announced = await client.post(SUSPEND, content=b"x" * 1_100_000, headers=headers)
        in_parts = await client.post(SUSPEND, content=parts(), headers=headers)

    assert (announced.status_code, in_parts.status_code) == (413, 413)
