"""Who looks after which organisation: fair shares with as few changes of hands as possible.

Every replica computes the same from the same roster, so that none has to lead the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MayServe = Mapping[str, frozenset[str]]
"""By the name of a replica that is alive, the organisations that it could look after."""


@dataclass(frozen=True, slots=True)
class Shares:
    """What one replica has to change, so that the shares become fair."""

    claim: frozenset[str] = frozenset()
    """Organisations that nobody looks after and that this replica should take."""
    give_up: frozenset[str] = frozenset()
    """Organisations that it looks after and another one should."""


def shares(
    replica: str, serves: MayServe, holders: Mapping[str, str | None], reluctance: Callable[[str], Any] = str
) -> Shares:
    """The changes of one replica towards fair shares: of those that could swap, none has two more than another.

    `holders` has the replica that looks after each organisation, None where there is none. What a replica that is not
    alive holds stays where it is. Of its own, the replica gives up first the ones with the least `reluctance`.
    """
    held: dict[str, set[str]] = {each: set() for each in serves}
    for organization, holder in holders.items():
        if holder in held and organization in serves[holder]:
            held[holder].add(organization)
    mine = frozenset(held.get(replica, ()))
    stray = {each for each, holder in holders.items() if holder == replica} - mine
    _give_out(serves, holders, held)
    _even_out(serves, held, lambda name, each: (reluctance(each), each) if name == replica else each)
    then = held.get(replica, set())
    return Shares(frozenset(then - mine), frozenset((mine - then) | stray))


def _give_out(serves: MayServe, holders: Mapping[str, str | None], held: dict[str, set[str]]) -> None:
    """Give each organisation without a holder to the replica that has the fewest of those that could take it."""
    for organization in sorted(frozenset().union(*serves.values())):
        if holders.get(organization) is None:
            able = [name for name, known in serves.items() if organization in known]
            held[min(able, key=lambda name: (len(held[name]), name))].add(organization)


def _even_out(serves: MayServe, held: dict[str, set[str]], order: Callable[[str, str], Any]) -> None:
    """Move one organisation at a time from a replica to one that has at least two fewer."""
    while True:
        by_load = sorted(held, key=lambda name: (-len(held[name]), name))
        pairs = ((giver, taker) for giver in by_load for taker in reversed(by_load))
        for giver, taker in pairs:
            movable = held[giver] & serves[taker] if len(held[giver]) - len(held[taker]) > 1 else set()
            if movable:
                moved = min(movable, key=lambda each: order(giver, each))
                held[giver].remove(moved)
                held[taker].add(moved)
                break
        else:
            return
