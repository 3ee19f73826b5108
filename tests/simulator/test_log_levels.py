"""Log levels: what execution data holds at each, from when on, and for which flows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from controller.simulator.execution import CHARACTERISTICS
from controller.simulator.simulator import Simulator
from controller.simulator.state import SimulatedState
from tests.simulator.sources import MAIN
from tests.simulator.steps import Json, main_id, upload
from tests.simulator.test_executions import files, rows, stream
from tests.support.clock import SteppedClock

STATE = TypeAdapter(SimulatedState)
SETTINGS = "/api/v2/flows/instances/settings/loglevels"
SPOKEN = MAIN.replace("  startUpRef", "  initialGreeting:\n    tts: Good morning\n  startUpRef")
KEYS = {
    "variables": {"variables", "outputVariables", "statements"},
    "communications": {"audio"},
    "executionInputOutputs": {"inputData", "outputData"},
    "eventError": {"errors"},
}
"""The fields that hold what a characteristic is about."""
OF_LEVEL = {
    "Base": set(),
    "Notes": {"variables"},
    "VerboseNotes": {"variables", "communications"},
    "All": {"variables", "communications", "executionInputOutputs"},
}
"""What each level adds to the journey, after Genesys' resource centre."""


def of_flow(simulator: Simulator) -> str:
    return f"/api/v2/flows/{main_id(simulator)}/instances/settings/loglevels"


async def level(api: httpx.AsyncClient, uri: str, name: str, **characteristics: Any) -> Json:
    wanted = {"logLevelCharacteristics": {"level": name, "characteristics": characteristics}}
    answer = await api.put(uri, json=wanted)
    if answer.status_code == 404:
        answer = await api.post(uri, json=wanted)
    return dict(answer.raise_for_status().json()["logLevelCharacteristics"])


async def recorded(api: httpx.AsyncClient, clock: SteppedClock, **demand: Any) -> Json:
    """The file of one failed execution that ends now."""
    known = {row["id"] for row in await rows(api)}
    await stream(api, count=1, **{"error_rate": 1.0, **demand})
    (new,) = [row["id"] for row in await rows(api) if row["id"] not in known]
    return (await files(api, clock, new))[0]


