"""The journal: nothing is announced without the lease, and everything announced can be read again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controller.domain.errors.delivery import LeaseLost
from controller.domain.identity import FlowKey
from controller.domain.platform import Ticket, TicketKind
from controller.domain.status import StepState
from controller.store.leases import Lease
from controller.store.records import NewStep, NewSync, StepRecord, SyncRecord, SyncState, WriteOutcome
from controller.store.store import Store
from tests.support.clock import SteppedClock

MENU = FlowKey("commonmodule", "Menu | <b>")
IVR = FlowKey("inboundcall", "Main IVR ")


def new_sync(organization: str = "production") -> NewSync:
    return NewSync(organization, "abc123", "sha256:1", "ada", "manual", "rollback-all", dirty=True)


def new_step(key: FlowKey, *, previous: str | None = None, consumes: tuple[FlowKey, ...] = ()) -> NewStep:
    return NewStep(
        flow=key.name.strip().lower(),
        key=key,
        kind="publish",
        wanted="sha256:2",
        source_digest="sha256:2",
        dependency_digest="sha256:3",
        consumes=consumes,
        flow_id="f-1",
        previous_version=previous,
        target_version=None,
    )


def begin(store: Store, lease: Lease) -> SyncRecord:
    return store.journal.begin(
        lease, new_sync(lease.name), [new_step(MENU, previous="2.0"), new_step(IVR, consumes=(MENU,))]
    )


@pytest.fixture
def lease(store: Store) -> Lease:
    return store.leases.acquire("production", "node-a", ttl_s=60)


def _now(store: Store, step: StepRecord) -> StepRecord:
    """The step as the store has it now."""
    sync = store.journal.sync(step.sync_id)
    assert sync is not None
    return next(each for each in sync.steps if each.id == step.id)


def test_a_sync_keeps_its_steps_in_deployment_order(store: Store, lease: Lease) -> None:
    sync = begin(store, lease)
    assert [step.key for step in sync.steps] == [MENU, IVR]
    assert sync.steps[1].consumes == (MENU,)
    assert {step.state for step in sync.steps} == {StepState.PENDING}
    assert sync == store.journal.sync(sync.id)
    assert sync.dirty


def test_an_intent_moves_the_step_and_stands_without_outcome_until_concluded(store: Store, lease: Lease) -> None:
    step = begin(store, lease).steps[0]
    pending = store.journal.intend(lease, step, "publish", {"version": "3.0"}, state=StepState.PUBLISHING)
    assert pending == _now(store, step)
    assert pending.state is StepState.PUBLISHING
    assert [(made.action, made.outcome) for made in pending.writes] == [("publish", None)]

    ticket = Ticket(TicketKind.JOB, "j-1", None)
    done = store.journal.conclude(pending, pending.writes[0], WriteOutcome.DONE, {"job": "j-1"}, ticket=ticket)
    assert done == _now(store, step)
    assert done.ticket == ticket
    assert done.writes[0].outcome is WriteOutcome.DONE
    assert done.writes[0].details == {"version": "3.0"}


def test_without_the_lease_nothing_is_announced_or_moved(store: Store, lease: Lease, clock: SteppedClock) -> None:
    step = begin(store, lease).steps[0]
    clock.advance(60)
    store.leases.acquire("production", "node-b")
    with pytest.raises(LeaseLost):
        store.journal.intend(lease, step, "publish", {}, state=StepState.PUBLISHING)
    with pytest.raises(LeaseLost):
        store.journal.advance(lease, step, StepState.LIVE, live_version="3.0")
    with pytest.raises(LeaseLost):
        store.journal.begin(lease, new_sync(), [])
    with pytest.raises(LeaseLost):
        store.journal.finish(lease, step.sync_id, SyncState.SUCCEEDED, {})
    untouched = _now(store, step)
    assert (untouched.state, untouched.writes) == (StepState.PENDING, ())


def test_a_result_is_noted_even_when_the_lease_is_gone(store: Store, lease: Lease, clock: SteppedClock) -> None:
    """What happened in the organisation happened, whoever may write next."""
    step = begin(store, lease).steps[0]
    sent = store.journal.intend(lease, step, "publish", {})
    clock.advance(120)
    store.journal.conclude(sent, sent.writes[0], WriteOutcome.LOST, {})
    assert _now(store, step).writes[0].outcome is WriteOutcome.LOST


def test_a_result_that_an_earlier_holder_notes_late_is_seen_with_the_next_move(
    store: Store, lease: Lease, clock: SteppedClock
) -> None:
    sent = store.journal.intend(lease, begin(store, lease).steps[0], "publish", {}, state=StepState.PUBLISHING)
    clock.advance(60)
    later = store.leases.acquire("production", "node-b")
    taken_up = _now(store, sent)
    store.journal.conclude(sent, sent.writes[0], WriteOutcome.DONE, {})
    moved = store.journal.advance(later, taken_up, StepState.LIVE)
    assert [write.outcome for write in moved.writes] == [WriteOutcome.DONE]


def test_steps_are_noted_as_recorded_together_and_only_by_who_holds_the_lease(
    store: Store, lease: Lease, clock: SteppedClock
) -> None:
    first, second = begin(store, lease).steps
    back = store.journal.advance(lease, second, StepState.ROLLED_BACK, live_version="4.0")
    states = {first.id: StepState.RECORDED, back.id: StepState.ROLLED_BACK}
    store.journal.recorded(lease, states)
    found = [_now(store, each) for each in (first, back)]
    assert [(each.state, each.recorded_at) for each in found] == [(state, clock.now()) for state in states.values()]
    store.journal.recorded(lease, {})
    clock.advance(60)
    store.leases.acquire("production", "node-b")
    with pytest.raises(LeaseLost):
        store.journal.recorded(lease, states)


def test_advancing_notes_facts_and_leaves_the_others(store: Store, lease: Lease, clock: SteppedClock) -> None:
    step = begin(store, lease).steps[0]
    until = clock.now() + timedelta(seconds=300)
    live = store.journal.advance(lease, step, StepState.LIVE, live_version="3.0", consumed={IVR: "9.0"})
    baking = store.journal.advance(lease, live, StepState.BAKING, bake_until=until)
    assert (baking.live_version, baking.bake_until, baking.consumed) == ("3.0", until, {IVR: "9.0"})
    assert baking.previous_version == "2.0"


def test_unfinished_syncs_are_those_left_open_and_those_with_something_to_record(store: Store, lease: Lease) -> None:
    crashed, recorded, live, back = (begin(store, lease) for _ in range(4))
    for sync in (recorded, live, back):
        store.journal.finish(lease, sync.id, SyncState.SUCCEEDED, {"published": 2})
    store.journal.advance(lease, recorded.steps[0], StepState.RECORDED)
    store.journal.advance(lease, live.steps[0], StepState.EXPORTED, live_version="3.0")
    store.journal.advance(lease, back.steps[0], StepState.ROLLED_BACK, live_version="4.0")
    assert [sync.id for sync in store.journal.unfinished("production")] == [crashed.id, live.id, back.id]
    assert store.journal.unfinished("staging") == []


def test_a_rollback_to_the_very_version_leaves_nothing_to_record(store: Store, lease: Lease) -> None:
    sync = begin(store, lease)
    store.journal.advance(lease, sync.steps[0], StepState.ROLLED_BACK, live_version="2.0")
    store.journal.finish(lease, sync.id, SyncState.ROLLED_BACK, {})
    assert store.journal.unfinished("production") == []


def test_history_is_newest_first_and_of_one_organisation(store: Store, lease: Lease) -> None:
    other = store.leases.acquire("staging", "node-a")
    first, _, third = begin(store, lease), begin(store, other), begin(store, lease)
    assert [sync.id for sync in store.journal.history("production")] == [third.id, first.id]
    assert len(store.journal.history(limit=2)) == 2


def test_the_journal_is_there_after_the_process_that_wrote_it(url: str, clock: SteppedClock) -> None:
    with Store.open(url, clock=clock) as store:
        lease = store.leases.acquire("production", "node-a")
        before = begin(store, lease)
    with Store.open(url, clock=clock) as again:
        assert again.journal.unfinished("production") == [before]
