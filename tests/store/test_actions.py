"""What people ask of the controller: suspensions hold until they are ended, actions are carried out at most once."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from controller.domain.errors.api import IdempotencyConflict
from controller.domain.redaction import SECRETS
from controller.store.actions import ActionOutcome, AskedAction, NewAction, Verb
from controller.store.store import Store
from tests.support.clock import SteppedClock

SYNC = NewAction(
    organization="production", verb=Verb.SYNC, by="ada", reason="the fix is in", key="k1", digest="sha256:1"
)


def current(store: Store, action: AskedAction) -> AskedAction:
    found = store.actions.get(action.id)
    assert found is not None
    return found


def test_a_suspension_holds_until_it_is_ended(store: Store, clock: SteppedClock) -> None:
    assert store.suspensions.of("production") is None
    first = store.suspensions.suspend("production", by="ada", reason="an incident")
    clock.advance(10)
    assert store.suspensions.suspend("production", by="bob", reason="also me") == first
    assert store.suspensions.of("production") == first
    assert (first.by, first.reason, first.at) == ("ada", "an incident", clock.start)
    assert store.suspensions.of("staging") is None
    assert store.suspensions.resume("production", by="bob", reason="over") == first
    assert store.suspensions.of("production") is None
    assert store.suspensions.resume("production", by="bob", reason="over") is None


def test_the_same_request_twice_is_one_action(store: Store) -> None:
    action, new = store.actions.ask(SYNC)
    assert new
    again, new = store.actions.ask(replace(SYNC, reason="the same in other words"))
    assert (again, new) == (action, False)
    other, new = store.actions.ask(replace(SYNC, by="bob"))
    assert new
    assert [each.id for each in store.actions.recent("production")] == [other.id, action.id]
    assert store.actions.waiting() == {"production": {Verb.SYNC}}


@pytest.mark.parametrize(
    "other",
    [
        replace(SYNC, digest="sha256:2"),
        replace(SYNC, organization="staging"),
        replace(SYNC, verb=Verb.RETRY, flow="desk"),
        replace(SYNC, version="3.0"),
    ],
)
def test_one_key_for_two_requests_is_refused(store: Store, other: NewAction) -> None:
    action, _ = store.actions.ask(SYNC)
    with pytest.raises(IdempotencyConflict, match="ada used the key k1 for another request: sync of production"):
        store.actions.ask(other)
    assert store.actions.recent("production") == [action]


def test_an_action_is_taken_by_one_controller_only(store: Store) -> None:
    for key in ("k1", "k2"):
        store.actions.ask(replace(SYNC, key=key))
    together = threading.Barrier(8)
    taken: list[AskedAction | None] = []

    def take(holder: str) -> None:
        together.wait()
        taken.append(store.actions.take("production", holder))

    threads = [threading.Thread(target=take, args=(f"node-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(action.key for action in taken if action is not None) == ["k1", "k2"]
    assert store.actions.waiting() == {}


def test_an_action_is_given_back_and_taken_again_in_the_order_of_asking(store: Store, clock: SteppedClock) -> None:
    first, _ = store.actions.ask(SYNC)
    second, _ = store.actions.ask(replace(SYNC, key="k2"))
    taken = store.actions.take("production", "node-a")
    assert taken == replace(first, taken_by="node-a", taken_at=clock.now())
    assert taken is not None
    store.actions.give_back(taken)
    assert store.actions.waiting() == {"production": {Verb.SYNC}}
    again = store.actions.take("production", "node-b")
    assert again is not None
    assert again.id == first.id
    store.actions.done(taken, ActionOutcome.DONE, "too late: it is not node-a's any more")
    assert current(store, first) == again
    clock.advance(3)
    store.actions.done(again, ActionOutcome.REFUSED, "stale")
    ended = current(store, first)
    assert (ended.outcome, ended.message, ended.done_at) == (ActionOutcome.REFUSED, "stale", clock.now())
    last = store.actions.take("production", "node-b")
    assert last is not None
    assert last.id == second.id


def test_an_action_of_a_dead_controller_is_closed_and_not_carried_out_again(store: Store, clock: SteppedClock) -> None:
    store.actions.ask(SYNC)
    store.actions.ask(replace(SYNC, key="k2", organization="staging"))
    dead, alive = store.actions.take("production", "node-a"), store.actions.take("staging", "node-b")
    assert dead is not None
    assert alive is not None
    clock.advance(store.database.lease_ttl_s - 2)
    store.actions.beat("node-b")
    assert store.actions.close_abandoned() == 0
    clock.advance(3)
    assert store.actions.close_abandoned() == 1
    closed = current(store, dead)
    assert closed.outcome is ActionOutcome.INTERRUPTED
    assert closed.message is not None
    assert closed.message.startswith("node-a took it and was not heard from since")
    assert current(store, alive) == alive
    assert store.actions.take("production", "node-b") is None


def test_a_controller_that_starts_again_closes_what_its_earlier_run_had_taken(
    store: Store, clock: SteppedClock
) -> None:
    store.actions.ask(SYNC)
    left = store.actions.take("production", "node-a")
    assert left is not None
    clock.advance(1)
    assert store.actions.close_abandoned("node-b") == 0
    assert store.actions.close_abandoned("node-a", older_than_s=5) == 0, "this run took it"
    assert store.actions.close_abandoned("node-a") == 1
    assert current(store, left).outcome is ActionOutcome.INTERRUPTED


def test_old_done_actions_are_removed_and_open_ones_stay(store: Store, clock: SteppedClock) -> None:
    done, _ = store.actions.ask(SYNC)
    taken = store.actions.take("production", "node-a")
    assert taken is not None
    store.actions.done(taken, ActionOutcome.DONE, "in sync")
    open_one, _ = store.actions.ask(replace(SYNC, key="k2"))
    clock.advance(timedelta(days=4000).total_seconds())
    assert store.actions.purge() == 1
    assert store.actions.get(done.id) is None
    assert store.actions.recent("production") == [open_one]


def test_no_secret_is_kept_of_what_people_wrote(store: Store) -> None:
    SECRETS.register("hunter2hunter2")
    action, _ = store.actions.ask(replace(SYNC, reason="with hunter2hunter2"))
    assert action.reason == "with ***"
    assert store.suspensions.suspend("production", by="ada", reason="hunter2hunter2").reason == "***"
