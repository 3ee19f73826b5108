"""Audit, quarantines, outbox and facts: what is put in comes out, masked, due and in order."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from controller.domain.identity import FlowKey
from controller.domain.redaction import SECRETS
from controller.domain.references import FlowReference, Resolution
from controller.store.audit import AuditEntry
from controller.store.store import Store
from tests.support.audit import audit_entries
from tests.support.clock import SteppedClock

IVR = FlowKey("inboundcall", "Main IVR")


def entry(action: str = "publish", **fields: object) -> AuditEntry:
    return AuditEntry("production", action, "success", "ada", **fields)  # type: ignore[arg-type]


def test_audit_entries_come_back_newest_first_with_all_fields(store: Store, clock: SteppedClock) -> None:
    store.audit.append(entry("validate", flow=str(IVR), latency_ms=12.5, author="Ada <ada@example.com>"))
    clock.advance(1)
    kept = store.audit.append(entry("publish", flow=str(IVR), version="3.0", revision="abc", details={"a": [1]}))
    newest, oldest = audit_entries(store, "production")
    assert newest == kept
    assert (oldest.author, oldest.latency_ms) == ("Ada <ada@example.com>", 12.5)
    assert newest.to_json()["timestamp"] == "2026-01-05T12:00:01+00:00"


def test_audit_entries_are_chosen_by_flow_and_time(store: Store, clock: SteppedClock) -> None:
    for second in range(3):
        store.audit.append(entry(flow=f"inboundcall/{second}"))
        clock.advance(1)
    middle = audit_entries(store, since=clock.start.replace(second=1), until=clock.start.replace(second=2))
    assert [found.flow for found in middle] == ["inboundcall/1"]
    assert [found.flow for found in audit_entries(store, flow="inboundcall/2")] == ["inboundcall/2"]
    assert len(list(audit_entries(store, limit=2))) == 2


def test_no_secret_is_kept_in_the_audit_log(url: str, clock: SteppedClock, tmp_path: Path) -> None:
    SECRETS.register("hunter2hunter2")
    folder = tmp_path / "audit"
    with Store.open(url, clock=clock, audit_folder=folder) as store:
        store.audit.append(entry(details={"message": "got hunter2hunter2", "client_secret": "abcd"}))
        (kept,) = audit_entries(store)
    assert kept.details == {"message": "got ***", "client_secret": "***"}
    assert "hunter2" not in (folder / "audit-2026-01-05.jsonl").read_text()


def test_the_audit_file_changes_with_the_day_and_ninety_days_are_kept(
    url: str, clock: SteppedClock, tmp_path: Path
) -> None:
    with Store.open(url, clock=clock, audit_folder=tmp_path) as store:
        store.audit.append(entry())
        clock.advance(24 * 3600)
        store.audit.append(entry("switch"))
        names = sorted(path.name for path in tmp_path.glob("*.jsonl"))
        assert names == ["audit-2026-01-05.jsonl", "audit-2026-01-06.jsonl"]
        assert json.loads((tmp_path / names[1]).read_text())["action"] == "switch"
        clock.advance(90 * 24 * 3600)
        assert store.audit.purge() == 1
        files = sorted(path.name for path in tmp_path.glob("*.jsonl"))
        assert files == ["audit-2026-01-06.jsonl", "audit-2026-04-06.jsonl"]
        assert [found.action for found in audit_entries(store)] == ["purge", "switch"]


def test_every_entry_tells_the_share_of_validations_that_failed(store: Store) -> None:
    first = store.audit.append(entry("publish"))
    outcomes = ["success", "failure", "success", "success"]
    told = [store.audit.append(replace(entry("validate"), status=status)) for status in outcomes]
    store.audit.append(replace(entry("validate"), organization="staging", status="failure"))
    last = store.audit.append(entry("publish"))
    assert first.validation_error_rate is None
    assert [one.validation_error_rate for one in told] == [0.0, 0.5, pytest.approx(1 / 3), 0.25]
    assert last.validation_error_rate == 0.25
    assert [found.validation_error_rate for found in audit_entries(store, "production", limit=1)] == [0.25]


def test_a_new_day_removes_the_files_that_are_older_than_is_kept(url: str, clock: SteppedClock, tmp_path: Path) -> None:
    with Store.open(url, clock=clock, audit_folder=tmp_path, audit_days=2) as store:
        for _ in range(5):
            store.audit.append(entry())
            clock.advance(24 * 3600)
    names = sorted(path.name for path in tmp_path.glob("*.jsonl"))
    assert names == ["audit-2026-01-07.jsonl", "audit-2026-01-08.jsonl", "audit-2026-01-09.jsonl"]


def test_entries_go_to_a_stream_as_json_lines_and_one_that_is_closed_stops_nothing(
    url: str, clock: SteppedClock
) -> None:
    stream = io.StringIO()
    with Store.open(url, clock=clock, audit_stream=stream) as store:
        store.audit.append(entry(error="no room"))
        [line] = stream.getvalue().splitlines()
        stream.close()
        store.audit.append(entry())
        assert len(list(audit_entries(store))) == 2
    told = json.loads(line)
    assert (told["action"], told["success"], told["error"]) == ("publish", True, "no room")


def test_a_name_of_any_length_is_kept_on_one_line(store: Store) -> None:
    kept = store.audit.append(replace(entry(), actor="Ada\n" + "x" * 400))
    assert kept.actor.startswith("Ada xxx")
    assert len(kept.actor) == 255


def test_a_wish_is_quarantined_once_and_until_it_is_released(store: Store) -> None:
    store.quarantines.add("production", IVR, "sha256:1", "the gate failed")
    store.quarantines.add("production", IVR, "sha256:1", "again")
    store.quarantines.add("production", IVR, "sha256:2", "another wish")
    found = store.quarantines.active("production")
    assert [(one.wanted, one.reason) for one in found] == [
        ("sha256:1", "the gate failed"),
        ("sha256:2", "another wish"),
    ]
    assert store.quarantines.active("staging") == ()
    assert store.quarantines.release("production", IVR, by="ada") == 2
    assert store.quarantines.active("production") == ()


def test_a_claimed_message_is_given_to_nobody_else_until_the_claim_ends(store: Store, clock: SteppedClock) -> None:
    store.outbox.add("change-management", "flow_version_migration", {"flow": "Main IVR"})
    (claimed,) = store.outbox.claim(for_s=60)
    assert claimed.payload == {"flow": "Main IVR"}
    assert store.outbox.claim() == []
    clock.advance(60)
    assert [again.id for again in store.outbox.claim()] == [claimed.id]


def test_a_message_is_kept_until_it_is_delivered(store: Store, clock: SteppedClock) -> None:
    message_id = store.outbox.add("chat", "sync", {})
    store.outbox.claim()
    store.outbox.failed(message_id, "HTTP 503", retry_after_s=300)
    assert store.outbox.claim() == []
    clock.advance(300)
    (again,) = store.outbox.claim()
    assert again.attempts == 1
    store.outbox.delivered(message_id)
    clock.advance(3600)
    assert (store.outbox.claim(), store.outbox.pending(), store.outbox.next_at()) == ([], 0, None)


def test_only_delivered_messages_are_purged(store: Store, clock: SteppedClock) -> None:
    delivered = store.outbox.add("chat", "sync", {})
    store.outbox.add("chat", "sync", {})
    store.outbox.delivered(delivered)
    clock.advance(31 * 24 * 3600)
    assert store.outbox.purge(keep_days=30) == 1
    assert store.outbox.pending() == 1


@pytest.mark.parametrize("flow_id", ["f-1", "f-2"])
def test_facts_about_a_version_are_kept_for_ever(store: Store, flow_id: str) -> None:
    assert store.facts.references("production", flow_id, "1.0") is None
    reference = FlowReference("Menu", ("commonmodule",), "callCommonModule", "x.y", Resolution.STATIC, True, "f-9")
    store.facts.remember_references("production", flow_id, "1.0", [reference])
    store.facts.remember_references("production", flow_id, "1.0", [])
    store.facts.remember_export_digest("production", flow_id, "1.0", "sha256:9")
    assert store.facts.references("production", flow_id, "1.0") == (reference,)
    assert store.facts.export_digests("production") == {(flow_id, "1.0"): "sha256:9"}
    assert store.facts.export_digests("staging") == {}
