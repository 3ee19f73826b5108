"""Which organisation a name stands for: bound once, moved with nothing lost, and never mixed with another one."""

from __future__ import annotations

import contextlib
import threading

from controller.domain.identity import FlowKey
from controller.domain.organization_identity import OrganizationIdentity
from controller.store.records import NewSync
from controller.store.store import Store
from tests.support.clock import SteppedClock

IVR = FlowKey("inboundcall", "Main IVR")
FIRST = OrganizationIdentity("https://api.first.example", "client", "first-id")
OTHER = OrganizationIdentity("https://api.other.example", "client", "other-id")


def deliver(store: Store, revision: str) -> int:
    """A sync in the history of `production`."""
    lease = store.leases.acquire("any", "node-a")
    return store.journal.begin(lease, NewSync("production", revision, "sha256:0", "ada", "test", "halt"), []).id


def test_a_name_stands_for_what_it_was_bound_to_first(store: Store) -> None:
    assert store.bindings.bind("production", "first-id") == "first-id"
    assert store.bindings.bind("production", "other-id") == "first-id"
    assert store.bindings.names(["first-id"]) == ["production"]
    assert store.bindings.names(["other-id"]) == []


def test_all_names_of_an_organisation_are_found(store: Store) -> None:
    for name, identity in (("b", "first-id"), ("a", FIRST.by_client), ("c", "other-id")):
        store.bindings.bind(name, identity)
    assert store.bindings.names([FIRST.key, FIRST.by_client]) == ["a", "b"]


def test_the_same_organisation_by_a_better_key_keeps_its_history(store: Store) -> None:
    store.bindings.bind("production", FIRST.by_client)
    sync = deliver(store, "r1")
    store.bindings.refine("production", FIRST.key)
    assert store.bindings.names([FIRST.key]) == ["production"]
    assert [each.id for each in store.journal.history("production")] == [sync]


def test_another_organisation_has_another_history_and_the_old_one_comes_back_with_the_name(store: Store) -> None:
    store.bindings.bind("production", FIRST.key)
    first = deliver(store, "r1")
    store.quarantines.add("production", IVR, "sha256:1", "it failed in the first organisation")

    kept = store.bindings.move("production", FIRST.key, OTHER.key)

    assert store.journal.history("production") == []
    assert store.quarantines.active("production") == ()
    assert [each.id for each in store.journal.history(kept)] == [first]
    other = deliver(store, "r2")
    store.bindings.move("production", OTHER.key, FIRST.key)
    assert [each.id for each in store.journal.history("production")] == [first]
    assert [each.wanted for each in store.quarantines.active("production")] == ["sha256:1"]
    assert store.bindings.move("production", FIRST.key, OTHER.key) == kept
    assert [each.id for each in store.journal.history("production")] == [other]


def test_a_look_finds_the_right_history_before_and_after_a_name_is_moved(store: Store) -> None:
    """A plan binds nothing: it reads what belongs to the organisation that its manifest leads to."""
    assert store.bindings.kept_as("production", FIRST) == "production"
    store.bindings.bind("production", FIRST.key)
    aside = store.bindings.kept_as("production", OTHER)
    assert aside not in ("production", store.bindings.kept_as("production", FIRST))

    kept = store.bindings.move("production", FIRST.key, OTHER.key)

    assert store.bindings.kept_as("production", OTHER) == "production"
    assert store.bindings.kept_as("production", FIRST) == kept


def test_an_organisation_that_was_known_by_its_client_alone_is_the_same_one(store: Store) -> None:
    store.bindings.bind("production", FIRST.by_client)
    assert store.bindings.kept_as("production", FIRST) == "production"


def test_a_move_that_fails_in_the_middle_moves_nothing(store: Store) -> None:
    store.bindings.bind("production", FIRST.key)
    first = deliver(store, "r1")
    with contextlib.suppress(RuntimeError), store.together():
        store.bindings.move("production", FIRST.key, OTHER.key)
        raise RuntimeError("the process ends here")
    assert store.bindings.names([FIRST.key]) == ["production"]
    assert [each.id for each in store.journal.history("production")] == [first]


def test_of_many_who_bind_a_new_name_at_once_all_learn_what_it_stands_for(url: str, clock: SteppedClock) -> None:
    told: list[str] = []
    barrier = threading.Barrier(4)

    def contend(number: int) -> None:
        with Store.open(url, clock=clock) as store:
            barrier.wait(timeout=120)
            told.append(store.bindings.bind("production", f"organisation-{number}"))

    threads = [threading.Thread(target=contend, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert len(told) == 4
    assert len(set(told)) == 1


def test_who_an_organisation_is_is_learnt_for_each_client_and_kept(url: str, clock: SteppedClock) -> None:
    asked = OrganizationIdentity("https://api.first.example", "client")
    with Store.open(url, clock=clock) as store:
        assert store.identities.known(asked) == asked
        store.identities.learn(FIRST)
        store.identities.learn(OrganizationIdentity(FIRST.api_url, FIRST.client_id, "something else"))
    with Store.open(url, clock=clock) as again:
        assert again.identities.known(asked) == FIRST
        elsewhere = OrganizationIdentity("https://api.first.example", "another client")
        assert again.identities.known(elsewhere) == elsewhere
