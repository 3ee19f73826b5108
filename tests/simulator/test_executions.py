"""Execution data: streams of executions with an error rate, queries over them, and the files that they leave."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from controller.simulator.simulator import Simulator
from tests.simulator.sources import MAIN, changed
from tests.simulator.steps import Json, main_id, upload
from tests.support.clock import SteppedClock

WORKFLOW = """workflow:
  name: Nightly
  defaultLanguage: en-us
  startUpRef: /workflow/states/state[Start_1]
  states:
    - state:
        name: Start
        refId: Start_1
        actions:
          - endWorkflow:
              name: End
"""
JUMPING = """inboundCall:
  name: Jumping
  startUpRef: /inboundCall/tasks/task[Start_1]
  tasks:
    - task:
        name: Start
        refId: Start_1
        actions:
          - callTask: {name: Ask, targetTaskRef: {text: "/inboundCall/tasks/task[Called_1]"}}
          - decision:
              name: Either way
              outputs:
                "yes": {actions: [&jump {jumpToMenu: {name: On, targetMenuRef: "/inboundCall/menus/menu[Choices_1]"}}]}
                "no": {actions: [*jump]}
          - endTask: {name: Never reached}
    - task: {name: Called, refId: Called_1, actions: [{endTask: {name: Back}}]}
    - task: {name: Last, refId: Last_1, actions: [{disconnect: {name: Bye}}]}
  menus:
    - menu:
        name: Choices
        refId: Choices_1
        choices:
          - menuTask:
              task:
                actions:
                  - jumpToTask: {name: To the last, targetTaskRef: "/inboundCall/tasks/task[Last_1]"}
