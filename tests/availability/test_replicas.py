"""Three `penstock run` processes over one PostgreSQL share organisations out, and take over from one that ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.availability.fleet import ASSIGNMENT, TAKEOVER_S, Fleet, fleet
from tests.support.patience import PATIENCE_S
from tests.support.service import Service, eventually
from tests.support.world import World

ORGANIZATIONS = 6
REPLICAS = ("one", "two", "three")
SOON_S = 8.0
"""After SIGTERM; about a second on a machine that is not busy."""
pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def many(world: World, database: str, tmp_path: Path) -> Iterator[Fleet]:
    with fleet(world, database, tmp_path, ORGANIZATIONS) as made:
        yield made


def shared_by(many: Fleet, *replicas: str) -> Callable[[], bool]:
    return lambda: many.shares() == Counter(dict.fromkeys(replicas, ORGANIZATIONS // len(replicas)))


def seen_by(replica: Service) -> dict[str, str | None]:
    answer = replica.get("/status")
    found = [] if answer is None else answer.json()["organizations"]
    return {each["name"]: each["replica"] for each in found}


def test_what_a_killed_replica_looked_after_is_taken_over_in_time(many: Fleet) -> None:
    """In the middle of deliveries; and what one that is told to stop had is taken over at once."""
    revision = many.ask_for("Hello", bake_s=10)
    for name in REPLICAS:
        many.start(name)
    eventually(shared_by(many, *REPLICAS), "fair shares")
    eventually(lambda: many.publishes() > ORGANIZATIONS, "deliveries are under way")

    taken = many.takeovers("two")

    assigned = {name: seconds for name, seconds in taken.items() if name.startswith(ASSIGNMENT)}
    assert len(assigned) == ORGANIZATIONS // len(REPLICAS)
    assert max(assigned.values()) <= TAKEOVER_S
    one, three = many.replicas
    eventually(shared_by(many, "one", "three"), "fair shares of the two that are left")
    eventually(lambda: many.settled(revision, one), "all are delivered", within_s=2 * PATIENCE_S)
    assert seen_by(one) == seen_by(three)
    assert Counter(seen_by(one).values()) == many.shares()

    began, _ = many.leases()
    assert one.stop() == 0
    eventually(shared_by(many, "three"), "the last one has all")
    ended, _ = many.leases()
    assert (ended - began).total_seconds() <= SOON_S
    assert three.stop() == 0
    many.assert_published("1.0")
    many.assert_recorded("1.0")
    many.assert_nothing_left()
    many.assert_one_writer_at_a_time()
