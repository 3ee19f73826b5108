"""Leases: one holder at a time, and a lost lease is noticed at the next write."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from controller.domain.clock import SystemClock
from controller.domain.errors.delivery import LeaseHeld, LeaseLost
from controller.store.database import Database
from controller.store.leases import Lease
from controller.store.records import NewSync
from controller.store.store import Store
from tests.support.clock import ShiftedClock, SteppedClock
from tests.support.postgres import new_database

SYNC = NewSync("acme", "none", "sha256:0", "ada", "test", "halt")


def test_a_held_lease_names_its_holder_and_when_to_come_back(store: Store, clock: SteppedClock) -> None:
    store.leases.acquire("production", "node-a", ttl_s=60)
    clock.advance(20)
    with pytest.raises(LeaseHeld, match="node-a is at work") as held:
        store.leases.acquire("production", "node-b")
    assert held.value.retry_after_s == pytest.approx(40)


def test_an_expired_lease_is_taken_over_and_its_old_holder_is_refused(store: Store, clock: SteppedClock) -> None:
    old = store.leases.acquire("production", "node-a", ttl_s=60)
    clock.advance(60)
    new = store.leases.acquire("production", "node-b", ttl_s=60)
    assert new.fence == old.fence + 1
    with pytest.raises(LeaseLost, match="node-b took it over"):
        store.leases.renew(old)


def test_a_lease_that_ran_out_cannot_be_renewed_even_when_nobody_took_it(store: Store, clock: SteppedClock) -> None:
    lease = store.leases.acquire("production", "node-a", ttl_s=60)
    clock.advance(61)
    with pytest.raises(LeaseLost, match="expired at 12:01:00"):
        store.leases.renew(lease)


def test_renewing_moves_the_end(store: Store, clock: SteppedClock) -> None:
    lease = store.leases.acquire("production", "node-a", ttl_s=60)
    clock.advance(50)
    store.leases.renew(lease, ttl_s=60)
    clock.advance(50)
    assert store.leases.holder("production") is not None
    with pytest.raises(LeaseHeld):
        store.leases.acquire("production", "node-b")


def test_releasing_frees_at_once_and_the_fence_goes_on_growing(store: Store) -> None:
    first = store.leases.acquire("production", "node-a")
    store.leases.release(first)
    assert store.leases.holder("production") is None
    assert store.leases.acquire("production", "node-b").fence == first.fence + 1


def test_releasing_a_lost_lease_leaves_the_new_holder_alone(store: Store, clock: SteppedClock) -> None:
    old = store.leases.acquire("production", "node-a", ttl_s=1)
    clock.advance(2)
    new = store.leases.acquire("production", "node-b", ttl_s=60)
    store.leases.release(old)
    assert store.leases.holder("production") == new


def test_a_restarted_holder_takes_its_own_lease_back_and_shuts_out_its_earlier_run(store: Store) -> None:
    earlier = store.leases.acquire("production", "pod-0")
    store.leases.acquire("production", "pod-0")
    with pytest.raises(LeaseLost):
        store.leases.renew(earlier)


def test_a_holder_at_work_for_one_manifest_is_held_for_another(store: Store, clock: SteppedClock) -> None:
    """Two workers of one process are two writers as well."""
    lease = store.leases.acquire("org-1", "pod-0", manifest="acme", ttl_s=60)
    with pytest.raises(
        LeaseHeld, match=r"^rival: pod-0 is at work on it, the same organisation, for the manifest acme"
    ):
        store.leases.acquire("org-1", "pod-0", manifest="rival")
    assert store.leases.holder("org-1") == lease
    clock.advance(60)
    assert store.leases.acquire("org-1", "pod-0", manifest="rival").fence == lease.fence + 1
    with pytest.raises(LeaseLost, match=r"^acme: pod-0 no longer holds the lease \(pod-0 took it over\)"):
        store.leases.renew(lease)


def test_leases_of_different_organisations_do_not_touch_each_other(store: Store) -> None:
    store.leases.acquire("production", "node-a")
    assert store.leases.acquire("staging", "node-b").fence == 1


def test_of_many_contenders_exactly_one_gets_the_lease(url: str, clock: SteppedClock) -> None:
    """Eight threads with a connection each ask at the same moment."""
    won: list[Lease] = []
    barrier = threading.Barrier(8)

    def contend(number: int) -> None:
        with Store.open(url, clock=clock) as store:
            barrier.wait(timeout=120)
            with contextlib.suppress(LeaseHeld):
                won.append(store.leases.acquire("production", f"node-{number}"))

    threads = [threading.Thread(target=contend, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert len(won) == 1


def test_a_machine_whose_clock_is_ahead_does_not_take_a_lease_before_its_time(postgres: str) -> None:
    """Where a server keeps the store, a lease lasts as long as it lasts there, whatever the machines' clocks show."""
    url = new_database(postgres)
    with (
        store_of(url, ahead_s=0) as right,
        store_of(url, ahead_s=3600) as ahead,
        store_of(url, ahead_s=-3600) as behind,
    ):
        for name, holder, others in (
            ("east", right, (ahead, behind)),
            ("west", ahead, (right, behind)),
            ("north", behind, (right, ahead)),
        ):
            lease = holder.leases.acquire(name, "holder", ttl_s=60)
            holder.leases.renew(lease, ttl_s=60)
            for other in others:
                with pytest.raises(LeaseHeld, match="holder is at work") as held:
                    other.leases.acquire(name, "other", ttl_s=60)
                assert held.value.retry_after_s == pytest.approx(60, abs=10)
                assert other.leases.holder(name) is not None
            holder.leases.require(lease)
            holder.leases.release(lease)
            taken = others[0].leases.acquire(name, "other", ttl_s=60)
            with pytest.raises(LeaseLost, match="other took it over"):
                holder.journal.begin(lease, SYNC, [])
            others[0].journal.begin(taken, SYNC, [])


@contextlib.contextmanager
def store_of(url: str, *, ahead_s: float) -> Iterator[Store]:
    """The store as a machine sees it whose clock is set wrong."""
    clock = ShiftedClock(SystemClock(), timedelta(seconds=ahead_s))
    with Store(Database.open(url, clock), clock=clock) as opened:
        yield opened
