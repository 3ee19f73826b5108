"""Each organisation's audit log is one chain, however many processes append to it and whatever is purged."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from controller.domain.errors.process import StoreFailed
from controller.domain.redaction import SECRETS
from controller.store import audit_rates
from controller.store.audit import AuditEntry
from controller.store.audit_chain import START, ChainHead, digest_of
from controller.store.audit_file import AuditFile
from controller.store.audit_reading import AuditQuery, AuditReading
from controller.store.engine import create_engine
from controller.store.store import Store
from tests.support.audit import audit_entries
from tests.support.audit_proofs import ORGANIZATION, append, proven, told
from tests.support.clock import SteppedClock
from tests.support.history import as_given, migrate

_APPENDS = """
import sys
from pathlib import Path
from controller.domain.clock import SystemClock
from controller.store.audit import AuditEntry
from controller.store.store import Store
url, name, count, folder = sys.argv[1:]
with Store.open(url, clock=SystemClock(), audit_folder=Path(folder)) as store:
    for number in range(int(count)):
        store.audit.append(AuditEntry("production", name, "success", "ada", details={"number": number}))
"""


def entry(action: str = "publish", organization: str = ORGANIZATION) -> AuditEntry:
    return AuditEntry(organization, action, "success", "ada")


def test_positions_count_from_one_and_each_entry_follows_the_one_before_it(store: Store, clock: SteppedClock) -> None:
    append(store, 3, clock)
    found = list(audit_entries(store))[::-1]
    assert [each.position for each in found] == [1, 2, 3]
    assert [each.previous for each in found] == [START, found[0].digest, found[1].digest]
    assert store.audit.head(ORGANIZATION) == ChainHead(3, str(found[2].digest))


def test_each_organisation_has_a_chain_of_its_own(store: Store) -> None:
    positions = [
        store.audit.append(entry(organization=name)).position for name in ("production", "staging", "production")
    ]
    assert positions == [1, 1, 2]
    assert store.audit.head("elsewhere") == ChainHead(0, START)


def test_the_digest_covers_what_the_database_tells_and_not_what_changes_later(store: Store) -> None:
    kept = store.audit.append(AuditEntry(ORGANIZATION, "migrate", "success", "ada", details={"a": (1, 2.5)}))
    [read] = audit_entries(store)
    assert read == kept
    assert digest_of(read.to_json()) == kept.digest
    assert digest_of(read.to_json() | {"webhook_synced": True}) == kept.digest
    for name, value in {"actor": "eve", "deployment_success_rate": 1.0, "position": 2, "filed": True}.items():
        assert digest_of(read.to_json() | {name: value}) != kept.digest


def test_whatever_an_entry_tells_it_is_read_as_it_was_returned(store: Store, url: str) -> None:
    SECRETS.register("hunter2-hunter2")
    details = {
        "masked": ["token=hunter2-hunter2", {"password": "short", "of": ("hunter2-hunter2", None, True)}],
        "numbers": [1, 1.5, 1e300, -0.0, 10**20],
        "texts": [
            "\u00e4\u20ac\U0001f600",
            "\u2028\u0001",
            "https://ada:hunter2-hunter2@example.com/?access_token=abcdef",
        ],
        "nested": {"a": {3}, 4: "four"},
    }
    error = "Authorization: Bearer hunter2-hunter2, https://ada:other@example.com"
    given = replace(entry(), latency_ms=4000, error=error, details=details, webhook_synced=False, author="A\n <b>")
    kept = store.audit.append(given)
    store.audit.append(replace(entry("validate"), status="failure"))

    (*_, first) = audit_entries(store)
    assert json.dumps(first.to_json()) == json.dumps(kept.to_json())
    assert "hunter2" not in json.dumps(kept.to_json())
    assert told(proven(url)) == []


def test_a_validation_counts_itself_among_the_newest(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_rates, "COUNTED", 3)
    passed, failed = (replace(entry("validate"), status=status) for status in ("success", "failure"))
    rates = [store.audit.append(each).validation_error_rate for each in (passed, failed, failed, failed, passed)]
    assert rates == [0.0, 1 / 2, 2 / 3, 1.0, 2 / 3]
    assert store.audit.append(entry()).validation_error_rate == 2 / 3


@pytest.mark.parametrize("latency_ms", [4000.0, 0.0, 12.5])
def test_a_latency_is_read_as_it_was_when_the_digest_was_made(store: Store, latency_ms: float) -> None:
    """SQLite's RETURNING gives an integer for a whole number; what is selected later is none."""
    appended = store.audit.append(replace(entry(), latency_ms=latency_ms))

    (found,) = audit_entries(store)
    assert json.dumps(appended.to_json()) == json.dumps(found.to_json())
    assert found.digest == digest_of(found.to_json())


