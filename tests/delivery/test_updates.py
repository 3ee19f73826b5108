"""A flow that exists is read once before its file is sent, after the registration; what that shows is acted upon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from controller.delivery.result import Outcome
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.desired import OnLocked
from controller.planning.model import Plan
from tests.delivery.scenes import DESK
from tests.delivery.site import Site
from tests.support.sources import inbound, module

FLOWS, FLOW = "/api/v2/flows", "/api/v2/flows/{flowId}"
REGISTERED, SENT = "/api/v2/flows/jobs", "/_storage/uploads/{jobId}"


@pytest.fixture
def site(site: Site) -> Site:
    """A controller that knows its own client, so that a listing proves its publishes."""
    site.settings = replace(site.settings, client_name="penstock")
    site.delivery = site._delivery()
    return site


async def changed(site: Site, *flows: str) -> Plan:
    """The flows are live, and a plan changes each of them; no call is counted yet."""
    for says in ("Hello", "Welcome"):
        for flow in flows:
            site.want(flow, inbound(flow.capitalize(), says=says))
        plan = await site.plan()
        if says == "Hello":
            await site.deliver(plan)
    site.simulator.calls.clear()
    return plan


def once_registered(site: Site, act: Callable[[], None]) -> None:
    """Between the first registration of an upload and its file."""
    acted = False

    def heard(event: DeliveryEvent) -> bool:
        nonlocal acted
        if not acted and (event.name, event.fields.get("action")) == ("write.concluded", "register"):
            acted = True
            act()
        return False

    site.crash_when = heard


async def test_each_changed_flow_is_read_once_by_its_id_and_never_by_its_name(site: Site) -> None:
    names = [f"f{number}" for number in range(8)]
    plan = await changed(site, *names)

    result = await site.deliver(plan)

    assert result.outcome is Outcome.SUCCEEDED
    calls = site.simulator.calls
    assert [calls.count("POST", REGISTERED), calls.count("GET", FLOW)] == [len(names)] * 2
    assert not [call for call in calls.log("GET", FLOWS) if "publishedAfter" not in call.query]


async def test_what_a_person_publishes_after_the_registration_is_not_overwritten(site: Site) -> None:
    plan = await changed(site, "desk")
    once_registered(site, lambda: site.by_hand("publish", DESK, inbound("Desk", says="Theirs")))

    (step,) = (await site.deliver(plan)).steps

    assert step.error is not None
    assert step.error.code == "plan-stale"
    assert site.live() == {str(DESK): "2.0"}
    assert site.simulator.calls.count("PUT", SENT) == 0


@pytest.mark.parametrize("policy", [OnLocked.FAIL, OnLocked.WAIT])
async def test_a_lock_that_is_taken_after_the_registration_is_told_and_nothing_is_sent(
    site: Site, policy: OnLocked
) -> None:
    site.organization = replace(site.organization, on_locked=policy)
    plan = await changed(site, "desk")
    once_registered(site, lambda: site.by_hand("lock", DESK))

    (step,) = (await site.deliver(plan)).steps

    assert step.error is not None
    assert step.error.code == "flow-locked"
    assert "is locked by user Grace" in step.error.message
    assert site.simulator.calls.count("PUT", SENT) == 0


async def test_once_the_lock_is_free_the_flow_is_registered_and_read_again(site: Site) -> None:
    site.organization = replace(site.organization, on_locked=OnLocked.WAIT)
    plan = await changed(site, "desk")
    site.by_hand("lock", DESK)

    def free(event: DeliveryEvent) -> bool:
        if event.name == "lock.waiting":
            site.by_hand("unlock", DESK)
        return False

    site.crash_when = free
    result = await site.deliver(plan)

    assert result.outcome is Outcome.SUCCEEDED
    calls = site.simulator.calls
    assert [calls.count("POST", REGISTERED), calls.count("PUT", SENT)] == [2, 1]
    read = [call.number for call in calls.log("GET", FLOW)]
    last_registered, sent = calls.log("POST", REGISTERED)[-1].number, calls.log("PUT", SENT)[0].number
    assert last_registered < read[-1] < sent


async def test_a_shutdown_while_a_lock_is_waited_for_leaves_nothing_that_a_later_process_waits_for(site: Site) -> None:
    site.organization = replace(site.organization, on_locked=OnLocked.WAIT)
    plan = await changed(site, "desk")
    site.by_hand("lock", DESK)

    def stop(event: DeliveryEvent) -> bool:
        if event.name == "lock.waiting":
            site.delivery.stop()
        return False

    site.crash_when = stop
    assert (await site.deliver(plan)).outcome is Outcome.STOPPED
    await site.restart()
    site.by_hand("unlock", DESK)
    await site.converge()

    assert site.live() == {str(DESK): "2.0"}
    assert site.publishes().count(f"{DESK} 2.0") == 1


async def test_a_module_that_a_sync_does_not_change_is_read_once_for_callers_that_go_live_together(site: Site) -> None:
    site.want("hours", module("Hours"))
    await site.deliver()
    for number in range(6):
        site.want(f"f{number}", inbound(f"F{number}", calls=["Hours"]))
    plan = await site.plan()
    site.simulator.calls.clear()

    result = await site.deliver(plan)

    assert {version for step in result.steps for version in step.consumed.values()} == {"1.0"}
    asked = [call for call in site.simulator.calls.log("GET", FLOWS) if "name=Hours" in call.query]
    assert len(asked) == 1
