"""Fair shares of organisations, computed by each replica on its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controller.service.shares import Shares, shares
from tests.support.examples import examples

ORGANIZATIONS = [f"org-{number:02}" for number in range(12)]
REPLICAS = ["a", "b", "c", "d"]
names = st.sampled_from(REPLICAS)


def everywhere(*replicas: str, of: list[str] = ORGANIZATIONS) -> dict[str, frozenset[str]]:
    return dict.fromkeys(replicas, frozenset(of))


def settle(
    serves: dict[str, frozenset[str]], holders: dict[str, str | None], turns: list[str]
) -> tuple[dict[str, str | None], int]:
    """Let the replicas act one after the other on what they see; returns who holds what, and how many were moved."""
    moved = 0
    for replica in turns:
        due = shares(replica, serves, holders)
        moved += len(due.give_up)
        holders = holders | dict.fromkeys(due.claim, replica) | dict.fromkeys(due.give_up)
    return holders, moved


def loads(serves: dict[str, frozenset[str]], holders: dict[str, str | None]) -> list[int]:
    return [list(holders.values()).count(replica) for replica in sorted(serves)]


@given(alive=st.sets(names, min_size=1), before=st.dictionaries(st.sampled_from(ORGANIZATIONS), names), data=st.data())
@examples(300)
def test_all_come_to_fair_shares_whoever_held_them_and_nothing_moves_after(
    alive: set[str], before: dict[str, str], data: st.DataObject
) -> None:
    """Within one of each other, also where some replicas died."""
    serves = everywhere(*alive)
    holders: dict[str, str | None] = dict.fromkeys(ORGANIZATIONS)
    holders |= {organization: replica for organization, replica in before.items() if replica in alive}
    turns = [each for _ in range(3) for each in data.draw(st.permutations(sorted(alive)))]

    settled, _ = settle(serves, holders, turns)

    assert None not in settled.values()
    found = loads(serves, settled)
    assert max(found) - min(found) <= 1
    for replica in alive:
        assert shares(replica, serves, settled) == Shares()


@given(served=st.lists(st.tuples(st.sampled_from(ORGANIZATIONS), names), min_size=1), data=st.data())
@examples(300)
def test_replicas_with_different_manifests_leave_no_organisation_alone(
    served: list[tuple[str, str]], data: st.DataObject
) -> None:
    serves = {name: frozenset(org for org, other in served if other == name) for _, name in served}
    turns = [each for _ in range(4) for each in data.draw(st.permutations(sorted(serves)))]

    settled, _ = settle(serves, {organization: None for organization, _ in served}, turns)

    for organization, replica in settled.items():
        assert replica is not None
        assert organization in serves[replica]
    for replica in serves:
        assert shares(replica, serves, settled) == Shares()


def test_a_newcomer_gets_a_fair_share_with_as_few_moves_as_possible() -> None:
    holders: dict[str, str | None] = {each: "ab"[number % 2] for number, each in enumerate(ORGANIZATIONS)}
    serves = everywhere("a", "b", "c")
    settled, moved = settle(serves, holders, ["a", "b", "c", "a", "b", "c"])
    assert (loads(serves, settled), moved) == ([4, 4, 4], 4)


def test_a_dead_replicas_organisations_are_claimed_and_nothing_else_moves() -> None:
    holders: dict[str, str | None] = {each: "abc"[number % 3] for number, each in enumerate(ORGANIZATIONS)}
    left = {organization: None if holder == "c" else holder for organization, holder in holders.items()}
    serves = everywhere("a", "b")
    settled, moved = settle(serves, left, ["a", "b"])
    assert (loads(serves, settled), moved) == ([6, 6], 0)


def test_the_organisations_at_rest_are_given_up_first() -> None:
    holders: dict[str, str | None] = dict.fromkeys(ORGANIZATIONS, "a")
    busy = set(ORGANIZATIONS[:9])
    due = shares("a", everywhere("a", "b"), holders, lambda each: each in busy)
    assert len(due.give_up) == 6
    assert set(ORGANIZATIONS[9:]) < due.give_up


def test_what_is_no_longer_in_the_manifests_is_given_up() -> None:
    due = shares("a", everywhere("a", of=["east"]), {"east": "a", "west": "a"})
    assert due == Shares(give_up=frozenset({"west"}))


def test_a_replica_that_serves_nothing_claims_nothing_and_keeps_none() -> None:
    due = shares("a", {"a": frozenset(), "b": frozenset({"east"})}, {"east": "a"})
    assert due == Shares(give_up=frozenset({"east"}))
