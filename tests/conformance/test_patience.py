"""Rows P5, P8 and S4: what is waited for and how long, and that what came of it is looked at before it is repeated."""

from __future__ import annotations

from tests.conformance.mishaps import Kind, Mishap
from tests.conformance.scenes import STAGES
from tests.conformance.site import Site
from tests.support.world import ORGANIZATION


async def patient(site: Site, **settings: float) -> None:
    """Another process over the same store, with these settings of the operator."""
    site.settings = site.settings.model_copy(update=settings)
    await site.restart()


async def test_a_publish_that_outlasts_its_time_is_left_alone_and_recorded_later(site: Site) -> None:
    """`PENSTOCK_PUBLISH_TIMEOUT`: a minute, for a publish that takes five."""
    await patient(site, publish_timeout=60)
    site.quirks.publish_s = 300
    site.pin(site.main, "13.0")
    site.commit()
    began = site.clock.monotonic()
    report = await site.pass_()
    assert not report.delivered
    assert 60 <= site.clock.monotonic() - began < 120
    assert (site.own(), site.recorded()["Retail IVR"]) == ([], "12.0")
    assert not site.services.store.quarantines.active(ORGANIZATION)
    site.clock.advance(300)
    assert (await site.pass_()).error is None
    assert (site.own(), site.recorded()["Retail IVR"]) == ([("publish", "13.0")], "13.0")
    assert len([call for call in site.organization.calls if call.path.endswith("/publish")]) == 1


async def test_a_conflict_is_waited_for_as_long_as_the_operator_says(site: Site) -> None:
    """`PENSTOCK_CONFLICT_TIMEOUT`: 45 seconds, and a look every 15."""
    await patient(site, conflict_timeout=45)
    site.quirks.put_409 = 1000
    site.pin(site.main, "11.0")
    site.commit()
    began = site.clock.monotonic()
    report = await site.pass_()
    assert not report.delivered
    assert 30 <= site.clock.monotonic() - began <= 60
    assert (site.own(), site.recorded()["Retail IVR"]) == ([], "12.0")
    site.quirks.put_409 = 0
    await site.pass_()
    assert (site.own(), site.recorded()["Retail IVR"]) == ([("switch", "11.0")], "11.0")


async def test_a_rollback_that_a_gateway_delivers_twice_is_one_publish(site: Site) -> None:
    """P8: the second delivery is answered 409, and the version was live all the time: the publish's status tells."""
    site.quirks.fail_stage = 2
    site.pin(site.main, "13.0", rollout=STAGES)
    site.commit()
    site.organization.mishaps = [Mishap(Kind.DOUBLED, "POST", "/publish$", nth=2)]
    await site.pass_()
    assert site.own() == [("rollback", "12.0")]
    assert site.organization.mishaps[0].struck == 1
