"""A refused write is kept whatever the request calls itself, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.domain.errors.api import Forbidden
from controller.service.access.person import Grant, How, Person, Role
from controller.service.access.writes import SERVICE, RequestedWrite, WriteLog
from controller.store.audit_reading import AuditQuery, AuditReading
from controller.store.store import Store
from tests.support.clock import SteppedClock
from tests.support.postgres import needed_server, new_database

READER = Person("reader", How.TOKEN, (Grant(Role.READ),))


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with needed_server() as server:
        yield server.url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/penstock.db"
    server: str = request.getfixturevalue("postgres")
    return new_database(server)


@pytest.mark.parametrize("name", ["a\x00b", "x" * 3000, "\ud800", "a\nb", "", "acme'; --"], ids=ascii)
def test_a_name_that_no_organisation_has_is_a_detail(url: str, name: str) -> None:
    with Store.open(url, clock=SteppedClock()) as store:
        write = RequestedWrite(verb=f"POST /{name}", organization=name, flow=name, reason=name)
        WriteLog(store.audit).refused(write, READER, "203.0.113.9", Forbidden("no"))
    reading = AuditReading.open(url)
    [entry] = reading.oldest_first(AuditQuery())
    reading.close()

    assert (entry.organization, entry.actor, entry.status) == (SERVICE, "reader", "refused")
    shown = "".join(each for each in name if each.isprintable() or each == "\n")
    assert entry.details["organization"] == shown[:255]
    assert entry.details["code"] == "forbidden"
