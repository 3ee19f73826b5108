"""What a pass adds to the audit log: drift from its begin to its end, where records went, and whose commit it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import event

from controller.cli.running import opened_services
from controller.domain.errors.repository import GitRemoteFailed
from controller.reconcile.pass_ import SERVICE
from controller.reconcile.settings import Settings
from controller.reconcile.workspace import open_folder
from controller.store.audit import AuditEntry
from tests.reconcile.scenes import live
from tests.safety.test_workers import running
from tests.support.audit import audit_entries
from tests.support.sources import inbound
from tests.support.world import ORGANIZATION, RECORDS, World

FLOW = "inboundcall/Front"
AUTHOR = "Flow Author <author@example.com>"


def entries(world: World, action: str) -> list[AuditEntry]:
    """Oldest first."""
    return [entry for entry in audit_entries(world.services.store, ORGANIZATION) if entry.action == action][::-1]


@pytest.fixture
async def delivered(world: World) -> World:
    """One flow, live and recorded."""
    await live(world, front=inbound("Front"))
    return world


async def test_drift_is_noted_once_when_it_begins_and_once_when_it_has_ended(delivered: World) -> None:
    await delivered.plan(watches=True)
    assert entries(delivered, "drift") == []
    delivered.by_hand("publish", "inboundcall", "Front", inbound("Front", says="By hand"), person="Grace")

    for _ in range(3):
        await delivered.plan(watches=True)
        delivered.clock.advance(300)

    [begun] = entries(delivered, "drift")
    assert (begun.flow, begun.status, begun.version, begun.target_version) == (FLOW, "begun", "2.0", "1.0")
    assert (begun.actor, begun.success) == ("Grace", None)
    delivered.by_hand("publish", "inboundcall", "Front", inbound("Front"), person="Ada")
    await delivered.plan(watches=True)
    replaced = entries(delivered, "drift")[1:]
    assert [(entry.status, entry.version) for entry in replaced] == [("ended", "2.0"), ("begun", "3.0")]
    assert replaced[0].details["lasted_ms"] == 900_000


async def test_entries_of_a_record_share_transactions_of_bounded_size(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.reconcile.records._TOGETHER", 2)
    appended: list[int] = [0]

    def executed(_c: object, _u: object, statement: str, *_: object) -> None:
        appended[-1] += statement.startswith("INSERT INTO audit ")

    def committed(_: object) -> None:
        appended.append(0)

    engine = world.services.store.database._engine
    for number in range(5):
        world.flow(f"flow-{number}", inbound(f"Flow {number}"))
    world.commit()
    event.listen(engine, "before_cursor_execute", executed)
    event.listen(engine, "commit", committed)
    assert (await world.apply()).delivered
    assert [each.flow for each in entries(world, "record")] == [f"inboundcall/Flow {number}" for number in range(5)]
    assert [number for number in appended if number][-3:] == [2, 2, 1]


async def test_a_delivery_ends_drift_and_tells_who_did(delivered: World) -> None:
    delivered.by_hand("publish", "inboundcall", "Front", inbound("Front", says="By hand"), person="Grace")
    delivered.flow("front", inbound("Front", says="Second"))
    delivered.commit()

    assert (await delivered.apply(actor="ada")).delivered

    found = [(entry.status, entry.version, entry.actor) for entry in entries(delivered, "drift")]
    assert found == [("begun", "2.0", "Grace"), ("ended", "2.0", "ada")]


async def test_a_flow_that_is_not_seen_ends_no_drift(delivered: World) -> None:
    delivered.by_hand("delete", "inboundcall", "Front")
    await delivered.plan(watches=True)
    await delivered.plan(watches=True)

    assert [(entry.status, entry.details["kind"]) for entry in entries(delivered, "drift")] == [("begun", "missing")]


async def test_a_plan_of_a_person_notes_nothing(delivered: World) -> None:
    delivered.by_hand("publish", "inboundcall", "Front", inbound("Front", says="By hand"))

    await delivered.plan()

    assert entries(delivered, "drift") == []


async def test_each_recorded_flow_tells_the_commit_and_the_files(delivered: World) -> None:
    [entry] = entries(delivered, "record")

    assert (entry.flow, entry.version, entry.status) == (FLOW, "1.0", "success")
    assert entry.details["commit"] == delivered.git("rev-parse", f"origin/{RECORDS}")
    assert (entry.details["branch"], entry.details["pushed"]) == (RECORDS, True)
    assert entry.details["artifact_paths"]
    for path in entry.details["artifact_paths"]:  # type: ignore[attr-defined]
        assert delivered.git("show", f"origin/{RECORDS}:{path}")
    assert entry.latency_ms is not None


async def test_a_record_that_could_not_be_pushed_is_told_and_its_push_later_too(delivered: World) -> None:
    hook = delivered.remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    delivered.flow("front", inbound("Front", says="Second"))
    delivered.git("add", "--all")
    delivered.git("commit", "--quiet", "--message", "Second")

    report = await delivered.apply(allow_unpushed=True)

    assert isinstance(report.error, GitRemoteFailed)
    failed = entries(delivered, "record")[-1]
    assert (failed.status, failed.version, failed.error) == ("failure", "2.0", report.error.message)
    hook.unlink()
    delivered.git("push", "--quiet", "origin", "HEAD:main")
    await delivered.apply()
    [pushed] = (entry for entry in entries(delivered, "record") if entry.details.get("kept_before"))
    assert (pushed.status, pushed.details["pushed"]) == ("success", True)
    assert entries(delivered, "record")[-1].version == "2.0"


async def test_a_controller_that_acts_by_itself_acts_for_the_author_of_the_commit(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()

    assert (await world.apply(actor=SERVICE)).delivered

    found = list(audit_entries(world.services.store, ORGANIZATION))
    assert {(entry.actor, entry.author) for entry in found} == {(AUTHOR, AUTHOR)}


async def test_a_person_who_delivers_somebody_elses_commit_is_told_apart_from_its_author(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()

    assert (await world.apply(actor="ada")).delivered

    found = list(audit_entries(world.services.store, ORGANIZATION))
    assert {(entry.actor, entry.author) for entry in found} == {("ada", AUTHOR)}


async def test_the_service_notes_drift_and_acts_for_the_author(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    async with running(world.services) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(lambda: service.status() == "Synced", "the delivery is told")
        world.by_hand("publish", "inboundcall", "Front", inbound("Front", says="By hand"), person="Grace")
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(lambda: entries(world, "drift"), "the drift is noted")

    assert [(entry.status, entry.actor) for entry in entries(world, "drift")] == [("begun", "Grace")]
    assert {entry.actor for entry in entries(world, "migrate")} == {AUTHOR}


def test_the_operator_has_entries_on_standard_output_as_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(store=f"sqlite:///{tmp_path}/s.db", audit="stdout")
    with opened_services(settings) as services:
        services.store.audit.append(AuditEntry("acme", "approve", "success", "ada"))
    assert '"action": "approve"' in capsys.readouterr().out