def test_an_older_digest_of_a_whole_number_counts(store: Store, url: str) -> None:
    appended = store.audit.append(replace(entry(), latency_ms=4000.0))
    older = digest_of({**appended.to_json(), "latency_ms": 4000})
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE audit SET digest = :older"), {"older": older})
        connection.execute(sa.text("UPDATE audit_heads SET digest = :older"), {"older": older})
    engine.dispose()

    assert told(proven(url)) == []


def test_a_delivered_webhook_leaves_the_chain_whole(store: Store, url: str) -> None:
    kept = store.audit.append(AuditEntry(ORGANIZATION, "migrate", "success", "ada", webhook_synced=False))
    message = store.outbox.add("change-management", "flow_version_migration", {}, kept.id)
    store.outbox.delivered(message)
    assert [(each.action, each.webhook_synced) for each in audit_entries(store)] == [
        ("webhook", True),
        ("migrate", True),
    ]
    assert told(proven(url)) == []


@pytest.mark.proof
def test_processes_that_append_at_once_keep_one_chain(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    Store.open(url, clock=SteppedClock()).close()

    def run(name: str) -> None:
        subprocess.run([sys.executable, "-c", _APPENDS, url, name, "25", str(folder)], check=True, timeout=300)

    with ThreadPoolExecutor() as threads:
        list(threads.map(run, ("laptop", "service")))
    proof = proven(url, [folder])
    assert told(proof) == []
    [chain] = proof.chains
    assert (chain.entries, chain.first, chain.head.position, chain.filed) == (50, 1, 50, 50)


def test_what_is_rolled_back_is_in_neither_store_nor_file(url: str, clock: SteppedClock, tmp_path: Path) -> None:
    with Store.open(url, clock=clock, audit_folder=tmp_path) as store:
        with contextlib.suppress(ZeroDivisionError), store.together():
            store.audit.append(entry("approve"))
            raise ZeroDivisionError
        assert list(tmp_path.glob("*.jsonl")) == []
        with store.together():
            store.audit.append(entry("publish"))
            assert list(tmp_path.glob("*.jsonl")) == []
    [line] = (tmp_path / "audit-2026-01-05.jsonl").read_text().splitlines()
    assert (json.loads(line)["action"], json.loads(line)["position"]) == ("publish", 1)


def test_a_line_of_an_earlier_entry_goes_before_the_later_one_of_another_process(tmp_path: Path) -> None:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    laptop, service = AuditFile(tmp_path), AuditFile(tmp_path)
    for copy, position in ((laptop, 1), (service, 3), (laptop, 4), (laptop, 2)):
        copy.append({"organization": ORGANIZATION, "position": position}, at)
        copy.append({"organization": f"other {position}", "position": 9}, at)
    lines = [json.loads(line) for line in (tmp_path / "audit-2026-01-05.jsonl").read_text().splitlines()]
    assert [each["position"] for each in lines if each["organization"] == ORGANIZATION] == [1, 2, 3, 4]
    assert len(lines) == 8


def test_a_line_that_was_cut_off_by_a_crash_spoils_no_other(url: str, clock: SteppedClock, tmp_path: Path) -> None:
    file = tmp_path / "audit-2026-01-05.jsonl"
    for _ in range(2):
        with Store.open(url, clock=clock, audit_folder=tmp_path) as store:
            store.audit.append(entry())
        file.write_bytes(file.read_bytes()[:-20])
    with Store.open(url, clock=clock, audit_folder=tmp_path) as store:
        store.audit.append(entry())
    assert json.loads(file.read_text().splitlines()[-1])["position"] == 3


def test_a_purge_takes_the_beginning_and_tells_where_it_ended(url: str, clock: SteppedClock) -> None:
    with Store.open(url, clock=clock, audit_days=1) as store:
        append(store, 40, clock)
        last_gone = list(audit_entries(store))[::-1][15]
        assert store.audit.purge() == 16
        [purge] = [each for each in audit_entries(store) if each.action == "purge"]
    assert (purge.details["position"], purge.details["digest"]) == (16, last_gone.digest)
    proof = proven(url)
    assert told(proof) == []
    assert (proof.chains[0].first, proof.chains[0].entries) == (17, 25)


def test_a_purge_of_everything_leaves_a_chain_that_goes_on(url: str, clock: SteppedClock) -> None:
    with Store.open(url, clock=clock, audit_days=1) as store:
        append(store, 2, clock)
        clock.advance(2 * 24 * 3600)
        assert (store.audit.purge(), store.audit.purge()) == (2, 0)
        append(store, 1, clock)
    assert told(proven(url)) == []
    assert proven(url).chains[0].first == 3


def test_a_purge_leaves_no_gap_where_a_clock_went_back(url: str) -> None:
    ahead, behind = SteppedClock(), SteppedClock()
    ahead.advance(48 * 3600)
    with Store.open(url, clock=ahead, audit_days=1) as first, Store.open(url, clock=behind, audit_days=1) as second:
        for store in (second, first, second):
            store.audit.append(entry())
        assert first.audit.purge() == 1
    assert told(proven(url)) == []
    assert proven(url).chains[0].first == 2


def test_entries_of_an_older_version_are_chained_when_the_store_is_opened(empty_url: str, clock: SteppedClock) -> None:
    engine = create_engine(empty_url)
    at = datetime(2026, 1, 5, 13, 0, 0, 123456, tzinfo=UTC)
    row = {"at": at, "action": "publish", "status": "success", "actor": "ada", "latency_ms": 1 / 3}
    rows = [
        {"organization": name, "details": {"number": number, "half": 0.5}, **row}
        for number, name in enumerate(["production", "staging"] * 600)
    ]
    with engine.begin() as connection:
        migrate(connection, "0008")
        connection.execute(sa.insert(as_given("audit", list(rows[0]))), rows)
    engine.dispose()
    with Store.open(empty_url, clock=clock) as store:
        assert store.audit.append(entry()).position == 601
    proof = proven(empty_url)
    assert told(proof) == []
    assert [(each.organization, each.entries) for each in proof.chains] == [("production", 601), ("staging", 600)]


def test_a_reader_changes_nothing_and_needs_a_store_that_is_there(
    empty_url: str, clock: SteppedClock, tmp_path: Path
) -> None:
    with pytest.raises(StoreFailed, match="there is no store"):
        AuditReading.open(empty_url)
    with Store.open(empty_url, clock=clock) as store:
        append(store, 3, clock)
    file = tmp_path / "state" / "penstock.db"
    before = file.read_bytes() if file.exists() else b""
    with AuditReading.open(empty_url) as reading:
        assert [each.position for each in reading.newest_first(AuditQuery(), 2)] == [3, 2]
        assert [each.position for each in reading.oldest_first(AuditQuery(flow="Main IVR"))] == [1, 2, 3]
        since = clock.start.replace(hour=13)
        assert [each.position for each in reading.oldest_first(AuditQuery(since=since))] == [2, 3]
    assert (file.read_bytes() if file.exists() else b"") == before


def test_a_reader_refuses_a_store_of_another_version(empty_url: str) -> None:
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        migrate(connection, "0008")
    engine.dispose()
    with pytest.raises(StoreFailed, match="schema of another version"):
        AuditReading.open(empty_url)


def test_the_reader_cannot_write_to_a_file(tmp_path: Path, clock: SteppedClock) -> None:
    url = f"sqlite:///{tmp_path}/penstock.db"
    Store.open(url, clock=clock).close()
    with create_engine(url, read_only=True).connect() as connection:
        with pytest.raises(sa.exc.OperationalError) as raised:
            connection.execute(sa.text("DELETE FROM audit"))
        assert isinstance(raised.value.orig, sqlite3.OperationalError)
