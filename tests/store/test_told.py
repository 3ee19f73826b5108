"""What was told and the messages about it are kept together, and by one process only."""

from __future__ import annotations

import threading

from controller.store.store import Store

FIRST = {"sequence": 0}
NEXT = {"sequence": 1}


def test_what_was_told_is_replaced_only_while_it_is_known(store: Store) -> None:
    assert store.told.of("acme") is None
    assert store.told.replace("acme", None, FIRST)
    assert not store.told.replace("acme", None, NEXT)
    assert store.told.replace("acme", FIRST, NEXT)
    assert not store.told.replace("acme", FIRST, {"sequence": 2})
    assert store.told.of("acme") == NEXT
    assert store.told.of("other") is None


def test_a_message_with_a_key_is_kept_once_however_often_it_is_added(store: Store) -> None:
    assert store.outbox.add_once("k1", "voice", "notification", {"n": 1})
    assert not store.outbox.add_once("k1", "voice", "notification", {"n": 2})
    assert store.outbox.add_once("k2", "voice", "notification", {"n": 3})
    store.outbox.add("change-management", "flow_version_migration", {"n": 4})
    store.outbox.add("change-management", "flow_version_migration", {"n": 4})
    (first, *_) = store.outbox.claim()
    store.outbox.delivered(first.id)
    assert not store.outbox.add_once("k1", "voice", "notification", {"n": 5}), "also once it is delivered"

    assert store.outbox.pending() == 3


def test_what_a_receiver_never_takes_is_not_sent_again_and_goes_with_the_delivered(store: Store) -> None:
    number = store.outbox.add("mail", "notification", {})
    store.outbox.give_up(number, "550 no such user")

    assert (store.outbox.pending(), store.outbox.claim()) == (0, [])
    assert store.outbox.purge(keep_days=-1) == 1


def test_a_message_that_is_given_back_can_be_claimed_at_once(store: Store) -> None:
    number = store.outbox.add("mail", "notification", {})
    assert [each.id for each in store.outbox.claim()] == [number]
    assert store.outbox.claim() == []
    store.outbox.release([number])
    assert [each.id for each in store.outbox.claim()] == [number]


def test_processes_that_tell_at_once_write_one_message(store: Store) -> None:
    """Each reads what was told, and then writes it on and adds its message; only one of them may."""
    store.told.replace("acme", None, FIRST)
    count = 8
    ready = threading.Barrier(count)
    written: list[bool] = []

    def tell(number: int) -> None:
        known = store.told.of("acme")
        ready.wait()
        with store.together():
            won = store.told.replace("acme", known, NEXT)
            if won:
                store.outbox.add_once(f"key of {number}", "voice", "notification", {})
        written.append(won)

    threads = [threading.Thread(target=tell, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(written) == [False] * (count - 1) + [True]
    assert store.outbox.pending() == 1
