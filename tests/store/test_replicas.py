"""Which controllers share a store, and which of them looks after which organisation."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import event

from controller.domain.clock import SystemClock
from controller.store.live_marks import LiveTopic
from controller.store.replicas import Member, Roster
from controller.store.store import Store
from tests.store.test_leases import store_of
from tests.support.clock import SteppedClock
from tests.support.postgres import new_database

A, B = Member("node-a", "1"), Member("node-b", "1")
BOTH = ("east", "west")
TTL_S = 12


def beat(store: Store, member: Member, *, joined: bool = True) -> Roster:
    return store.replicas.beat(member, BOTH, ttl_s=TTL_S, joined=joined)


def holders(store: Store) -> dict[str, str | None]:
    roster = store.replicas.roster()
    return {each: roster.holder(each) for each in BOTH}


def test_what_a_replica_claims_is_its_own_until_it_is_not_heard_from(store: Store, clock: SteppedClock) -> None:
    beat(store, A)
    assert store.replicas.claim("node-a", BOTH, (), ttl_s=TTL_S) == set(BOTH)
    for _ in range(3):
        clock.advance(8)
        roster = beat(store, A)
        assert store.replicas.claim("node-b", BOTH, (), ttl_s=TTL_S) == set()
    assert (set(roster.replicas), roster.replicas["node-a"].serves) == ({"node-a"}, set(BOTH))
    assert roster.at - roster.replicas["node-a"].since == timedelta(seconds=24)

    clock.advance(TTL_S)
    assert holders(store) == dict.fromkeys(BOTH)
    assert store.replicas.claim("node-b", ["east"], (), ttl_s=TTL_S) == {"east"}
    roster = beat(store, A)
    assert (roster.holder("east"), roster.holder("west")) == ("node-b", None), "what expired is not renewed"
    assert roster.replicas["node-a"].since == roster.at


def test_what_is_given_up_is_free_at_once_and_all_are_told(store: Store) -> None:
    beat(store, A)
    store.replicas.claim("node-a", BOTH, (), ttl_s=TTL_S)
    mark = store.marks.changed_since(None).mark

    store.replicas.give_up("node-b", ["west"])
    store.replicas.give_up("node-a", ["east"])

    assert holders(store) == {"east": None, "west": "node-a"}
    assert store.marks.changed_since(mark).topics == {("east", LiveTopic.ASSIGNMENT)}
    assert store.replicas.claim("node-b", ["east"], (), ttl_s=TTL_S) == {"east"}


def test_who_leaves_is_counted_no_more_and_holds_nothing(store: Store) -> None:
    beat(store, A)
    beat(store, B)
    store.replicas.claim("node-a", BOTH, (), ttl_s=TTL_S)
    store.replicas.leave(A)
    assert set(store.replicas.roster().replicas) == {"node-b"}
    assert holders(store) == dict.fromkeys(BOTH)


def test_a_replica_that_is_known_to_be_dead_keeps_nobody_waiting(store: Store) -> None:
    store.replicas.claim("node-a", BOTH, (), ttl_s=TTL_S)
    assert store.replicas.claim("node-b", BOTH, ["node-a"], ttl_s=TTL_S) == set(BOTH)


def test_of_two_processes_with_one_name_the_one_that_came_last_stays(store: Store, clock: SteppedClock) -> None:
    later = Member("node-a", "2")
    beat(store, A, joined=False)
    store.replicas.claim("node-a", BOTH, (), ttl_s=TTL_S)
    beat(store, later, joined=False)

    assert beat(store, A).superseded
    store.replicas.leave(A)
    assert not beat(store, later).superseded
    assert holders(store) == dict.fromkeys(BOTH, "node-a")
    clock.advance(TTL_S)
    assert not beat(store, A).superseded, "the later one has ended"


def test_of_many_contenders_each_organisation_has_one(url: str, clock: SteppedClock) -> None:
    """Six threads with a connection each claim all at the same moment."""
    organizations = [f"org-{number:02}" for number in range(20)]
    won: list[frozenset[str]] = []
    barrier = threading.Barrier(6)

    def contend(number: int) -> None:
        with Store.open(url, clock=clock) as store:
            barrier.wait(timeout=120)
            won.extend(store.replicas.claim(f"node-{number}", organizations, (), ttl_s=TTL_S) for _ in range(3))

    threads = [threading.Thread(target=contend, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert sorted(each for some in won for each in some) == organizations


@pytest.mark.parametrize("ahead_s", [-600, 600])
def test_a_wrong_clock_neither_takes_an_organisation_early_nor_loses_its_own(postgres: str, ahead_s: int) -> None:
    url = new_database(postgres)
    with store_of(url, ahead_s=0) as right, store_of(url, ahead_s=ahead_s) as wrong:
        right.replicas.beat(A, BOTH, ttl_s=TTL_S)
        assert right.replicas.claim("node-a", ["east"], (), ttl_s=TTL_S) == {"east"}
        assert wrong.replicas.claim("node-b", BOTH, (), ttl_s=TTL_S) == {"west"}
        for store in (wrong, right):
            roster = store.replicas.beat(B if store is wrong else A, BOTH, ttl_s=TTL_S)
            assert set(roster.replicas) >= {"node-a"}
            assert holders(store) == {"east": "node-a", "west": "node-b"}


def test_a_beat_takes_as_many_statements_for_one_organisation_as_for_fifty(url: str) -> None:
    with Store.open(url, clock=SystemClock()) as store:
        taken = []
        statements: list[str] = []
        event.listen(
            store.database._engine, "before_cursor_execute", lambda _c, _u, text, *_rest: statements.append(text)
        )
        for count in (1, 50):
            organizations = [f"org-{number}" for number in range(count)]
            store.replicas.claim("node-a", organizations, (), ttl_s=TTL_S)
            store.replicas.beat(A, organizations, ttl_s=TTL_S)
            statements.clear()
            store.replicas.beat(A, organizations, ttl_s=TTL_S)
            taken.append(len(statements))
    assert taken[0] == taken[1] <= 6
