"""Exports share jobs behind the publishes of a delivery, and all are done before its record is pushed."""

from __future__ import annotations

from controller.delivery.sync_run import DeliveryEvent
from controller.domain.status import StepState
from tests.support.sources import inbound, module
from tests.support.world import RECORDS, Crash, Recording, World

JOBS = "/api/v2/flows/export/jobs"
UPLOADS = "/api/v2/flows/jobs"


def _flows(world: World, count: int) -> None:
    for number in range(count):
        world.flow(f"flow-{number}", inbound(f"Flow {number}"))
    world.commit()


def _exported(world: World) -> list[str]:
    """The flows with a flow file on the records branch, in order."""
    paths = world.git("ls-tree", "-r", "--name-only", f"origin/{RECORDS}").split("\n")
    return sorted({path.split("/")[-2] for path in paths if path.endswith(".yaml") and path.count("/") > 2})


async def test_the_exports_of_a_delivery_share_few_jobs_and_every_version_is_recorded_with_its_own(
    world: World,
) -> None:
    world.describe(sync={"concurrency": 5})
    _flows(world, 30)

    report = await world.apply()

    assert report.delivered, report.error
    assert {step.state for step in report.result.steps} == {StepState.RECORDED}
    assert all(f"name: {step.change.key.name}\n" in step.export.yaml for step in report.result.steps)
    assert len(_exported(world)) == 30
    jobs, looks = world.simulator.calls.count("POST", JOBS), world.simulator.calls.count("GET", f"{JOBS}/{{jobId}}")
    assert jobs <= 5
    assert looks <= 2 * jobs
    # Little is left to export after the last publish.
    log = world.simulator.calls.log
    first_job, last_upload = log("POST", JOBS)[0], log("POST", UPLOADS)[-1]
    assert first_job.at < last_upload.at
    await world.assert_settled()


async def test_a_change_that_bakes_holds_the_exports_of_others_up_for_a_minute_only(world: World) -> None:
    world.flow("hours", module("Hours"), rollout={"bake": "2h"})
    world.flow("front", inbound("Front"))
    world.commit()

    report = await world.apply()

    assert report.delivered, report.error
    first, second = world.simulator.calls.log("POST", JOBS)
    assert (first.at - world.clock.start).total_seconds() < 120
    assert (second.at - first.at).total_seconds() > 3600


async def test_a_shutdown_signal_lets_the_exports_that_wait_begin(world: World) -> None:
    """The versions are live, and there is time for their exports before the process ends."""
    world.flow("hours", module("Hours"), rollout={"bake": "2h"})
    world.flow("front", inbound("Front"))
    world.commit()
    listener = Recording()

    def healthy() -> bool:
        return any(event.name == "change.healthy" for event in listener.events)

    report = await world.apply(listener, stopping=healthy)

    states = {step.change.flow: step.state for step in report.result.steps}
    assert states == {"hours": StepState.BAKING, "front": StepState.RECORDED}
    assert _exported(world) == ["front"]


async def test_a_crash_before_the_exports_is_made_up_for_in_one_job(world: World) -> None:
    """The next process exports exactly the versions that were published, and publishes nothing again."""
    world.describe(sync={"concurrency": 5})
    _flows(world, 10)
    exported: list[DeliveryEvent] = []

    def half_exported(event: DeliveryEvent) -> bool:
        exported.extend([event] if event.name == "change.exported" else [])
        return len(exported) == 5

    try:
        await world.apply(Recording(half_exported))
    except* Crash:
        pass
    published = world.publishes()
    world.simulator.calls.clear()
    await world.restart()

    report = await world.apply()

    assert report.error is None
    assert world.publishes() == published
    assert len(_exported(world)) == 10
    assert world.simulator.calls.count("POST", JOBS) <= 2
    await world.assert_settled()


async def test_a_flow_that_cannot_be_exported_is_named_and_the_others_are_recorded_with_their_exports(
    world: World,
) -> None:
    _flows(world, 3)
    world.fault("job-fails", match={"flow": "Flow 1", "route": JOBS})

    report = await world.apply()

    told = {step.change.flow: step.messages for step in report.result.steps if step.messages}
    assert list(told) == ["flow-1"]
    broken = world.simulator.flow("inboundcall", "Flow 1").id
    assert f"version 1.0 of flow {broken} could not be exported" in told["flow-1"][0]
    states = {step.change.flow: step.state for step in report.result.steps}
    assert {state for flow, state in states.items() if flow != "flow-1"} == {StepState.RECORDED}
    assert _exported(world) == ["flow-0", "flow-2"]
