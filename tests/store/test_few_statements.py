"""What every change of a delivery asks of the store is few statements."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import event

from controller.domain.identity import FlowKey
from controller.domain.status import StepState
from controller.store.audit import AuditEntry
from controller.store.leases import Lease
from controller.store.records import NewStep, NewSync, StepRecord, WriteOutcome
from controller.store.store import Store

NAME = "production"


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
    change = NewStep("desk", FlowKey("inboundcall", "Desk"), "publish", "w", "w", "", (), "id", "1.0", None)
    return store.journal.begin(lease, NewSync(NAME, "abc", "p", "ada", "manual", "rollback-all"), [change]).steps[0]


def test_an_audit_entry_reads_head_and_rates_once_and_writes_itself_its_digest_and_the_head(store: Store) -> None:
    entry = AuditEntry(NAME, "publish", "success", "ada")
    store.audit.append(entry)
    assert asked(store, lambda: store.audit.append(entry)) == ["SELECT", "INSERT", "SELECT", "UPDATE", "UPDATE"]


def test_a_step_comes_back_from_the_statement_that_moves_it(store: Store, lease: Lease, step: StepRecord) -> None:
    moved: list[StepRecord] = []
    verbs = asked(
        store, lambda: moved.append(store.journal.advance(lease, step.id, StepState.LIVE, live_version="2.0"))
    )
    assert verbs == ["SELECT", "UPDATE", "INSERT", "SELECT"]
    assert moved == [store.journal.step(step.id)]


def test_a_result_comes_back_with_its_step(store: Store, lease: Lease, step: StepRecord) -> None:
    write = store.journal.intend(lease, step.id, "publish", {"version": "2.0"})
    concluded: list[StepRecord] = []
    verbs = asked(store, lambda: concluded.append(store.journal.conclude(write, WriteOutcome.DONE, {"job": "j"})))
    assert verbs == ["UPDATE", "SELECT", "SELECT"]
    assert concluded == [store.journal.step(step.id)]


def test_the_place_of_a_branch_is_one_statement_and_the_last_one_holds(store: Store) -> None:
    store.known_branches.note(NAME, "records", "a")
    assert asked(store, lambda: store.known_branches.note(NAME, "records", "b")) == ["INSERT"]
    assert store.known_branches.of(NAME) == {"records": "b"}


def test_nothing_is_asked_about_the_steps_of_no_sync(store: Store) -> None:
    assert asked(store, lambda: store.journal.unfinished(NAME)) == ["SELECT"]
