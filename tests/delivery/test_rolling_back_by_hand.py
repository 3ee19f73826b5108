"""A person takes one flow back: with the same care, and gone on with when the process dies over it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from controller.delivery.result import Outcome, SyncContext, SyncResult
from controller.domain.status import StepState
from controller.planning.model import Change, ChangeKind
from controller.simulator.settings import UnclearPublish
from tests.delivery.deaths import deaths
from tests.delivery.scenes import DESK
from tests.delivery.site import NAME, SETTINGS, Site
from tests.support.sources import inbound


async def roll_back(site: Site) -> SyncResult:
    flow = site.organization.flows[0]
    live = await site.platform.flows.find(DESK)
    assert live is not None
    change = Change(
        flow.id,
        flow.key,
        ChangeKind.SWITCH,
        live.id,
        live.published_version,
        "1.0",
        "ada asked for it",
        1,
        desired=flow,
    )
    site.store.quarantines.add(NAME, flow.key, flow.wanted, "ada asked for 1.0")
    lease = site.lease()
    sync = SyncContext("abc123", "ada", "rollback")
    result = await site.delivery.roll_back_to(site.organization, change, "1.0", lease, sync)
    site._record(result, lease)
    return result


@pytest.mark.parametrize("older", list(UnclearPublish))
async def test_the_old_content_is_live_and_recorded_with_its_source(second: Site, older: UnclearPublish) -> None:
    first = second.store.journal.history(NAME)[1].steps[0].source_digest
    second.simulator.configure(replace(SETTINGS, older_version=older))

    result = await roll_back(second)

    assert result.outcome is Outcome.ROLLED_BACK
    (step,) = result.to_record
    assert (step.state, step.version) == (StepState.ROLLED_BACK, second.live()[str(DESK)])
    assert step.source_digest == first
    second.want("desk", inbound("Desk", says="First"))
    assert (await second.plan()).empty


@pytest.mark.parametrize("older", [UnclearPublish.WORKS, UnclearPublish.SILENTLY_NOTHING])
async def test_it_is_gone_on_with_whenever_the_process_dies(
    second: Site, tmp_path: Path, older: UnclearPublish
) -> None:
    second.simulator.configure(replace(SETTINGS, older_version=older))
    left = await deaths(second, tmp_path, roll_back, first=lambda event: event.name == "change.rolling-back")
    assert len(left) > 5
    for event, other in left:
        await other.converge()

        published = other.simulator.flow(DESK.type, DESK.name).published
        assert published is not None
        assert "First" in published.text, event
        assert other.recorded[DESK].version == published.id, event
        assert (await other.recover()).clean, event
        assert len(set(other.publishes())) == len(other.publishes()) - (older is UnclearPublish.WORKS), event
        await other.close()
