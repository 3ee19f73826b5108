"""One look tells of all publishes in flight; a publish is asked only where the look leaves something open."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from controller.delivery.result import Outcome
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.desired import OnFailure
from controller.domain.errors.organization import ServerFault
from controller.domain.identity import FlowKey
from controller.domain.platform import FlowListing
from controller.genesys.architect.flows import ArchitectFlows
from controller.genesys.connect import ArchitectPlatform
from tests.delivery.site import Site, states
from tests.support.sources import inbound

JOBS = "/api/v2/flows/jobs/{jobId}"
FLOW = "/api/v2/flows/{flowId}"
DESK = FlowKey("inboundcall", "Desk")


@pytest.fixture
def site(site: Site) -> Site:
    """A controller that knows its own client, and uploads that take 11 s."""
    site.settings = replace(site.settings, client_name="penstock")
    site.delivery = site._delivery()
    site.simulator.configure(replace(site.simulator.settings, upload_s=11.0))
    return site


def want(site: Site, count: int, says: str = "Hello") -> None:
    for number in range(count):
        site.want(f"f{number}", inbound(f"F{number}", says=says))


def looks(site: Site) -> int:
    return sum("publishedAfter" in call.query for call in site.simulator.calls.log("GET", "/api/v2/flows"))


async def deliver(site: Site) -> float:
    """How long the delivery took in seconds."""
    plan, began = await site.plan(), site.clock.monotonic()
    site.simulator.calls.clear()
    result = await site.deliver(plan)
    assert result.outcome is Outcome.SUCCEEDED, result
    return site.clock.monotonic() - began


async def test_eight_new_flows_cost_as_many_looks_as_one_and_no_job_is_read(site: Site) -> None:
    want(site, 8)
    await deliver(site)
    assert looks(site) <= 6
    assert site.simulator.calls.count("GET", JOBS) == 0
    assert site.simulator.calls.count("GET", FLOW) == 0


async def test_the_second_time_the_first_look_comes_when_the_publish_is_likely_done(site: Site) -> None:
    want(site, 8)
    await deliver(site)
    want(site, 8, says="Second")
    await deliver(site)
    assert looks(site) <= 3
    assert site.simulator.calls.count("GET", JOBS) == 0


async def test_a_failed_job_is_noticed_by_the_job_and_the_others_are_not_asked(site: Site) -> None:
    want(site, 4)
    site.fault("job-fails", match={"flow": "F2"})
    site.policy(OnFailure.ROLLBACK_FLOW)
    result = await site.deliver()
    assert states(result) == {"f0": "exported", "f1": "exported", "f2": "failed", "f3": "exported"}
    asked = {flow for call in site.simulator.calls.log("GET", JOBS) for flow in call.flows}
    assert asked <= {"inboundcall/F2"}


async def test_another_clients_version_is_not_taken_for_the_uploads_own(site: Site) -> None:
    """The version in between is found as drift, as it is when only jobs are asked."""
    site.want("desk", inbound("Desk"))
    await deliver(site)
    site.want("desk", inbound("Desk", says="Ours"))

    def publish_in_between(event: DeliveryEvent) -> bool:
        if event.name == "write.concluded" and event.fields.get("action") == "upload":
            site.by_hand("publish", DESK, inbound("Desk", says="Theirs"))
        return False

    site.crash_when = publish_in_between
    plan = await site.plan()
    site.simulator.calls.clear()
    result = await site.deliver(plan)
    assert site.live() == {str(DESK): "3.0"}
    assert [step.version for step in result.steps] == ["3.0"]
    assert site.simulator.calls.count("GET", JOBS) >= 1
    assert "change.drifted" in site.names()


async def test_a_listing_that_lags_is_given_up_and_every_publish_is_polled(site: Site) -> None:
    site.simulator.configure(replace(site.simulator.settings, listing_lag_s=60.0))
    want(site, 12)
    site.organization = replace(site.organization, sync=replace(site.organization.sync, concurrency=3))
    await deliver(site)
    assert site.simulator.calls.count("GET", JOBS) >= 12
    listed = [call.at for call in site.simulator.calls.log("GET", "/api/v2/flows") if "publishedAfter" in call.query]
    assert (max(listed) - min(listed)).total_seconds() < 60


class Unlisted(ArchitectFlows):
    """An organisation that does not list what was published lately."""

    async def changed_since(self, since: datetime) -> FlowListing:
        raise ServerFault(f"nothing is listed since {since}")


async def test_without_an_answer_to_the_looks_every_publish_is_polled(site: Site) -> None:
    want(site, 3)
    assert isinstance(site.platform, ArchitectPlatform)
    site.platform.changes = Unlisted(site.platform.transport)
    await deliver(site)
    assert site.simulator.calls.count("GET", JOBS) >= 3
