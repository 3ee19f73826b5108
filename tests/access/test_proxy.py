"""A proxy that has logged people in is believed from its own addresses, and from no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from controller.domain.errors.process import SettingsInvalid
from controller.reconcile.settings import load_settings
from controller.service.access.person import Membership
from controller.service.access.proxy import TrustedProxy
from tests.access.served import CLIENT, OPERATOR, Served, served

PROXY = "10.1.2.3"
SUSPEND = "/organizations/uk-sales/suspend"


def behind_a_proxy(**more: Any) -> dict[str, Any]:
    return {
        "proxy_addresses": (PROXY, "2001:db8:1::/48"),
        "proxy_user_header": "X-Forwarded-User",
        "proxy_groups_header": "X-Forwarded-Groups",
        "proxy_readers": ("staff",),
        "proxy_operators": ("voice-ops", "uk-ops=uk-*"),
        **more,
    }


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, **behind_a_proxy()) as made:
        yield made


def through(service: Served, groups: str | None, address: str = PROXY, name: str = "alice") -> httpx.AsyncClient:
    headers = {"X-Forwarded-User": name} | ({} if groups is None else {"X-Forwarded-Groups": groups})
    return service.client(address=address, headers=headers)


async def acts(client: httpx.AsyncClient, organization: str) -> int:
    token = (await client.get("/who")).json().get("csrf", "")
    headers = {"X-CSRF-Token": token}
    return (await client.post(f"/organizations/{organization}/suspend", headers=headers)).status_code


@pytest.mark.parametrize(
    ("groups", "reads", "here", "there"),
    [
        ("staff", 200, 403, 403),
        ("visitors, staff", 200, 403, 403),
        ("staff,voice-ops", 200, 200, 200),
        ("uk-ops", 200, 200, 403),
        ("visitors", 403, 403, 403),
        ("", 403, 403, 403),
        (None, 403, 403, 403),
        ("uk-ops=uk-*", 403, 403, 403),
        ("*", 403, 403, 403),
        ("VOICE-OPS", 403, 403, 403),
    ],
)
async def test_the_proxys_groups_give_roles(
    service: Served, groups: str | None, reads: int, here: int, there: int
) -> None:
    async with through(service, groups) as client:
        assert (await client.get("/status")).status_code == reads
        assert await acts(client, "uk-sales") == here
        assert await acts(client, "us-sales") == there


async def test_without_a_groups_header_people_are_named_themselves(tmp_path: Path) -> None:
    named = behind_a_proxy(proxy_groups_header=None, proxy_readers=("*",), proxy_operators=("alice",))
    with served(tmp_path, **named) as service:
        async with through(service, "voice-ops", name="bob") as bob, through(service, None) as alice:
            assert (await bob.get("/status")).status_code == 200
            assert await acts(bob, "uk-sales") == 403
            assert await acts(alice, "uk-sales") == 200

    assert service.suspended == [("uk-sales", "alice")]


@pytest.mark.parametrize("address", [CLIENT, "10.1.2.4", "2001:db8:2::1", "127.0.0.1", "::1", ""])
async def test_headers_from_another_address_are_removed(service: Served, address: str) -> None:
    headers = {"X-Forwarded-User": "alice", "x-forwarded-groups": "voice-ops", "Authorization": f"Bearer {OPERATOR}"}
    async with through(service, "voice-ops", address) as client:
        assert (await client.get("/status")).status_code == 401
        assert (await client.post(SUSPEND)).status_code == 401
    async with service.client(address=address, headers=headers) as client:
        shown = await client.get("/headers")

    assert "x-forwarded-user" not in shown.json()
    assert "x-forwarded-groups" not in shown.json()
    assert "authorization" in shown.json()


def test_a_proxy_that_is_not_trusted_names_nobody_even_where_its_headers_are_left() -> None:
    proxy = TrustedProxy([ip_network(PROXY)], "X-Forwarded-User", None, Membership((), ("alice",)))
    headers = [(b"x-forwarded-user", b"alice")]
    asked = [Request({"type": "http", "headers": headers, "client": (each, 1)}) for each in (PROXY, CLIENT)]

    assert [proxy.person(request) is None for request in asked] == [False, True]


@pytest.mark.parametrize("address", [PROXY, "2001:db8:1::5", f"::ffff:{PROXY}"])
async def test_the_headers_reach_routes_from_the_proxys_address(service: Served, address: str) -> None:
    async with through(service, "staff", address) as client:
        assert "x-forwarded-user" in (await client.get("/headers")).json()


@pytest.mark.parametrize(
    "pairs",
    [
        [("X-Forwarded-User", "alice"), ("X-Forwarded-User", "bob")],
        [("X-Forwarded-User", "")],
        [("X-Forwarded-User", "a" * 300)],
        [("X-Forwarded-User", "al\x1b[31mice")],
    ],
    ids=str,
)
async def test_a_header_that_is_not_one_name_is_refused(service: Served, pairs: list[tuple[str, str]]) -> None:
    async with service.client(address=PROXY) as client:
        answer = await client.get("/status", headers=[*pairs, ("X-Forwarded-Groups", "staff")])

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted"),
    [
        (PROXY, "198.51.100.7", "198.51.100.7"),
        (PROXY, "1.1.1.1, 198.51.100.7", "198.51.100.7"),
        (PROXY, f"198.51.100.7, {PROXY}", "198.51.100.7"),
        (CLIENT, "198.51.100.7", CLIENT),
        (PROXY, None, PROXY),
    ],
)
async def test_the_address_behind_the_proxy_is_the_one_that_counts(
    service: Served, peer: str, forwarded: str | None, counted: str
) -> None:
    headers: Mapping[str, str] = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    async with service.client(OPERATOR, peer, headers=headers) as client:
        assert (await client.post(SUSPEND)).status_code == 200

    [entry] = [entry for entry in service.entries() if entry.action == "request"]
    assert entry.details["address"] == counted


async def test_one_address_behind_the_proxy_does_not_lock_out_another(service: Served) -> None:
    async with service.client("penstock_guess", PROXY, headers={"X-Forwarded-For": "198.51.100.7"}) as guessing:
        statuses = [(await guessing.get("/status")).status_code for _ in range(11)]
    async with service.client(OPERATOR, PROXY, headers={"X-Forwarded-For": "198.51.100.8"}) as other:
        assert (await other.get("/status")).status_code == 200

    assert statuses[-1] == 429


async def test_a_proxy_in_front_of_loopback_opens_nothing(tmp_path: Path) -> None:
    with served(tmp_path, http_address="127.0.0.1:8081") as service:
        async with service.client(address="127.0.0.1", base_url="http://127.0.0.1:8081") as client:
            assert (await client.get("/status")).status_code == 200
            for name in ("X-Forwarded-For", "Forwarded", "X-Forwarded-Host", "X-Real-IP"):
                assert (await client.get("/status", headers={name: "198.51.100.7"})).status_code == 401


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"public_url": None}, "set PENSTOCK_PUBLIC_URL"),
        ({"proxy_addresses": ()}, "set PENSTOCK_PROXY_ADDRESSES"),
        ({"proxy_readers": (), "proxy_operators": ()}, "nobody would have a role"),
        ({"proxy_user_header": None}, "needs PENSTOCK_PROXY_USER_HEADER"),
    ],
)
def test_settings_that_leave_the_header_open_end_the_start(
    tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    with pytest.raises(SettingsInvalid) as caught, served(tmp_path, **behind_a_proxy(**changed)):
        pass

    assert said in f"{caught.value.message}; {caught.value.hint}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROXY_ADDRESSES", "10.0.0.0/33"),
        ("PROXY_ADDRESSES", "proxy.example.com"),
        ("PROXY_USER_HEADER", "Authorization"),
        ("PROXY_USER_HEADER", "X Forwarded User"),
        ("PROXY_GROUPS_HEADER", "cookie"),
        ("PUBLIC_URL", "penstock.example.com"),
        ("PUBLIC_URL", "https://user:hunter2@penstock.example.com"),
        ("PUBLIC_URL", "https://penstock.example.com/path"),
        ("PUBLIC_URL", "https://penstock.example.com:port"),
        ("READ_ACCESS", "everyone"),
        ("OIDC_SCOPES", "profile"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"PENSTOCK_{name}", value)

    with pytest.raises(SettingsInvalid, match=f"PENSTOCK_{name}") as caught:
        load_settings(service=True)
    assert "hunter2" not in caught.value.message
