"""People log in with an OpenID provider that others wrote; sessions are theirs alone and end."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from controller.domain.errors.process import SettingsInvalid
from tests.access.openid import (
    CLIENT_SECRET,
    Provider,
    browser,
    logged_in,
    provider_process,
    settings_of,
    to_callback,
)
from tests.access.served import PUBLIC_URL, Served, served
from tests.support.certificates import own_certificate

COOKIE = "__Host-penstock"
SUSPEND = "/organizations/uk-sales/suspend"
KEY = "a key that two replicas share, of more than 32 characters"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with provider_process() as running:
        yield running


@pytest.fixture(autouse=True)
def _secrets(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_OIDC_CLIENT_SECRET", CLIENT_SECRET)
    monkeypatch.setenv("PENSTOCK_SESSION_KEY", KEY)
    provider.says_next()


@pytest.fixture
def service(provider: Provider, tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, **settings_of(provider)) as made:
        yield made


async def name_of(client: httpx.AsyncClient) -> str | None:
    """Who the service takes the browser for; None where it sends it to the login."""
    answer = await client.get("/who")
    if answer.status_code == 303:
        return None
    name: str = answer.json()["name"]
    return name


async def acts(client: httpx.AsyncClient, path: str = SUSPEND) -> int:
    """The status of a write from the service's own page."""
    token = (await client.get("/who")).json()["csrf"]
    answer = await client.post(path, data={"csrf_token": token}, headers={"Origin": PUBLIC_URL})
    return answer.status_code


def content_of(client: httpx.AsyncClient) -> dict[str, Any]:
    """What the cookie says; it is signed and not encrypted."""
    found: dict[str, Any] = json.loads(base64.b64decode(client.cookies[COOKIE].split(".")[0]))
    return found


@pytest.mark.parametrize(
    ("account", "name", "here", "there"),
    [
        ("alice", "Alice Example", 200, 200),
        ("bob", "Bob Example", 403, 403),
        ("uma", "Uma Example", 200, 403),
    ],
)
async def test_groups_give_roles(service: Served, account: str, name: str, here: int, there: int) -> None:
    async with browser(service) as client:
        await logged_in(client, account)

        assert await name_of(client) == name
        assert await acts(client) == here
        assert await acts(client, "/organizations/us-sales/suspend") == there

    assert [person for _, person in service.suspended] == [name] * ((here, there).count(200))


@pytest.mark.parametrize("account", ["mallory", "nobody"])
async def test_a_person_without_a_known_group_gets_no_session(service: Served, account: str) -> None:
    async with browser(service) as client:
        answer = await logged_in(client, account)

        assert answer.status_code == 403
        assert "is in no group that has a role" in answer.text
        assert await name_of(client) is None
    [entry] = service.entries()
    assert (entry.status, entry.details["verb"], entry.details["code"]) == ("refused", "login", "forbidden")


async def test_a_login_is_in_the_audit_log_with_what_identifies_the_person(service: Served, provider: Provider) -> None:
    async with browser(service) as client:
        await logged_in(client, "alice")
        await acts(client)

    login, write = (entry for entry in service.entries() if entry.action == "request")
    assert (login.organization, login.actor, login.details["verb"]) == ("(service)", "Alice Example", "login")
    assert login.details["subject"] == write.details["subject"] == f"{provider.issuer}#alice"
    assert write.details["how"] == "oidc"


async def test_the_way_to_the_provider_has_state_nonce_and_pkce_and_no_secret(service: Served) -> None:
    async with browser(service) as client:
        first, second = await client.get("/login"), await client.get("/login")
    asked = [parse_qs(urlsplit(answer.headers["location"]).query) for answer in (first, second)]

    for each in asked:
        assert each["code_challenge_method"] == ["S256"]
        assert each["response_type"] == ["code"]
        assert each["redirect_uri"] == [f"{PUBLIC_URL}/login/callback"]
        assert CLIENT_SECRET not in str(each)
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]


async def test_the_cookie_is_of_this_host_over_tls_and_out_of_reach_for_scripts(service: Served) -> None:
    async with browser(service) as client:
        answer = await logged_in(client, "alice")

    cookie = SimpleCookie(answer.headers["set-cookie"])[COOKIE]
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"], cookie["path"]) == (True, True, "lax", "/")
    assert cookie["domain"] == ""
    assert answer.headers["strict-transport-security"]
    assert len(cookie.value) < 1000


@pytest.mark.parametrize("where", ["//evil.example", "https://evil.example/", "/\\evil.example", "x", "/a\r\nX: y", ""])
async def test_a_login_never_leads_to_another_site(service: Served, where: str) -> None:
    async with browser(service) as client:
        start = str(httpx.URL("/login", params={"next": where}))
        answer = await logged_in(client, "alice", start)

    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_a_page_without_a_session_leads_to_the_login_and_back(service: Served) -> None:
    async with browser(service) as client:
        refused = await client.get("/organizations/acme/flows?search=a b&limit=5")
        answer = await logged_in(client, "alice", refused.headers["location"])

    assert refused.status_code == 303
    assert answer.headers["location"] == "/organizations/acme/flows?search=a%20b&limit=5"


