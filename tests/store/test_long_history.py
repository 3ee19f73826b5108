"""What every pass reads costs the same after any number of deliveries, and old deliveries go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, func, select, text

from controller.domain.identity import FlowKey
from controller.domain.references import FlowReference
from controller.domain.status import StepState
from controller.store.engine import create_engine
from controller.store.history import KEPT_VERSIONS
from controller.store.records import NewStep, NewSync, SyncState
from controller.store.schema import steps, writes
from controller.store.store import Store
from tests.support.clock import SteppedClock
from tests.support.history import ORGANIZATION, write_history

FLOW = FlowKey("inboundcall", "Flow 0")


@contextmanager
def statements() -> Iterator[list[tuple[str, object]]]:
    """What the database is asked meanwhile, as SQL and parameters."""
    asked: list[tuple[str, object]] = []

    def note(_: object, __: object, statement: str, parameters: object, *___: object) -> None:
        asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def plans(url: str, asked: list[tuple[str, object]]) -> list[str]:
    """The lines of the database's own plans for these statements."""
    engine = create_engine(url)
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    lines = []
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ANALYZE"))
        for statement, parameters in asked:
            if statement.startswith("SELECT") and "clock_timestamp" not in statement:
                lines += [str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters)]
    engine.dispose()
    return lines


def test_no_question_of_a_pass_reads_the_whole_history(url: str, clock: SteppedClock) -> None:
    with Store.open(url, clock=clock):
        pass
    write_history(url, syncs=2000, flows=100, began=clock.start)
    with Store.open(url, clock=clock) as store, statements() as asked:
        assert store.journal.delivered(ORGANIZATION, FLOW, "7.0") is not None
        assert store.journal.last_write(ORGANIZATION, FLOW, ("upload",)) is not None
        assert store.journal.unfinished(ORGANIZATION) == []
        store.journal.latest(ORGANIZATION)
        questions = len(asked)
    lines = plans(url, asked)
    whole = [
        line for line in lines if line.lstrip(" ->").startswith(("SCAN s", "SCAN w", "Seq Scan on s", "Seq Scan on w"))
    ]
    assert questions >= 4
    assert whole == []


def old_store(url: str, clock: SteppedClock, syncs: int = 60) -> Store:
    """An open store with that many syncs of five flows, all of them past their time."""
    write_history(url, syncs=syncs, flows=5, began=clock.start - timedelta(days=500))
    return Store.open(url, clock=clock)


def purge(store: Store) -> int:
    return sum(store.history.remove(batch) for batch in store.history.old().batches())


def left(store: Store) -> list[int]:
    return [sync.id for sync in store.journal.history(ORGANIZATION, limit=1000)]


def test_old_syncs_go_except_those_of_each_flows_last_versions(url: str, clock: SteppedClock) -> None:
    with old_store(url, clock) as store:
        before = store.journal.latest(ORGANIZATION)
        assert purge(store) == 60 - KEPT_VERSIONS
        assert left(store) == [60, 59, 58]
        assert store.journal.latest(ORGANIZATION) == before
        assert purge(store) == 0


def test_the_steps_and_writes_of_a_sync_go_with_it(url: str, clock: SteppedClock) -> None:
    with old_store(url, clock) as store:
        purge(store)
    engine = create_engine(url)
    with engine.begin() as connection:
        counts = [connection.execute(select(func.count()).select_from(table)).scalar() for table in (steps, writes)]
    engine.dispose()
    assert counts == [5 * KEPT_VERSIONS, 5 * KEPT_VERSIONS]


def test_what_is_within_its_time_stays(url: str, clock: SteppedClock) -> None:
    write_history(url, syncs=20, flows=5, began=clock.start - timedelta(days=399))
    with Store.open(url, clock=clock) as store:
        assert purge(store) == 0
    with Store.open(url, clock=clock, history_days=30) as store:
        assert purge(store) == 20 - KEPT_VERSIONS


@pytest.mark.parametrize("state", ["healthy", "exported", "rolling-back"])
def test_a_sync_with_something_left_to_do_stays(url: str, clock: SteppedClock, state: str) -> None:
    with old_store(url, clock) as store:
        _set(url, "UPDATE steps SET state = :state WHERE id = 1", state=state)
        purge(store)
        assert left(store)[-1] == 1
        assert [sync.id for sync in store.journal.unfinished(ORGANIZATION)] == [1]


def test_a_sync_that_was_stopped_stays(url: str, clock: SteppedClock) -> None:
    with old_store(url, clock) as store:
        _set(url, "UPDATE syncs SET state = 'stopped' WHERE id = 2")
        purge(store)
        assert left(store)[-1] == 2


def test_a_sync_that_becomes_unfinished_after_it_was_found_old_stays(url: str, clock: SteppedClock) -> None:
    with old_store(url, clock) as store:
        found = store.history.old()
        _set(url, "UPDATE steps SET state = 'healthy' WHERE sync_id = 3")
        assert sum(store.history.remove(batch) for batch in found.batches()) == 60 - KEPT_VERSIONS - 1
        assert left(store)[-1] == 3


