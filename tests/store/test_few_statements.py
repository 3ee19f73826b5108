"""What every change of a delivery asks of the store is few statements."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import event

from controller.domain.identity import FlowKey
from controller.domain.status import StepState
from controller.store.audit import AuditEntry
from controller.store.leases import Lease
from controller.store.records import NewStep, NewSync, StepRecord, SyncRecord, WriteOutcome
from controller.store.store import Store

NAME = "production"
CHANGE = NewStep("desk", FlowKey("inboundcall", "Desk"), "publish", "w", "w", "", (), "id", "1.0", None)


def asked(store: Store, work: Callable[[], object]) -> list[str]:
    """The verbs of the statements meanwhile; PostgreSQL is also asked for its time."""
    verbs: list[str] = []

    def note(_c: object, _u: object, statement: str, *_: object) -> None:
        if "clock_timestamp" not in statement:
            verbs.append(statement.split(maxsplit=1)[0])

    engine = store.database._engine
    event.listen(engine, "before_cursor_execute", note)
    work()
    event.remove(engine, "before_cursor_execute", note)
    return verbs


@pytest.fixture
def lease(store: Store) -> Lease:
    return store.leases.acquire(NAME, "a")


@pytest.fixture
def step(store: Store, lease: Lease) -> StepRecord:
    return store.journal.begin(lease, NewSync(NAME, "abc", "p", "ada", "manual", "rollback-all"), [CHANGE]).steps[0]


def _now(store: Store, step: StepRecord) -> StepRecord:
    sync = store.journal.sync(step.sync_id)
    assert sync is not None
    return sync.steps[0]


def test_an_audit_entry_reads_head_and_rates_once_and_writes_itself_and_the_head(store: Store) -> None:
    entry = AuditEntry(NAME, "publish", "success", "ada")
    store.audit.append(entry)
    assert asked(store, lambda: store.audit.append(entry)) == ["SELECT", "SELECT", "INSERT", "UPDATE"]


def test_opening_a_sync_reads_nothing_of_it_but_its_steps(store: Store, lease: Lease) -> None:
    sync = NewSync(NAME, "abc", "p", "ada", "manual", "rollback-all")
    begun: list[SyncRecord] = []
    verbs = asked(store, lambda: begun.append(store.journal.begin(lease, sync, [CHANGE, CHANGE])))
    assert verbs == ["SELECT", "INSERT", "INSERT", "SELECT"]
    assert begun == [store.journal.sync(begun[0].id)]


def test_a_step_comes_back_from_the_statement_that_moves_it(store: Store, lease: Lease, step: StepRecord) -> None:
    moved: list[StepRecord] = []

    def live() -> None:
        moved.append(store.journal.advance(lease, step, StepState.LIVE, live_version="2.0"))

    def baking() -> None:
        moved.append(store.journal.advance(lease, moved[0], StepState.BAKING))

    # Only where it becomes the flow's latest step is that noted, too.
    assert asked(store, live) == ["SELECT", "UPDATE", "INSERT"]
    assert asked(store, baking) == ["SELECT", "UPDATE"]
    assert moved[1] == _now(store, step)


def test_intent_and_result_come_back_with_their_step(store: Store, lease: Lease, step: StepRecord) -> None:
    steps = [step]

    def intend() -> None:
        steps.append(store.journal.intend(lease, step, "publish", {"version": "2.0"}))

    def conclude() -> None:
        steps.append(store.journal.conclude(steps[1], steps[1].writes[0], WriteOutcome.DONE, {"job": "j"}))

    assert asked(store, intend) == ["SELECT", "INSERT"]
    assert steps[1] == _now(store, step)
    assert asked(store, conclude) == ["UPDATE"]
    assert steps[2] == _now(store, step)


def test_however_many_steps_are_recorded_it_is_one_statement_behind_the_proof(
    store: Store, lease: Lease, step: StepRecord
) -> None:
    other = store.journal.add(lease, step.sync_id, CHANGE)
    states = {step.id: StepState.RECORDED, other.id: StepState.RECORDED}
    assert asked(store, lambda: store.journal.recorded(lease, states)) == ["SELECT", "UPDATE"]


def test_the_place_of_a_branch_is_one_statement_and_the_last_one_holds(store: Store) -> None:
    store.known_branches.note(NAME, "records", "a")
    assert asked(store, lambda: store.known_branches.note(NAME, "records", "b")) == ["INSERT"]
    assert store.known_branches.of(NAME) == {"records": "b"}


def test_nothing_is_asked_about_the_steps_of_no_sync(store: Store) -> None:
    assert asked(store, lambda: store.journal.unfinished(NAME)) == ["SELECT"]