def fields(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from fields(item)
    elif isinstance(value, list):
        for item in value:
            yield from fields(item)


@pytest.mark.parametrize("name", OF_LEVEL)
async def test_a_level_records_what_it_is_documented_to_and_no_more(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock, name: str
) -> None:
    await upload(api, clock, SPOKEN)
    await level(api, of_flow(simulator), name)
    flow = await recorded(api, clock)
    there = set(fields(flow["execution"]))
    for characteristic, keys in KEYS.items():
        expected = characteristic in OF_LEVEL[name] or characteristic == "eventError"
        assert bool(there & keys) is expected, characteristic
        told = f"flow{characteristic[0].upper()}{characteristic[1:]}"
        assert flow["executionInfo"]["characteristics"][told] is expected
    assert {"actionCallCommonModule", "actionDecision", "outputPathId", "eventError", "actionName"} <= there
    assert (flow["executionInfo"]["logLevel"], flow["flowName"]) == (name.lower(), "Main IVR")


@pytest.mark.parametrize(
    ("off", "gone"),
    [
        ("executionItems", {"actionDecision", "startedTask", "actionName", "inputData"}),
        ("executionInputOutputs", {"inputData", "outputData"}),
        ("eventError", {"eventError", "errors"}),
        ("variables", {"variables", "statements", "outputVariables"}),
        ("names", {"actionName", "flowName", "variableName", "taskName"}),
    ],
)
async def test_a_characteristic_can_be_switched_off(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock, off: str, gone: set[str]
) -> None:
    before = set(fields(await recorded(api, clock)))
    clock.advance(1)
    shown = await level(api, of_flow(simulator), "All", **{off: False})
    after = await recorded(api, clock)
    assert shown["characteristics"][off] is False
    assert gone <= before
    assert not gone & set(fields(after))
    events = [next(iter(step)) for step in after["execution"]]
    assert (events[0], events[-1]) == ("startedFlow", "endedFlow")


async def test_a_characteristic_above_its_level_stays_off(api: httpx.AsyncClient, simulator: Simulator) -> None:
    shown = await level(api, of_flow(simulator), "Base", variables=True, executionInputOutputs=True)
    assert [name for name in CHARACTERISTICS if not shown["characteristics"][name]] == [
        "executionInputOutputs",
        "communications",
        "variables",
    ]
    listed = (await api.get(f"{SETTINGS}/characteristics")).json()["characteristics"]
    assert {one["id"]: one["minimumLevel"] for one in listed} == dict.fromkeys(CHARACTERISTICS, "Base") | {
        "variables": "Notes",
        "communications": "VerboseNotes",
        "executionInputOutputs": "All",
    }
    assert [one["dependsOn"] for one in listed if one["dependsOn"]] == [{"executionItems": True}]


async def test_a_change_of_level_leaves_what_was_recorded_as_it_is(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    await recorded(api, clock)
    clock.advance(1)
    await level(api, of_flow(simulator), "Base")
    await recorded(api, clock)
    clock.advance(1)
    await level(api, of_flow(simulator), "Disabled")
    await stream(api, count=3)
    assert len(await rows(api)) == 2, "nothing is recorded while the level is Disabled"
    clock.advance(1)
    assert (await api.delete(of_flow(simulator))).status_code == 204
    await recorded(api, clock)
    shown = await files(api, clock, *(row["id"] for row in await rows(api)))
    levels = sorted((flow["endDateTime"], flow["executionInfo"]["logLevel"]) for flow in shown)
    assert [name for _at, name in levels] == ["all", "base", "all"]


async def test_an_execution_that_was_not_recorded_has_no_file(api: httpx.AsyncClient, simulator: Simulator) -> None:
    await level(api, of_flow(simulator), "Disabled")
    await stream(api, count=1)
    (unrecorded,) = simulator.organization.state.executions
    assert (await api.get(f"/api/v2/flows/instances/{unrecorded}")).status_code == 404


async def test_the_default_counts_for_flows_without_a_level_of_their_own(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    await level(api, of_flow(simulator), "All")
    await level(api, f"{SETTINGS}/default", "Base")
    own = await recorded(api, clock)
    default = await recorded(api, clock, flow="inboundcall/Support")
    assert [flow["executionInfo"]["logLevel"] for flow in (own, default)] == ["all", "base"]
    assert (await api.delete(f"{SETTINGS}/default")).status_code == 204
    assert (await api.get(f"{SETTINGS}/default")).json()["logLevelCharacteristics"]["level"] == "Base"


@pytest.mark.parametrize(
    "wanted",
    [
        None,
        "All",
        {"level": "Unknown"},
        {"level": ["All"]},
        {"level": "All", "characteristics": ["names"]},
        {"level": "All", "characteristics": {"names": "no"}},
    ],
)
async def test_a_setting_that_is_wrong_gets_400(api: httpx.AsyncClient, simulator: Simulator, wanted: object) -> None:
    await level(api, of_flow(simulator), "Base")
    for send in (api.put, api.post):
        assert (await send(of_flow(simulator), json={"logLevelCharacteristics": wanted})).status_code == 400


async def test_a_flow_without_a_level_of_its_own_has_none_to_read_or_change(
    api: httpx.AsyncClient, simulator: Simulator
) -> None:
    """Genesys' Terraform provider reads after it deletes, and anything but 404 is a final error to it."""
    notes = {"logLevelCharacteristics": {"level": "Notes"}}
    assert (await api.get(of_flow(simulator))).status_code == 404
    assert (await api.put(of_flow(simulator), json=notes)).status_code == 404
    assert (await api.post(of_flow(simulator), json=notes)).status_code == 200
    assert (await api.put(of_flow(simulator), json=notes)).status_code == 200
    assert (await api.delete(of_flow(simulator))).status_code == 204
    assert (await api.get(of_flow(simulator))).status_code == 404


async def test_settings_survive_a_restart(api: httpx.AsyncClient, simulator: Simulator) -> None:
    await level(api, of_flow(simulator), "Base")
    saved = STATE.dump_json(simulator.organization.state)
    assert STATE.validate_json(saved) == simulator.organization.state
