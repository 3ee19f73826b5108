"""The atomic switch, and the faults that hit it and a publish."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from controller.domain.errors.change import PublishFailed
from controller.domain.platform import SwitchRequest
from controller.genesys.connect import VersionedPlatform
from controller.simulator.faults import Fault, FaultKind
from controller.simulator.simulator import Simulator
from tests.simulator.sources import GREETING, MAIN, changed
from tests.simulator.steps import upload
from tests.simulator.versioned.deeds import (
    PREPARED_S,
    STAGES,
    by_hand,
    entity,
    publish,
    standing,
    statuses,
    switch,
)
from tests.support.clock import SteppedClock


@pytest.fixture
async def two(api: httpx.AsyncClient, line: str) -> str:
    """The flow live at 2.0, with 1.0 published before."""
    await by_hand(api, line, "publish", version="2.0")
    return line


def fault(simulator: Simulator, kind: FaultKind, **fields: Any) -> None:
    simulator.set_faults(Fault(name=str(kind), kind=kind, **fields))


async def test_a_switch_takes_no_time_and_tells_where_the_flow_stands(
    api: httpx.AsyncClient, two: str, clock: SteppedClock
) -> None:
    answer = await switch(api, two, "1.0")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "id": two,
            "name": "Line",
            "version": "1.0",
            "description": "rollback to 1.0",
            "status": "deployed",
            "type": "INBOUNDCALL",
            "selfUri": f"/api/v2/routing/flows/{two}",
        },
    )
    assert clock.elapsed_s == 0
    assert await statuses(api, two) == {"2.0": "published", "1.0": "deployed"}
    assert (await entity(api, two))["version"] == "1.0"


async def test_a_switch_to_what_is_live_changes_nothing(api: httpx.AsyncClient, two: str, simulator: Simulator) -> None:
    before = list(simulator.flow("inboundcall", "Line").history)
    assert (await switch(api, two, "2.0")).json()["version"] == "2.0"
    assert simulator.flow("inboundcall", "Line").history == before


async def test_a_switch_keeps_the_modules_that_a_version_was_published_with(
    api: httpx.AsyncClient, main: str, clock: SteppedClock, simulator: Simulator
) -> None:
    module = simulator.flow("commonmodule", "Greeting").id
    await upload(api, clock, changed(GREETING))
    await upload(api, clock, changed(MAIN))
    assert simulator.flow("inboundcall", "Main IVR").versions[1].bindings == {module: "2.0"}
    await switch(api, main, "1.0")
    published = simulator.flow("inboundcall", "Main IVR").published
    assert published is not None
    assert published.bindings == {module: "1.0"}


@pytest.mark.parametrize(("version", "status"), [("9.0", 404), ("3.0", 400), (None, 400), (2, 400)])
async def test_unknown_and_unpublished_versions_are_refused(
    api: httpx.AsyncClient, two: str, version: object, status: int
) -> None:
    await by_hand(api, two, "version")
    refused = await api.put(f"/api/v2/routing/flows/{two}", json={"version": version})
    assert (refused.status_code, refused.json()["status"]) == (status, status)
    assert (await api.put("/api/v2/routing/flows/nobody", json={"version": "1.0"})).status_code == 404


async def test_an_archived_version_is_refused(api: httpx.AsyncClient, two: str) -> None:
    await by_hand(api, two, "archive", version="1.0")
    assert (await switch(api, two, "1.0")).status_code == 400


async def test_a_switch_gets_409_while_a_deployment_runs(api: httpx.AsyncClient, two: str, clock: SteppedClock) -> None:
    await by_hand(api, two, "version")
    await publish(api, two, "3.0", *STAGES)
    clock.advance(PREPARED_S)
    assert (await switch(api, two, "1.0")).status_code == 409
    clock.advance(45 * 60)
    assert (await switch(api, two, "1.0")).status_code == 200


async def test_a_locked_flow_is_not_switched(api: httpx.AsyncClient, two: str) -> None:
    await by_hand(api, two, "lock")
    refused = await switch(api, two, "1.0")
    assert (refused.status_code, "Ada Lovelace" in refused.json()["message"]) == (409, True)


async def test_a_switch_can_land_on_another_version(
    api: httpx.AsyncClient, two: str, simulator: Simulator, platform: VersionedPlatform
) -> None:
    fault(simulator, FaultKind.WRONG_VERSION)
    assert (await switch(api, two, "1.0")).json()["version"] == "2.0"
    with pytest.raises(PublishFailed, match=r"answered with version 2\.0"):
        await platform.publishing.switch(SwitchRequest(two, "1.0", "2.0"))


async def test_a_switch_can_do_silently_nothing(api: httpx.AsyncClient, two: str, simulator: Simulator) -> None:
    fault(simulator, FaultKind.PUBLISH_SILENT_NOOP)
    assert (await switch(api, two, "1.0")).json()["version"] == "1.0"
    assert (await entity(api, two))["version"] == "2.0"


async def test_a_switch_can_be_rejected(api: httpx.AsyncClient, two: str, simulator: Simulator) -> None:
    fault(simulator, FaultKind.PUBLISH_FAILS, message="No capacity.")
    refused = await switch(api, two, "1.0")
    assert (refused.status_code, refused.json()["message"]) == (400, "No capacity.")


async def test_a_publish_can_complete_without_effect(
    api: httpx.AsyncClient, line: str, simulator: Simulator, clock: SteppedClock
) -> None:
    fault(simulator, FaultKind.PUBLISH_SILENT_NOOP)
    await publish(api, line, "2.0")
    clock.advance(PREPARED_S)
    assert (await standing(api, line, "2.0"))["status"] == "completed"
    assert (await entity(api, line))["version"] == "1.0"


async def test_a_publish_can_fail_at_its_end(
    api: httpx.AsyncClient, line: str, simulator: Simulator, clock: SteppedClock
) -> None:
    fault(simulator, FaultKind.PUBLISH_FAILS, message="The generation of prompts failed.")
    await publish(api, line, "2.0", *STAGES)
    assert (await standing(api, line, "2.0"))["errors"] == []
    clock.advance(PREPARED_S)
    told = await standing(api, line, "2.0")
    assert (told["status"], told["errors"][0]["message"]) == ("failed", "The generation of prompts failed.")


async def test_a_publish_can_bring_another_version(
    api: httpx.AsyncClient, line: str, simulator: Simulator, clock: SteppedClock
) -> None:
    await by_hand(api, line, "version")
    fault(simulator, FaultKind.WRONG_VERSION, version="3.0")
    await publish(api, line, "2.0")
    clock.advance(PREPARED_S)
    assert (await standing(api, line, "2.0"))["status"] == "completed"
    assert (await entity(api, line))["version"] == "3.0"


async def test_the_client_switches_and_proves_it(platform: VersionedPlatform, two: str, simulator: Simulator) -> None:
    await platform.publishing.switch(SwitchRequest(two, "1.0", "2.0", reason="bad release"))
    flow = await platform.flows.get(two)
    assert flow is not None
    assert flow.published_version == "1.0"
    await platform.publishing.switch(SwitchRequest(two, "1.0", "2.0"))
    assert simulator.calls.count("PUT", "/api/v2/routing/flows/{flowId}") == 1
