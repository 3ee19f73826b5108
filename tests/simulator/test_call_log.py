"""The call log: every call in order, with who made it, how it was answered, and which faults hit it."""

from __future__ import annotations

import httpx
import pytest

from controller.simulator.calls import Calls, LoggedCall
from controller.simulator.faults import Fault, FaultKind
from controller.simulator.simulator import Simulator
from tests.simulator.conftest import token
from tests.simulator.sources import MAIN, changed
from tests.simulator.steps import Json, export, main_id, publish, upload
from tests.support.clock import SteppedClock

LOG = "/_simulator/calls/log"
FLOW = "/api/v2/flows/{flowId}"


async def log(api: httpx.AsyncClient, **query: object) -> Json:
    return dict((await api.get(LOG, params={name: str(value) for name, value in query.items()})).json())


async def test_calls_stand_in_the_order_in_which_they_came(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    await api.delete("/_simulator/calls")
    flow_id = main_id(simulator)
    await publish(api, flow_id, "1.0")
    clock.advance(7)
    await api.get(f"/api/v2/flows/{flow_id}")
    await api.get("/api/v2/nowhere")
    assert await log(api) == {
        "calls": [
            {
                "number": 1,
                "at": "2026-01-05T12:00:00.000Z",
                "method": "POST",
                "route": "/api/v2/flows/actions/publish",
                "path": "/api/v2/flows/actions/publish",
                "query": f"flow={flow_id}&version=1.0",
                "client": "penstock",
                "flows": ["inboundcall/Main IVR"],
                "status": 200,
                "duration_ms": 0,
                "faults": [],
            },
            {
                "number": 2,
                "at": "2026-01-05T12:00:07.000Z",
                "method": "GET",
                "route": FLOW,
                "path": f"/api/v2/flows/{flow_id}",
                "query": "",
                "client": "penstock",
                "flows": ["inboundcall/Main IVR"],
                "status": 200,
                "duration_ms": 0,
                "faults": [],
            },
            {
                "number": 3,
                "at": "2026-01-05T12:00:07.000Z",
                "method": "GET",
                "route": "(unknown route)",
                "path": "/api/v2/nowhere",
                "query": "",
                "client": None,
                "flows": [],
                "status": 404,
                "duration_ms": 0,
                "faults": [],
            },
        ],
        "dropped": 0,
    }


async def test_a_call_names_the_faults_that_hit_it_and_how_long_its_answer_took(
    api: httpx.AsyncClient, simulator: Simulator
) -> None:
    flow_id = main_id(simulator)
    simulator.set_faults(
        Fault(name="slow", kind=FaultKind.SLOW_BODY, delay_s=4),
        Fault(name="nothing", kind=FaultKind.PUBLISH_SILENT_NOOP),
    )
    await publish(api, flow_id, "1.0")
    simulator.faults.clear()
    await api.get(f"/api/v2/flows/{flow_id}")
    hit, spared = simulator.calls.log()[-2:]
    assert (hit.faults, hit.duration_s) == (("slow", "nothing"), 4)
    assert (spared.faults, spared.duration_s) == ((), 0)


async def test_a_dropped_connection_is_logged_with_status_0(api: httpx.AsyncClient, simulator: Simulator) -> None:
    simulator.set_faults(Fault(name="cut", kind=FaultKind.RESET))
    with pytest.raises(httpx.ReadError):
        await api.get("/api/v2/flows")
    [call] = simulator.calls.log(status=0)
    assert (call.route, call.faults) == ("/api/v2/flows", ("cut",))


async def test_refused_calls_and_token_requests_name_their_client(
    api: httpx.AsyncClient, simulator: Simulator, anonymous: httpx.AsyncClient
) -> None:
    await api.post("/_simulator/clients", json={"id": "reader", "secret": "s", "permissions": []})
    bearer = {"Authorization": f"Bearer {await token(anonymous, 'reader', 's')}"}
    await anonymous.get("/api/v2/flows", headers=bearer)
    simulator.limit.per_minute = 1
    await anonymous.get("/api/v2/flows", headers=bearer)
    await anonymous.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=("nobody", "x"))
    assert [(call.route, call.status) for call in simulator.calls.log(client="reader")] == [
        ("/oauth/token", 200),
        ("/api/v2/flows", 403),
        ("/api/v2/flows", 429),
    ]
    assert simulator.calls.log()[-1].client is None


async def test_an_upload_names_the_flow_of_its_file_and_no_signature(
    api: httpx.AsyncClient, clock: SteppedClock, simulator: Simulator
) -> None:
    await upload(api, clock, changed(MAIN))
    await api.get((await export(api, clock, {"id": main_id(simulator)}))["downloadUrl"])
    [sent] = simulator.calls.log("PUT", "/_storage/uploads/{jobId}")
    assert sent.flows == ("inboundcall/Main IVR",)
    assert sent.query == "X-Amz-Expires=3600&X-Amz-Signature=…"
    [job] = [job for job in simulator.organization.state.jobs.values() if job.flow_key]
    logged = (await api.get(LOG)).text
    assert all(job.key not in logged for job in simulator.organization.state.jobs.values())
    assert job.id in logged


async def test_the_log_is_filtered(api: httpx.AsyncClient, simulator: Simulator) -> None:
    await api.delete("/_simulator/calls")
    flow_id = main_id(simulator)
    for _ in range(3):
        await api.get(f"/api/v2/flows/{flow_id}")
    await api.get("/api/v2/flows/unknown")
    await publish(api, flow_id, "1.0")

    async def numbers(**query: object) -> list[int]:
        return [call["number"] for call in (await log(api, **query))["calls"]]

    assert await numbers() == [1, 2, 3, 4, 5]
    assert await numbers(route=FLOW) == [1, 2, 3, 4]
    assert await numbers(method="POST") == [5]
    assert await numbers(status=404) == [4]
    assert await numbers(client="somebody") == []
    assert await numbers(since=3) == [4, 5]
    assert await numbers(route=FLOW, limit=2) == [3, 4]
    for wrong in ({"since": "yesterday"}, {"limit": 0}, {"limit": "9" * 5000}, {"status": "ok"}):
        refused = await api.get(LOG, params=wrong)
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid.query.param.value")


async def test_the_log_is_bounded_and_tells_what_it_forgot(api: httpx.AsyncClient, simulator: Simulator) -> None:
    simulator.calls.most = 3
    for number in range(5):
        await api.get(f"/api/v2/flows/unknown-{number}")
    kept = await log(api)
    assert [call["path"][-1] for call in kept["calls"]] == ["2", "3", "4"]
    assert kept["dropped"] == 3, "the token request and two flows"
    assert (await api.get("/_simulator/calls")).json()["total"] == 6, "counts forget nothing"
    await api.delete("/_simulator/calls")
    assert await log(api) == {"calls": [], "dropped": 0}


def test_a_log_without_a_server_counts_and_orders_too(clock: SteppedClock) -> None:
    calls = Calls(most=2)
    for path in "abc":
        calls.add(LoggedCall(0, clock.now(), "GET", "/{it}", f"/{path}", "", 200))
    assert [(call.number, call.path) for call in calls.log()] == [(2, "/b"), (3, "/c")]
    assert (calls.count("GET", "/{it}"), calls.dropped) == (3, 1)