# --- What the provider says is not believed without proof ---


@pytest.mark.parametrize(
    "token",
    [
        {"said": {"nonce": "of another login"}},
        {"without": ["nonce"]},
        {"said": {"aud": "another-client"}},
        {"said": {"aud": "another-client", "azp": "penstock"}},
        {"said": {"aud": ["penstock", "another-client"]}},
        {"said": {"azp": "another-client"}},
        {"without": ["aud"]},
        {"said": {"iss": "https://another.example"}},
        {"without": ["iss"]},
        {"said": {"exp": 1_700_000_000}},
        {"without": ["exp"]},
        {"said": {"iat": 4_000_000_000}},
        {"said": {"nbf": 4_000_000_000}},
        {"without": ["sub"]},
        {"said": {"sub": ["alice"]}},
        {"said": {"groups": {"voice-ops": True}}},
        {"signed": "not"},
        {"signed": "by-a-stranger"},
        {"signed": "with-the-secret"},
        {"missing": True},
    ],
    ids=str,
)
async def test_a_token_that_proves_nothing_lets_nobody_in(
    service: Served, provider: Provider, token: dict[str, object]
) -> None:
    provider.says_next(token=token)
    async with browser(service) as client:
        answer = await logged_in(client, "alice")

        assert answer.status_code == 403, answer.headers
        assert "the login was refused" in answer.text or "no ID token" in answer.text or "claim" in answer.text
        assert await name_of(client) is None
    assert [entry.details["code"] for entry in service.entries()] == ["login-failed"]


async def test_a_token_that_was_only_signed_again_is_believed(service: Served, provider: Provider) -> None:
    provider.says_next(token={"said": {}})
    async with browser(service) as client:
        await logged_in(client, "alice")
        assert await name_of(client) == "Alice Example"


async def test_user_information_about_another_person_is_refused(service: Served, provider: Provider) -> None:
    provider.says_next(me={"sub": "bob"})
    async with browser(service) as client:
        answer = await logged_in(client, "alice")
        assert answer.status_code == 403
        assert await name_of(client) is None


@pytest.mark.parametrize("account", ["odd"])
async def test_a_name_that_cannot_be_shown_is_refused(service: Served, account: str) -> None:
    async with browser(service) as client:
        answer = await logged_in(client, account)

        assert answer.status_code == 403
        assert "x" not in client.cookies
        assert "x=y" not in str(answer.headers)


# --- One login, one browser ---


async def test_a_callback_counts_once(service: Served) -> None:
    async with browser(service) as client:
        where = await to_callback(client, "alice")
        assert (await client.get(where)).status_code == 303
        again = await client.get(where)

    assert again.status_code == 403
    assert "mismatching_state" in again.text


async def test_a_callback_with_the_cookie_of_before_is_refused_by_the_provider(service: Served) -> None:
    async with browser(service) as client, browser(service) as thief:
        where = await to_callback(client, "alice")
        thief.cookies.set(COOKIE, client.cookies[COOKIE], domain="penstock.example.com")
        assert (await client.get(where)).status_code == 303
        again = await thief.get(where)

        assert again.status_code == 403
        assert "invalid_grant" in again.text
        assert await name_of(thief) is None


async def test_a_callback_of_another_browser_is_refused(service: Served) -> None:
    async with browser(service) as attacker, browser(service) as victim:
        where = await to_callback(attacker, "bob")
        await victim.get("/login")
        answer = await victim.get(where)

        assert answer.status_code == 403
        assert await name_of(victim) is None


@pytest.mark.parametrize("change", ["state", "code", "iss", "error"])
async def test_a_changed_callback_is_refused(service: Served, change: str) -> None:
    async with browser(service) as client:
        where = httpx.URL(await to_callback(client, "alice"))
        answer = await client.get(where.copy_set_param(change, "https://evil.example/<script>"))

        assert answer.status_code == 403
        assert "evil.example" not in answer.text
        assert await name_of(client) is None


async def test_a_session_keeps_nothing_of_what_its_cookie_held_before(service: Served) -> None:
    async with browser(service) as client:
        where = await to_callback(client, "alice", "/login?next=/here")
        begun = content_of(client)
        await client.get(where)

    assert {name.partition("_penstock_")[0] for name in begun} == {"next", "_state"}
    assert content_of(client).keys() == {"person"}
    assert content_of(client)["person"].keys() == {"id", "name", "subject", "groups", "until"}