"""


def criterion(key: str, operator: str, value: str) -> Json:
    return {"key": key, "operator": operator, "value": value}


async def rows(api: httpx.AsyncClient, *groups: Json, size: int = 200) -> list[Json]:
    answer = await api.post(f"/api/v2/flows/instances/query?pageSize={size}", json={"query": list(groups)})
    return list(answer.raise_for_status().json()["entities"])


async def stream(api: httpx.AsyncClient, **fields: Any) -> None:
    answer = await api.post("/_simulator/executions", json={"flow": "inboundcall/Main IVR", **fields})
    assert answer.status_code == 200, answer.text


async def files(api: httpx.AsyncClient, clock: SteppedClock, *ids: str) -> list[Json]:
    job = (await api.post("/api/v2/flows/instances/jobs", json={"ids": list(ids)})).json()
    assert job["jobState"] == "Running"
    clock.advance(1)
    job = (await api.get(f"/api/v2/flows/instances/jobs/{job['id']}")).json()
    assert job["jobState"] == "Success"
    requests = [httpx.Request("GET", entity["downloadUri"]) for entity in job["entities"]]
    return [(await api.send(request)).raise_for_status().json()["flow"] for request in requests]


async def test_a_stream_fails_about_as_often_as_told_and_always_in_the_same_way(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    await stream(api, per_minute=10, error_rate=0.2)
    clock.advance(1_200)
    found = await rows(api, {"criteria": criterion("FlowId", "eq", main_id(simulator))})
    failed = [row for row in found if "flowErrorReason" in row]
    assert 195 <= len(found) <= 200
    assert 20 <= len(failed) <= 60
    assert {row["flowVersion"] for row in found} == {"1.0"}
    assert {row["flowType"] for row in found} == {"inboundcall"}
    again = await rows(api, {"criteria": criterion("FlowErrorReason", "not_null", "")})
    assert sorted(row["id"] for row in again) == sorted(row["id"] for row in failed)


async def test_executions_belong_to_the_version_that_was_live(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    await stream(api, per_minute=6)
    clock.advance(300)
    await upload(api, clock, changed(MAIN))
    published = clock.now()
    await stream(api, per_minute=6, error_rate=1.0, version="2.0", reason="MODULE_MISSING")
    clock.advance(300)
    newer = await rows(api, {"criteria": criterion("FlowStartDateTime", "gte", published.isoformat())})
    assert {row["flowVersion"] for row in newer} == {"2.0"}
    assert {row.get("flowErrorReason") for row in newer} == {None, "MODULE_MISSING"}


async def test_groups_are_joined_by_and(api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock) -> None:
    await stream(api, count=4, error_rate=0.5, reason="A")
    await stream(api, count=4, error_rate=0.25, reason="B")
    flow = {"criteria": criterion("FlowId", "eq", main_id(simulator))}
    a, b = criterion("FlowErrorReason", "eq", "A"), criterion("FlowErrorReason", "begins", "B")
    assert len(await rows(api, flow)) == 8
    assert len(await rows(api, flow, {"or": [a, b]})) == 3
    assert len(await rows(api, flow, {"and": [a, b]})) == 0
    assert len(await rows(api, flow, {"not": [a, b]})) == 5
    assert len(await rows(api, {"criteria": criterion("FlowId", "eq", "other")})) == 0
    one = (await rows(api, {"criteria": a}))[0]
    same = await rows(api, {"criteria": criterion("ConversationId", "eq", one["conversationId"])})
    assert [row["id"] for row in same] == [one["id"]]


@pytest.mark.parametrize(
    "group",
    [{"criteria": criterion("Colour", "eq", "x")}, {"xor": []}, {"criteria": criterion("FlowId", "like", "x")}, "x"],
)
async def test_a_query_that_is_wrong_gets_400(api: httpx.AsyncClient, group: Any) -> None:
    answer = await api.post("/api/v2/flows/instances/query", json={"query": [group]})
    assert answer.status_code == 400


async def test_a_query_of_the_index_alone_knows_no_names(api: httpx.AsyncClient, simulator: Simulator) -> None:
    await stream(api, count=1, error_rate=1.0)
    answer = await api.post("/api/v2/flows/instances/query?indexOnly=true", json={"query": []})
    (indexed,) = answer.json()["entities"]
    (whole,) = await rows(api)
    assert whole.items() - indexed.items() == {("name", "Main IVR"), ("flowName", "Main IVR")}
    assert indexed.items() <= whole.items()


async def test_a_query_gives_200_rows_at_most(api: httpx.AsyncClient) -> None:
    await stream(api, count=300)
    assert len(await rows(api)) == 200
    assert (await api.post("/api/v2/flows/instances/query?pageSize=201", json={"query": []})).status_code == 400


async def test_data_is_kept_for_ten_days(api: httpx.AsyncClient, clock: SteppedClock) -> None:
    await stream(api, count=1)
    row = (await rows(api))[0]
    clock.advance(10 * 86_400 - 60)
    api.headers["Authorization"] = await fresh_token(api)
    assert len(await rows(api)) == 1
    clock.advance(61)
    assert await rows(api) == []
    assert (await api.get(f"/api/v2/flows/instances/{row['id']}")).status_code == 404


async def fresh_token(api: httpx.AsyncClient) -> str:
    form = {"grant_type": "client_credentials"}
    answer = await api.post("/oauth/token", data=form, auth=("penstock", "penstock-secret"))
    return f"Bearer {answer.json()['access_token']}"


async def test_data_that_was_switched_on_begins_with_the_next_publish(
    api: httpx.AsyncClient, clock: SteppedClock
) -> None:
    switch = "/api/v2/flows/instances/settings/executiondata"
    assert (await api.patch(switch, json={"enabled": False})).json()["enabled"] is False
    await stream(api, count=1)
    assert await rows(api) == []
    clock.advance(1)
    await api.patch(switch, json={"enabled": True})
    assert await rows(api) == []
    await upload(api, clock, changed(MAIN))
    await stream(api, count=2)
    assert {row["flowVersion"] for row in await rows(api)} == {"2.0"}


async def test_a_file_follows_the_flows_own_structure(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    await stream(api, count=8)
    ids = [row["id"] for row in await rows(api)]
    flows = await files(api, clock, *ids)
    assert [flow["executionId"] for flow in flows] == ids
    ways = set()
    for flow in flows:
        assert (flow["flowName"], flow["flowVersion"], flow["isTruncated"]) == ("Main IVR", "1.0", False)
        events = [next(iter(step)) for step in flow["execution"]]
        ways.add(tuple(events))
        call = flow["execution"][2]["actionCallCommonModule"]
        called = {"flowId": simulator.flow("commonmodule", "Greeting").id, "flowName": "Greeting", "flowVersion": "1.0"}
        assert call["inputData"]["commonModule"] == called
        inner = [next(iter(step)) for step in call["execution"]]
        expected = ["startedCommonModule", "startedTask", "actionUpdateData", "actionEndTask", "endedTask"]
        assert inner == [*expected, "endedCommonModule"]
        statement = call["execution"][2]["actionUpdateData"]["statements"][0]
        assert (statement["value"], statement["variableName"]) == ("Hello", "Common.Greeting")
        times = [next(iter(step.values()))["dateTime"] for step in flow["execution"]]
        assert times == sorted(times)
    start = ("startedFlow", "startedTask", "actionCallCommonModule", "actionDecision")
    assert ways == {
        (*start, "actionTransferFlow", "endedTask", "endedFlow"),
        (*start, "actionDisconnect", "endedTask", "endedFlow"),
    }
    assert await files(api, clock, ids[0]) == [flows[0]]


async def test_a_task_ends_where_it_jumps_and_waits_where_it_calls(api: httpx.AsyncClient, clock: SteppedClock) -> None:
    (await api.post("/_simulator/flows", json={"text": JUMPING, "by": "Ada"})).raise_for_status()
    await stream(api, flow="inboundcall/Jumping", count=1)
    (flow,) = await files(api, clock, (await rows(api))[0]["id"])
    steps = [(event, fields.get("taskName")) for step in flow["execution"] for event, fields in step.items()]
    assert steps == [
        ("startedFlow", None),
        ("startedTask", "Start"),
        ("actionCallTask", None),
        ("startedTask", "Called"),
        ("actionEndTask", None),
        ("endedTask", None),
        ("actionDecision", None),
        ("actionJumpToMenu", None),
        ("endedTask", None),
        ("menuTask", None),
        ("startedTask", "Choices"),
        ("actionJumpToTask", None),
        ("endedTask", None),
        ("startedTask", "Last"),
        ("actionDisconnect", None),
        ("endedTask", None),
        ("endedFlow", None),
    ]


async def test_a_failed_execution_shows_its_error(api: httpx.AsyncClient, clock: SteppedClock) -> None:
    await stream(api, count=1, error_rate=1.0, reason="DATA_ACTION_TIMEOUT")
    (flow,) = await files(api, clock, (await rows(api))[0]["id"])
    events = {next(iter(step)): next(iter(step.values())) for step in flow["execution"]}
    assert events["eventError"]["errors"][0]["reason"] == "DATA_ACTION_TIMEOUT"
    assert events["endedFlow"]["flowExitReason"] == "FLOW_ERROR_DISCONNECT"


async def test_a_launched_workflow_runs_and_ends(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    flow_id = (await upload(api, clock, WORKFLOW))["flow"]["id"]
    body = {"flowId": flow_id, "inputData": {"Flow.x": 1}, "name": "probe"}
    launched = (await api.post("/api/v2/flows/executions", json=body)).json()
    assert (launched["name"], launched["flowVersion"]["id"]) == ("probe", "1.0")
    uri = launched["selfUri"]
    assert (await api.get(uri)).json()["status"] == "RUNNING"
    clock.advance(1)
    done = (await api.get(uri)).json()
    assert (done["status"], done["completionReason"]) == ("COMPLETED", "COMPLETED")
    await api.post("/_simulator/executions", json={"flow": flow_id, "per_minute": 1, "error_rate": 1.0, "reason": "X"})
    launched = (await api.post("/api/v2/flows/executions", json=body)).json()
    clock.advance(1)
    failed = (await api.get(launched["selfUri"])).json()
    assert (failed["status"], failed["flowErrorInfo"]["code"]) == ("FAILED", "X")
    refused = await api.post("/api/v2/flows/executions", json={"flowId": main_id(simulator)})
    assert refused.status_code == 400


async def test_capabilities_list_every_criterion(api: httpx.AsyncClient) -> None:
    shown = (await api.get("/api/v2/flows/instances/querycapabilities")).json()
    assert len(shown["criteria"]) == 22
    assert "workflow" in shown["flowTypes"]
    assert shown["errorCodes"] == ["ACTION_ERROR"]
