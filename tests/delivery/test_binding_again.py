"""A caller that came back before the module that it calls is bound to it once more, and that is proven."""

from __future__ import annotations

import pytest

from controller.delivery.result import Outcome, SyncResult
from controller.domain.errors.change import RollbackFailed
from controller.domain.status import StepState
from controller.reconcile.health import degraded_reason
from tests.delivery.scenes import DESK, HOURS
from tests.delivery.site import NAME, Site
from tests.support.sources import inbound, module


@pytest.fixture
def site(failing_front: Site) -> Site:
    return failing_front


async def with_fault(site: Site, kind: str, **fields: object) -> SyncResult:
    """`hours` and `desk`, which calls it, are taken back because `front` fails."""
    site.fault(kind, **fields)
    return await site.deliver()


def bound_as_recorded(site: Site, result: SyncResult) -> None:
    (desk,) = (step for step in result.steps if step.change.flow == "desk")
    assert site.bound(DESK, HOURS) == site.live()[str(HOURS)] == desk.consumed[HOURS]
    assert desk.version == site.live()[str(DESK)]


async def test_an_organisation_that_fails_to_publish_any_version_again_gets_the_contents_as_new_ones(
    site: Site,
) -> None:
    match = {"method": "POST", "route": "/api/v2/flows/actions/publish"}
    result = await with_fault(site, "http-5xx", match=match, status=500)

    assert result.outcome is Outcome.ROLLED_BACK
    assert site.live()[str(HOURS)] == "3.0"
    bound_as_recorded(site, result)
    assert {step.change.flow for step in result.to_record} == {"hours", "desk"}


async def test_an_organisation_that_says_it_bound_it_and_did_not_is_found_out(site: Site) -> None:
    result = await with_fault(site, "publish-silent-noop", match={"flow": "Desk"}, nth=3, times=1)

    assert result.outcome is Outcome.ROLLED_BACK
    (desk,) = (step for step in result.steps if step.change.flow == "desk")
    assert "1.0 was not published again" in " ".join(desk.messages)
    assert desk.version == "3.0"
    bound_as_recorded(site, result)


async def test_one_that_cannot_be_bound_again_is_degraded_although_its_version_is_the_old_one(site: Site) -> None:
    result = await with_fault(site, "publish-silent-noop", match={"flow": "Desk"}, nth=3)

    (desk,) = (step for step in result.steps if step.change.flow == "desk")
    assert result.outcome is Outcome.ROLLBACK_FAILED
    assert (desk.state, desk.version) == (StepState.ROLLBACK_FAILED, "1.0")
    assert isinstance(desk.error, RollbackFailed)
    assert "1.0 is live again, but bound to commonmodule/Hours 2.0" in desk.error.message
    assert desk.error.message.count("could not be exported") < 2
    assert desk.error.hint == "commit a change to it, or to a module that it is bound to: either publishes it again"
    told = degraded_reason("1.0", site.store.journal.latest(NAME)[DESK])
    assert "bound to commonmodule/Hours 2.0" in (told or "")


async def test_a_commit_that_moves_the_module_mends_it_as_well(site: Site) -> None:
    """Its own content is what git asks for all along, so that nothing of it is quarantined."""
    site.want("desk", inbound("Desk", calls=["Hours"]))
    site.fault("publish-silent-noop", match={"flow": "Desk"}, nth=3)
    result = await site.deliver()
    assert result.outcome is Outcome.ROLLBACK_FAILED
    assert site.bound(DESK, HOURS) != site.live()[str(HOURS)]
    site.simulator.faults.clear()
    site.want("hours", module("Hours", says="Corrected"))

    await site.deliver()

    assert site.bound(DESK, HOURS) == site.live()[str(HOURS)]
    assert degraded_reason(site.live()[str(DESK)], site.store.journal.latest(NAME)[DESK]) is None