def test_a_flow_that_is_adopted_again_and_again_keeps_the_delivery_that_replaced_another_version(
    url: str, clock: SteppedClock
) -> None:
    with old_store(url, clock) as store:
        _set(
            url, "UPDATE steps SET live_version = '99.0', previous_version = '99.0', kind = 'adopt' WHERE sync_id > 10"
        )
        _set(url, "UPDATE steps SET live_version = '99.0', previous_version = '9.0' WHERE sync_id = 10")
        purge(store)
        # 60 recorded it last, 10 replaced 9.0, and 9 and 8 made the two versions before that live.
        assert left(store) == [60, 10, 9, 8]


def test_an_approval_goes_with_the_sync_that_used_it_and_one_that_was_not_used_stays(
    url: str, clock: SteppedClock
) -> None:
    with old_store(url, clock) as store:
        for digest in ("sha256:1", "sha256:60", "sha256:unused"):
            store.approvals.give(ORGANIZATION, digest, by="ada")
        store.approvals.promote(ORGANIZATION, 1, by="ada")
        purge(store)
        held = [store.approvals.of(ORGANIZATION, f"sha256:{digest}") is not None for digest in ("1", "60", "unused")]
        assert held == [False, True, True]
        assert store.approvals.promotion(ORGANIZATION, 1) is None


def test_facts_about_a_version_go_once_a_later_version_has_some(url: str, clock: SteppedClock) -> None:
    reference = FlowReference("Desk", ("inboundcall",), "transferToFlow", "tasks[0]")
    with Store.open(url, clock=clock) as store:
        store.facts.remember_references(ORGANIZATION, "a", "1.0", [reference])
        store.facts.remember_export_digest(ORGANIZATION, "b", "1.0", "sha256:b")
        clock.advance(86_400)
        store.facts.remember_export_digest(ORGANIZATION, "a", "2.0", "sha256:a")
        clock.advance(500 * 86_400)
        purge(store)
        assert store.facts.references(ORGANIZATION, "a", "1.0") is None
        digests = store.facts.export_digests(ORGANIZATION)
        assert (digests["a", "2.0"], digests["b", "1.0"]) == ("sha256:a", "sha256:b")


def test_released_quarantines_go_and_active_ones_stay(url: str, clock: SteppedClock) -> None:
    with Store.open(url, clock=clock) as store:
        store.quarantines.add(ORGANIZATION, FLOW, "sha256:1", "it failed")
        store.quarantines.add(ORGANIZATION, FLOW, "sha256:2", "it failed")
        store.quarantines.release(ORGANIZATION, FLOW, by="ada", wanted="sha256:1")
        clock.advance(500 * 86_400)
        assert store.history.remove_released() == 1
        assert [each.wanted for each in store.quarantines.active(ORGANIZATION)] == ["sha256:2"]


def test_a_step_that_is_skipped_after_all_gives_its_place_back(store: Store) -> None:
    lease = store.leases.acquire(ORGANIZATION, "a")
    first = store.journal.begin(lease, _sync(), [_step()])
    store.journal.advance(lease, first.steps[0], StepState.RECORDED)
    store.journal.finish(lease, first.id, SyncState.SUCCEEDED, {})
    second = store.journal.begin(lease, _sync(), [_step()])
    assert store.journal.latest(ORGANIZATION)[FLOW].sync_id == first.id
    store.journal.advance(lease, second.steps[0], StepState.VALIDATED)
    assert store.journal.latest(ORGANIZATION)[FLOW].sync_id == second.id
    store.journal.advance(lease, second.steps[0], StepState.SKIPPED)
    assert store.journal.latest(ORGANIZATION)[FLOW].sync_id == first.id


def test_an_earlier_step_that_moves_later_does_not_become_the_latest(store: Store) -> None:
    lease = store.leases.acquire(ORGANIZATION, "a")
    first, second = (store.journal.begin(lease, _sync(), [_step()]) for _ in range(2))
    store.journal.advance(lease, second.steps[0], StepState.LIVE)
    store.journal.advance(lease, first.steps[0], StepState.FAILED)
    assert store.journal.latest(ORGANIZATION)[FLOW].sync_id == second.id


def test_a_filled_store_of_the_version_before_tells_the_same(empty_url: str, clock: SteppedClock) -> None:
    write_history(empty_url, syncs=30, flows=7, began=clock.start, version="0006")
    _set(empty_url, "UPDATE steps SET state = 'skipped' WHERE sync_id = 30")
    _set(empty_url, "UPDATE steps SET state = 'rolled-back', recorded_at = NULL WHERE id = 12")
    expected = {f"Flow {flow}": max(step for step in range(1, 146) if (step - 1) % 7 == flow) for flow in range(7)}
    with Store.open(empty_url, clock=clock) as store:
        assert {key.name: step.id for key, step in store.journal.latest(ORGANIZATION).items()} == expected
        assert [sync.id for sync in store.journal.unfinished(ORGANIZATION)] == [3]
        assert len(left(store)) == 30


def _set(url: str, statement: str, **values: object) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement), values)
    engine.dispose()


def _sync() -> NewSync:
    return NewSync(ORGANIZATION, "abc", "sha256:p", "ada", "manual", "rollback-all")


def _step() -> NewStep:
    return NewStep("flow-0", FLOW, "publish", "sha256:w", "sha256:w", "", (), "id", "1.0", None)
