"""Programs are known by bearer tokens: in the header alone, with their role, and not for any number of guesses."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.domain.redaction import MASK, SECRETS
from tests.access.served import CLIENT, OPERATOR, READER, UK, Served, served

SUSPEND = "/organizations/uk-sales/suspend"


async def test_nobody_reads_without_a_credential(service: Served) -> None:
    async with service.client() as client:
        answer = await client.get("/status")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "unauthenticated"


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
async def test_probes_and_metrics_need_none(service: Served, path: str) -> None:
    async with service.client() as client:
        assert (await client.get(path)).status_code == 200


async def test_a_reader_reads_and_changes_nothing(service: Served) -> None:
    async with service.client(READER) as client:
        assert (await client.get("/status")).status_code == 200
        refused = await client.post(SUSPEND)

    assert refused.status_code == 403
    assert refused.json()["code"] == "forbidden"
    assert service.suspended == []


async def test_a_role_in_some_organisations_is_none_in_others(service: Served) -> None:
    async with service.client(UK) as client:
        assert (await client.post(SUSPEND)).status_code == 200
        assert (await client.post("/organizations/us-sales/suspend")).status_code == 403

    assert service.suspended == [("uk-sales", "uk")]


@pytest.mark.parametrize("name", ["access_token", "token", "authorization", "bearer"])
async def test_a_token_in_the_url_is_not_read(service: Served, name: str) -> None:
    async with service.client() as client:
        assert (await client.get("/status", params={name: OPERATOR})).status_code == 401
        assert (await client.post(f"{SUSPEND}?{name}={OPERATOR}")).status_code == 401
        assert (await client.post(SUSPEND, data={name: OPERATOR})).status_code == 401

    assert service.suspended == []


@pytest.mark.parametrize(
    "value",
    [
        f"Bearer {OPERATOR}x",
        f"Bearer {OPERATOR[:-1]}",
        f"Bearer {OPERATOR}, Bearer {OPERATOR}",
        "Bearer",
        "Bearer \xff\xfe",
        "bearer sha256:00",
    ],
)
async def test_a_wrong_token_is_refused_also_where_reading_is_open(tmp_path: Path, value: str) -> None:
    with served(tmp_path, read_access="open") as service:
        async with service.client() as client:
            assert (await client.get("/status")).status_code == 200
            answer = await client.get("/status", headers={"Authorization": value.encode("latin-1")})

    assert answer.status_code == 401


async def test_two_tokens_in_one_request_are_refused(service: Served) -> None:
    async with service.client() as client:
        pairs = [("Authorization", f"Bearer {READER}"), ("Authorization", f"Bearer {OPERATOR}")]
        assert (await client.get("/status", headers=pairs)).status_code == 401


async def test_after_ten_wrong_tokens_no_token_of_the_address_is_looked_at(service: Served) -> None:
    async with service.client("penstock_guess") as guessing:
        for _ in range(10):
            assert (await guessing.get("/status")).status_code == 401
        limited = await guessing.get("/status")
    async with service.client(READER) as same_address, service.client(READER, "198.51.100.7") as other:
        refused = await same_address.get("/status")
        assert (await other.get("/status")).status_code == 200
        service.clock.advance(int(refused.headers["retry-after"]))
        assert (await same_address.get("/status")).status_code == 200

    assert limited.status_code == refused.status_code == 429
    assert limited.json()["code"] == "too-many-requests"
    assert limited.headers["retry-after"] == "60"


async def test_the_addresses_of_one_ipv6_network_count_as_one(service: Served) -> None:
    for number in range(10):
        async with service.client("penstock_guess", f"2001:db8::{number:x}") as guessing:
            assert (await guessing.get("/status")).status_code == 401
    async with service.client(READER, "2001:db8::ffff") as near, service.client(READER, "2001:db8:1::1") as far:
        assert (await near.get("/status")).status_code == 429
        assert (await far.get("/status")).status_code == 200


async def test_each_write_and_each_refused_write_is_in_the_audit_log(service: Served) -> None:
    for token, organization in ((OPERATOR, "uk-sales"), (READER, "uk-sales"), (None, "uk-sales"), (UK, "us-sales")):
        async with service.client(token) as client:
            await client.post(f"/organizations/{organization}/suspend")

    found = [entry for entry in service.entries() if entry.action == "request"]
    assert [(entry.organization, entry.actor, entry.status) for entry in found] == [
        ("uk-sales", "operator", "success"),
        ("uk-sales", "reader", "refused"),
        ("(service)", "unknown", "refused"),
        ("(service)", "uk", "refused"),
    ]
    assert found[0].details == {"verb": "suspend", "reason": "a test", "address": CLIENT, "how": "token"}
    assert found[1].details["code"] == "forbidden"
    assert found[2].details == {
        "verb": "POST /organizations/uk-sales/suspend",
        "address": CLIENT,
        "code": "unauthenticated",
        "organization": "uk-sales",
        "flow": None,
    }
    assert found[3].details["organization"] == "us-sales"


async def test_names_that_nobody_has_begin_no_chain_of_the_audit_log(service: Served) -> None:
    async with service.client(READER) as client:
        for number in range(5):
            await client.post(f"/organizations/made-up-{number}/suspend")

    assert {entry.organization for entry in service.entries()} == {"(service)"}


async def test_refused_writes_do_not_fill_the_audit_log(service: Served) -> None:
    async with service.client() as client:
        answers = [(await client.post(SUSPEND)).status_code for _ in range(40)]

    assert answers == [401] * 30 + [429] * 10
    assert len(service.entries()) == 30


async def test_a_token_is_shown_nowhere(service: Served) -> None:
    async with service.client(OPERATOR) as client:
        await client.post(SUSPEND)

    assert OPERATOR not in str(service.entries())
    assert SECRETS.text(f"x {OPERATOR}") == f"x {MASK}"


async def test_what_a_request_calls_itself_breaks_no_line_of_the_audit_log(service: Served) -> None:
    async with service.client(READER) as client:
        await client.post("/organizations/a%0d%0aX:%20y%00%1b[31m/suspend")

    [entry] = service.entries()
    assert entry.details["organization"] == "aX: y[31m"
    assert "\x1b" not in str(entry.details)
    assert "\x00" not in str(entry.details)
