"""Three replicas, thirty organisations in delivery, and one replica that is killed in the middle of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.availability.fleet import ASSIGNMENT, TAKEOVER_S, fleet
from tests.support.service import eventually
from tests.support.world import World

ORGANIZATIONS = 30
REPLICAS = ("one", "two", "three")
FAIR = dict.fromkeys(REPLICAS, ORGANIZATIONS // len(REPLICAS))
LONG_S = 300.0
RESUMED_S = 60.0
"""Ten passes begin at once then, which takes a busy machine a while."""


@pytest.mark.timeout(900)
def test_thirty_organisations_converge_when_one_of_three_replicas_is_killed(
    world: World, database: str, tmp_path: Path
) -> None:
    with fleet(world, database, tmp_path, ORGANIZATIONS) as many:
        world.commit()
        for name in REPLICAS:
            many.start(name)
        eventually(lambda: many.shares() == FAIR, "fair shares", within_s=LONG_S)
        revision = many.ask_for("Hello", bake_s=8)
        eventually(lambda: many.publishes() > ORGANIZATIONS, "half of the publishes", within_s=LONG_S)

        taken = many.takeovers("two")

        passes = [seconds for name, seconds in taken.items() if not name.startswith(ASSIGNMENT)]
        others = [seconds for name, seconds in taken.items() if name.startswith(ASSIGNMENT)]
        assert len(others) == FAIR["two"]
        assert max(others) < TAKEOVER_S
        assert passes, "it was killed while it delivered"
        assert max(passes) < RESUMED_S
        survivor = many.replicas[0]
        eventually(lambda: many.settled(revision, survivor), "all organisations in sync", within_s=LONG_S, every_s=1)
        assert [each.stop() for each in many.replicas] == [0, 0]
        many.assert_published("1.0")
        many.assert_recorded("1.0")
        many.assert_nothing_left()
        many.assert_one_writer_at_a_time()