async def test_a_session_that_was_there_before_the_login_is_replaced(service: Served) -> None:
    async with browser(service) as attacker, browser(service) as victim:
        await logged_in(attacker, "bob")
        planted = attacker.cookies[COOKIE]
        of_before = (await attacker.get("/who")).json()["csrf"]
        victim.cookies.set(COOKIE, planted, domain="penstock.example.com")
        await logged_in(victim, "alice")

        assert await name_of(victim) == "Alice Example"
        assert await name_of(attacker) == "Bob Example"
        refused = await victim.post(SUSPEND, data={"csrf_token": of_before}, headers={"Origin": PUBLIC_URL})
        assert refused.status_code == 403
    assert service.suspended == []


# --- Sessions end, and are not made by hand ---


async def test_a_session_ends_after_its_time(service: Served) -> None:
    async with browser(service) as client:
        await logged_in(client, "alice")
        service.clock.advance(8 * 3600 - 1)
        assert await name_of(client) == "Alice Example"
        service.clock.advance(1)
        assert await name_of(client) is None


async def test_use_does_not_make_a_session_longer(service: Served) -> None:
    async with browser(service) as client:
        await logged_in(client, "alice")
        cookie = client.cookies[COOKIE]
        for _ in range(3):
            answer = await client.get("/who")
            assert "set-cookie" not in answer.headers

        assert client.cookies[COOKIE] == cookie


async def test_logging_out_ends_the_session_and_copies_of_its_cookie(service: Served) -> None:
    async with browser(service) as client, browser(service) as copy:
        await logged_in(client, "alice")
        copy.cookies.set(COOKIE, client.cookies[COOKIE], domain="penstock.example.com")
        assert (await client.post("/logout")).headers["location"] == "/logout"
        page = await client.get("/logout")

        assert COOKIE not in client.cookies
        assert page.status_code == 200
        assert await name_of(client) is None
        assert await name_of(copy) is None


async def asks_who_it_is(client: httpx.AsyncClient) -> bool:
    """Whether the provider asks for a login, instead of leading back at once."""
    answer = await client.get("/login")
    while not (where := answer.headers.get("location", "")).startswith(PUBLIC_URL):
        if not where:
            return 'name="login"' in answer.text
        answer = await client.get(httpx.URL(str(answer.url)).join(where))
    return False


async def test_a_logout_leads_on_to_the_provider_and_ends_its_session(service: Served, provider: Provider) -> None:
    async with browser(service) as client:
        await logged_in(client, "alice")
        assert not await asks_who_it_is(client)
        await logged_in(client, "alice", "/login?next=/who")
        await client.post("/logout")
        page = (await client.get("/logout")).text
        address = html.unescape(re.findall(r'http-equiv="refresh" content="\d+; url=([^"]+)"', page)[0])
        assert address == f"{provider.issuer}/session/end?client_id=penstock"
        assert f'<a href="{html.escape(address)}">' in page
        assert "refresh" not in (await client.get("/logout")).text, "once"

        asked = (await client.get(address)).text
        [action], [token] = re.findall(r'action="([^"]+)"', asked), re.findall(r'name="xsrf" value="([^"]+)"', asked)
        await client.post(action, data={"xsrf": token, "logout": "yes"})
        assert await asks_who_it_is(client)


async def test_a_logout_at_a_provider_that_is_away_ends_the_session_all_the_same(
    service: Served, tmp_path: Path, provider: Provider
) -> None:
    (tmp_path / "away").mkdir()
    with served(tmp_path / "away", **settings_of(provider, oidc_issuer="http://127.0.0.1:9")) as away:
        async with browser(service) as client, browser(away) as there:
            await logged_in(client, "alice")
            there.cookies.set(COOKIE, client.cookies[COOKIE], domain="penstock.example.com")
            await there.post("/logout")
            page = await there.get("/logout")

            assert (page.status_code, "refresh" in page.text) == (200, False)
            assert "may go on" in page.text
            assert await name_of(there) is None


async def test_a_link_does_not_log_anybody_out(service: Served) -> None:
    async with browser(service) as client:
        await logged_in(client, "alice")
        await client.get("/logout")
        assert await name_of(client) == "Alice Example"


@pytest.mark.parametrize("at", [0, 5, 40, -40, -5, -2])
async def test_a_tampered_cookie_is_no_session(service: Served, at: int) -> None:
    async with browser(service) as client:
        await logged_in(client, "alice")
        cookie = list(client.cookies[COOKIE])
        cookie[at] = "A" if cookie[at] != "A" else "B"
        client.cookies.set(COOKIE, "".join(cookie), domain="penstock.example.com")

        assert await name_of(client) is None


