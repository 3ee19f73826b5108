"""A listing that lags shows what was before, and a status that lags is not found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.status import StepState
from tests.delivery.scenes import DESK, three_versions
from tests.delivery.site import Site, organization
from tests.support.sources import inbound


async def test_new_flows_and_new_versions_are_listed_late(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.simulator.configure(replace(site.simulator.settings, listing_lag_s=60))
    site.want("desk", inbound("Desk"))
    await site.deliver()

    assert (await site.platform.flows.listing()).flows == []
    assert (await site.platform.flows.find(DESK)) is None
    site.clock.advance(60)
    [listed] = (await site.platform.flows.listing(fresh=True)).flows
    assert listed.published_version == "1.0"
    site.by_hand("publish", DESK)
    [listed] = (await site.platform.flows.listing(fresh=True)).flows
    by_id = await site.platform.flows.get(listed.id)
    assert by_id is not None
    assert (listed.published_version, by_id.published_version) == ("1.0", "2.0")
    await site.close()


async def test_the_status_of_a_publish_is_found_late(tmp_path: Path) -> None:
    for dialect in (ARCHITECT, VERSIONED):
        folder = tmp_path / dialect
        folder.mkdir()
        site = Site(folder, organization=organization(dialect=dialect))
        site.simulator.configure(replace(site.simulator.settings, status_lag_s=45))
        three_versions(site)
        if dialect == ARCHITECT:
            site.want("desk", inbound("Desk", says="Fourth"))
        else:
            site.pin("desk", DESK, "3.0")

        [step] = (await site.deliver()).steps

        assert step.state is StepState.EXPORTED, step.error
        assert "verify.unread" in site.names()
        await site.close()
