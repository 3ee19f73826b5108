"""One change fails, and others go on: those that its failure does not concern."""

from __future__ import annotations

import pytest

from controller.delivery.result import Outcome
from controller.domain.desired import Rollout
from tests.delivery.scenes import DESK, FRONT
from tests.delivery.site import NAME, Crash, Site, states
from tests.support.sources import inbound


async def test_a_version_that_is_not_there_takes_nothing_back_however_often_it_is_tried(site: Site) -> None:
    site.want("desk", inbound("Desk"))
    site.want("front", inbound("Front"))
    await site.deliver()
    site.pin("desk", DESK, "7.0")
    site.want("front", inbound("Front", says="New"))

    result = await site.deliver()
    again = await site.deliver()

    assert states(result) == {"desk": "failed", "front": "exported"}
    assert result.outcome is Outcome.FAILED
    assert states(again) == {"desk": "failed"}
    assert site.live()[str(FRONT)] == "2.0"
    assert [key for key in site.publishes() if "Front" in key] == ["inboundcall/Front 1.0", "inboundcall/Front 2.0"]
    assert site.store.quarantines.active(NAME) == ()


async def test_what_depends_on_a_version_that_is_not_there_waits(site: Site) -> None:
    site.want("desk", inbound("Desk"))
    await site.deliver()
    site.pin("desk", DESK, "7.0")
    site.want("front", inbound("Front", transfers=["Desk"]))

    result = await site.deliver()

    assert states(result) == {"desk": "failed", "front": "skipped"}


async def test_after_a_crash_a_change_that_could_not_begin_takes_nothing_back_either(site: Site) -> None:
    site.want("desk", inbound("Desk"))
    site.want("front", inbound("Front"))
    await site.deliver()
    site.pin("desk", DESK, "7.0")
    site.want("front", inbound("Front", says="New"))
    site.crash_when = lambda event: (event.name, event.flow) == ("change.live", "front")
    with pytest.raises(Crash):
        await site.deliver()
    await site.restart()

    found = await site.recover()

    assert states(found.syncs[0]) == {"desk": "failed", "front": "exported"}
    assert site.live()[str(FRONT)] == "2.0"


async def test_what_is_live_already_is_adopted_although_another_change_is_rolled_back(site: Site) -> None:
    """It was parked while the other one failed, and its sync is closed all the same."""
    site.want("desk", inbound("Desk"))
    await site.deliver()
    site.pin("desk", DESK, "1.0", rollout=Rollout(bake_s=300))
    site.want("front", inbound("Front"))
    site.fault("job-fails", match={"flow": "Front"})

    result = await site.deliver()

    assert states(result) == {"desk": "exported", "front": "failed"}
    assert result.outcome is Outcome.FAILED
    assert (await site.recover()).clean
