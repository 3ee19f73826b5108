"""A person logs in with a token once; the session that takes its place is worth no more than the token."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from controller.service.access.tokens import hash_of
from tests.access.served import OPERATOR, PUBLIC_URL, READER, UK, Served, served
from tests.access.test_login import COOKIE, SUSPEND, acts, name_of

FORM = "/login/token"
WRONG = "penstock_wrong-token-of-the-tests-0000000000000"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as made:
        yield made


def browser(service: Served, address: str = "203.0.113.9") -> httpx.AsyncClient:
    return service.client(address=address, headers={"Accept": "text/html"})


async def shown(client: httpx.AsyncClient, address: str = FORM) -> dict[str, str]:
    """The hidden fields of the form."""
    page = (await client.get(address)).text
    fields = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in fields}


async def enter(client: httpx.AsyncClient, token: str, address: str = FORM, **more: str) -> httpx.Response:
    form = {**await shown(client, address), "token": token, **more}
    return await client.post(FORM, data=form, headers={"Origin": PUBLIC_URL})


def content_of(client: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(client.cookies[COOKIE].split(".")[0]))
    return found


def rewrite(service: Served, tmp_path: Path, *entries: dict[str, object]) -> None:
    """The operator changes the file."""
    (tmp_path / "tokens.yaml").write_text(yaml.safe_dump({"tokens": list(entries)}), encoding="utf-8")


@pytest.mark.parametrize(
    ("token", "name", "here", "there"),
    [(OPERATOR, "operator", 200, 200), (READER, "reader", 403, 403), (UK, "uk", 200, 403)],
)
async def test_a_token_gives_a_session_its_own_roles(
    service: Served, token: str, name: str, here: int, there: int
) -> None:
    async with browser(service) as client:
        answer = await enter(client, token)

        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert await name_of(client) == name
        assert await acts(client) == here
        assert await acts(client, "/organizations/us-sales/suspend") == there


async def test_a_page_without_a_session_leads_to_the_form_and_back(service: Served) -> None:
    async with browser(service) as client:
        refused = await client.get("/organizations/acme/flows?search=a b&limit=5")
        led = await client.get(refused.headers["location"])
        answer = await enter(client, READER, led.headers["location"])

    assert (refused.status_code, led.status_code, answer.status_code) == (303, 303, 303)
    assert answer.headers["location"] == "/organizations/acme/flows?search=a%20b&limit=5"


@pytest.mark.parametrize("where", ["//evil.example", "https://evil.example/", "/\\evil.example", "x"])
async def test_a_login_never_leads_to_another_site(service: Served, where: str) -> None:
    async with browser(service) as client:
        assert (await enter(client, READER, next=where)).headers["location"] == "/"


async def test_the_token_is_nowhere_afterwards(service: Served, capsys: pytest.CaptureFixture[str]) -> None:
    async with browser(service) as client:
        answer = await enter(client, OPERATOR)
        cookie = content_of(client)
        page = await client.get("/who")
        refused = await enter(client, WRONG)
    seen = f"{capsys.readouterr()} {answer.headers} {answer.text} {cookie} {page.text} {service.entries()}"

    for secret in (OPERATOR, hash_of(OPERATOR), hash_of(OPERATOR).partition(":")[2]):
        assert secret not in seen
    assert WRONG not in f"{refused.text} {refused.headers} {service.entries()}"
    assert cookie.keys() == {"person"}
    assert refused.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("ends", ["withdrawn", "replaced", "expired", "broken"])
async def test_a_session_ends_with_its_token(service: Served, tmp_path: Path, ends: str) -> None:
    later = {"name": "operator", "hash": hash_of(OPERATOR), "role": "operate", "expires": "2026-01-05T13:00:00Z"}
    rewrite(service, tmp_path, later)
    async with browser(service) as client:
        await enter(client, OPERATOR)
        assert await name_of(client) == "operator"
        token = (await client.get("/who")).json()["csrf"]
        match ends:
            case "withdrawn":
                rewrite(service, tmp_path)
            case "replaced":
                rewrite(service, tmp_path, {**later, "hash": hash_of(WRONG)})
            case "expired":
                service.clock.advance(3600)
            case "broken":
                (tmp_path / "tokens.yaml").write_text("tokens: 5\n", encoding="utf-8")
        assert await name_of(client) is None
        refused = await client.post(SUSPEND, data={"csrf_token": token}, headers={"Origin": PUBLIC_URL})
        assert refused.status_code in (401, 403)
    assert service.suspended == []


async def test_a_role_that_is_taken_from_the_token_is_taken_from_its_sessions(service: Served, tmp_path: Path) -> None:
    async with browser(service) as client:
        await enter(client, OPERATOR)
        rewrite(service, tmp_path, {"name": "operator", "hash": hash_of(OPERATOR), "role": "read"})
        assert await name_of(client) == "operator"
        assert await acts(client) == 403


async def test_a_session_ends_after_its_time_and_with_a_logout(service: Served) -> None:
    async with browser(service) as client, browser(service) as copy:
        await enter(client, READER)
        copy.cookies.set(COOKIE, client.cookies[COOKIE], domain="penstock.example.com")
        assert (await client.post("/logout")).headers["location"] == "/logout"
        page = await client.get("/logout")
        assert (page.status_code, "provider" in page.text) == (200, False)
        assert COOKIE not in client.cookies
        assert (await name_of(client), await name_of(copy)) == (None, None)
        await enter(client, READER)
        service.clock.advance(8 * 3600 - 1)
        assert await name_of(client) == "reader"
        service.clock.advance(1)
        assert await name_of(client) is None


async def test_wrong_tokens_are_limited_like_those_of_programs_and_audited(service: Served) -> None:
    async with browser(service) as client, browser(service, "203.0.113.77") as other:
        statuses = [(await enter(client, WRONG)).status_code for _ in range(12)]
        right = await enter(client, OPERATOR)
        bearer = await client.get("/who", headers={"Authorization": f"Bearer {OPERATOR}", "Accept": "*/*"})
        elsewhere = await enter(other, OPERATOR)
        service.clock.advance(60)
        later = await enter(client, OPERATOR)

    assert statuses == [403] * 10 + [429] * 2
    assert (right.status_code, bearer.status_code) == (429, 429)
    assert (elsewhere.status_code, later.status_code) == (303, 303)
    told = [(entry.status, entry.actor, entry.details["verb"]) for entry in service.entries()]
    assert told == [("refused", "unknown", "login")] * 10 + [("success", "operator", "login")] * 2
    assert {entry.details.get("how") for entry in service.entries()} == {None, "token-login"}


@pytest.mark.parametrize("change", ["no cookie", "no field", "other field", "origin"])
async def test_a_form_of_another_site_logs_nobody_in(service: Served, change: str) -> None:
    async with browser(service) as client, browser(service) as other:
        form = {**await shown(client), "token": OPERATOR}
        foreign = await shown(other)
        origin = PUBLIC_URL
        match change:
            case "no cookie":
                client.cookies.clear()
            case "no field":
                del form["csrf_token"]
            case "other field":
                form["csrf_token"] = foreign["csrf_token"]
            case "origin":
                origin = "https://evil.example"
        answer = await client.post(FORM, data=form, headers={"Origin": origin})

        assert answer.status_code == 403
        assert await name_of(client) is None
    assert [entry.details["code"] for entry in service.entries()] == ["request-forged"]


async def test_a_session_that_was_there_before_is_replaced(service: Served) -> None:
    async with browser(service) as attacker, browser(service) as victim:
        await enter(attacker, READER)
        planted = attacker.cookies[COOKIE]
        victim.cookies.set(COOKIE, planted, domain="penstock.example.com")
        await enter(victim, OPERATOR)

        assert await name_of(victim) == "operator"
        assert content_of(victim)["person"]["id"] != content_of(attacker)["person"]["id"]


@pytest.mark.parametrize("at", [0, 5, 40, -40, -5, -2])
async def test_a_tampered_cookie_is_no_session(service: Served, at: int) -> None:
    async with browser(service) as client:
        await enter(client, OPERATOR)
        cookie = list(client.cookies[COOKIE])
        cookie[at] = "A" if cookie[at] != "A" else "B"
        client.cookies.set(COOKIE, "".join(cookie), domain="penstock.example.com")

        assert await name_of(client) is None


async def test_without_a_file_of_tokens_nobody_can_log_in(tmp_path: Path) -> None:
    with served(tmp_path, tokens_file=None) as service:
        async with browser(service) as client:
            assert (await client.get("/who")).status_code == 401
            assert (await client.get(FORM)).status_code == 404
            assert "/login" not in (await client.get("/who")).text
