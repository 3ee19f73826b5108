"""Windows decide when a delivery begins; one that began is brought to its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.sources import inbound, module
from tests.support.world import SECRET, Crash, Recording, World, said

AT_NOON = {"windows": [{"kind": "allow", "schedule": "0 12 * * *", "duration": "1h"}]}
TWO_HOURS_S = 2 * 3600


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It is noon when this world begins, and the module is watched for longer than the window is open."""
    monkeypatch.setenv("ACME_ID", "penstock")
    monkeypatch.setenv("ACME_SECRET", SECRET)
    made = World(tmp_path, spec=AT_NOON)
    made.flow("hours", module("Hours"), rollout={"bake": "90m"})
    made.flow("front", inbound("Front", calls=["Hours"]))
    made.commit()
    yield made
    await made.close()


async def test_a_delivery_that_began_in_an_open_window_ends_after_it_closed(world: World) -> None:
    report = await world.apply()

    assert world.clock.now().hour > 12
    assert report.delivered
    assert world.versions() == {"commonmodule/Hours": "1.0", "inboundcall/Front": "1.0"}
    await world.assert_settled()


async def test_a_delivery_that_a_crash_interrupted_is_brought_to_its_end_in_a_closed_window(world: World) -> None:
    """What was in flight ends; what had not begun waits for the next window."""
    with pytest.raises(Crash):
        await world.apply(Recording(lambda event: event.name == "publish.progress"))
    world.clock.advance(TWO_HOURS_S)
    await world.restart()

    report = await world.apply()

    assert report.recovered
    assert world.versions()["commonmodule/Hours"] == "1.0"
    assert world.versions().get("inboundcall/Front") is None
    assert report.error is not None
    assert report.error.code == "window-closed"


async def test_no_delivery_begins_in_a_closed_window_unless_a_person_says_so(world: World) -> None:
    world.clock.advance(TWO_HOURS_S)

    refused = await world.apply()
    forced = await world.apply(confirmations=said(ignore_windows=True))

    assert refused.error is not None
    assert refused.error.code == "window-closed"
    assert "it opens at 2026-01-06T12:00:00+00:00" in refused.error.message
    assert refused.error.hint is not None
    assert "--ignore-windows" in refused.error.hint
    assert forced.delivered
    await world.assert_settled()