async def test_replicas_with_one_key_share_sessions_and_others_do_not(
    service: Served, provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "second").mkdir()
    (tmp_path / "third").mkdir()
    with served(tmp_path / "second", **settings_of(provider)) as second:
        monkeypatch.setenv("PENSTOCK_SESSION_KEY", KEY.upper())
        with served(tmp_path / "third", **settings_of(provider)) as third:
            async with browser(service) as client, browser(second) as there, browser(third) as elsewhere:
                await logged_in(client, "alice")
                for each in (there, elsewhere):
                    each.cookies.set(COOKIE, client.cookies[COOKIE], domain="penstock.example.com")

                assert await name_of(there) == "Alice Example"
                assert await acts(there) == 200
                assert await name_of(elsewhere) is None


async def test_a_change_of_the_settings_counts_for_sessions_that_are_there(
    service: Served, provider: Provider, tmp_path: Path
) -> None:
    (tmp_path / "later").mkdir()
    with served(tmp_path / "later", **settings_of(provider, oidc_operators=())) as later:
        async with browser(service) as client, browser(later) as after:
            await logged_in(client, "alice")
            after.cookies.set(COOKIE, client.cookies[COOKIE], domain="penstock.example.com")

            assert await name_of(after) == "Alice Example"
            assert await acts(after) == 403


# --- The provider and the settings ---


async def test_a_provider_that_is_away_is_no_fault_of_the_person(tmp_path: Path, provider: Provider) -> None:
    away = settings_of(provider, oidc_issuer="http://127.0.0.1:9")
    with served(tmp_path, **away) as service:
        async with browser(service) as client:
            answer = await client.get("/login")

    assert answer.status_code == 502
    assert "did not answer" in answer.text


async def test_a_provider_over_tls_is_believed_with_a_certificate_that_the_operator_names(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    authority = own_certificate(tmp_path)
    with provider_process(authority) as provider:
        assert provider.issuer.startswith("https://")
        with served(tmp_path, **settings_of(provider, oidc_ca_file=authority)) as service:
            async with browser(service, authority) as client:
                await logged_in(client, "alice")
                assert await name_of(client) == "Alice Example"
        with served(tmp_path_factory.mktemp("unnamed"), **settings_of(provider)) as service:
            async with browser(service, authority) as client:
                answer = await client.get("/login")

    assert answer.status_code == 502
    assert "certificate" in answer.text


async def test_nothing_secret_of_a_login_is_shown(service: Served, capsys: pytest.CaptureFixture[str]) -> None:
    async with browser(service) as client:
        where = await to_callback(client, "alice")
        await client.get(where)
        cookie = client.cookies[COOKIE]
        page = await client.get("/who")
        refused = await client.get(where)
    shown = capsys.readouterr()
    seen = f"{shown.out} {shown.err} {service.entries()} {page.text} {refused.text}"

    assert "login.refused" in seen
    for secret in (CLIENT_SECRET, KEY, cookie, httpx.URL(where).params["code"], httpx.URL(where).params["state"]):
        assert secret not in seen


async def test_a_provider_of_another_name_is_refused_and_asked_again(tmp_path: Path, provider: Provider) -> None:
    with served(tmp_path, **settings_of(provider, oidc_issuer=f"{provider.issuer}/")) as service:
        async with browser(service) as client:
            answers = [await client.get("/login") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [502, 502]
    assert f"its issuer is {provider.issuer}, not {provider.issuer}/" in answers[0].text


async def test_logins_that_begin_are_limited_by_address(service: Served) -> None:
    async with browser(service) as client:
        statuses = [(await client.get("/login")).status_code for _ in range(22)]
        service.clock.advance(60)
        later = await client.get("/login")

    assert statuses == [302] * 20 + [429] * 2
    assert later.status_code == 302


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"public_url": None}, "set PENSTOCK_PUBLIC_URL"),
        ({"public_url": "http://penstock.example.com"}, "PENSTOCK_PUBLIC_URL must begin with https://"),
        ({"oidc_issuer": "http://login.example.com"}, "PENSTOCK_OIDC_ISSUER must begin with https://"),
        ({"oidc_issuer": None}, "a login needs"),
        ({"oidc_client_id": None}, "a login needs"),
        ({"oidc_readers": (), "oidc_operators": ()}, "nobody would have a role"),
        ({"oidc_ca_file": Path("/etc/hostname")}, "has no certificates"),
        ({"oidc_ca_file": Path("/nowhere.pem")}, "No such file"),
    ],
)
def test_settings_that_contradict_each_other_end_the_start(
    tmp_path: Path, provider: Provider, changed: dict[str, object], said: str
) -> None:
    with pytest.raises(SettingsInvalid) as caught, served(tmp_path, **settings_of(provider, **changed)):
        pass

    assert said in f"{caught.value.message}; {caught.value.hint}"


def test_a_session_key_that_can_be_guessed_is_refused(
    tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_SESSION_KEY", "short")

    with pytest.raises(SettingsInvalid, match="has 5 characters"), served(tmp_path, **settings_of(provider)):
        pass
