"""`/_simulator` does what it is told or says why not: nothing misspelt, mistyped or unknown is silently passed over."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from controller.domain.errors.process import SettingsInvalid
from controller.simulator.app import create_app
from controller.simulator.faults import Fault, FaultKind, Match
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.simulator.conftest import BASE_URL
from tests.simulator.sources import MAIN, changed
from tests.simulator.steps import Json, main_id, publish, upload
from tests.support.clock import SteppedClock

EXECUTIONS = "/_simulator/executions"
FLOW = "inboundcall/Main IVR"


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("POST", EXECUTIONS, {"flow": FLOW, "perminute": 5}, "[perminute]"),
        ("POST", EXECUTIONS, {"flow": FLOW, "per_minut": 5}, "did you mean 'per_minute'?"),
        ("POST", EXECUTIONS, {"flow": FLOW}, "[per_minute]"),
        ("POST", EXECUTIONS, {"flow": FLOW, "per_minute": 5, "count": 3}, "[count]"),
        ("POST", EXECUTIONS, {"flow": FLOW, "per_minute": 5, "version": 1}, "[version] must be a text"),
        ("POST", "/_simulator/clients", {"id": "a", "secret": "b", "permission": []}, "did you mean 'permissions'?"),
        ("POST", "/_simulator/clients", {"id": "a", "secret": 5}, "[secret] must be a text"),
        ("POST", "/_simulator/clock", {"advance": 5}, "did you mean 'advance_s'?"),
        ("POST", "/_simulator/clock", {"advance_s": 1e9}, "[advance_s]"),
        ("POST", f"/_simulator/flows/{FLOW}/lock", {"whose": "Ada"}, "it takes by, text, definition, version"),
        ("POST", f"/_simulator/flows/{FLOW}/publish", {"by": ["Ada"]}, "[by] must be a text"),
        ("POST", f"/_simulator/flows/{FLOW}/publish", {"text": "a:\n  b: c\n d"}, "line 3, column 2"),
        ("POST", "/_simulator/flows", {"text": "a:\n  b: c\n d"}, "line 3, column 2"),
        ("POST", "/_simulator/reset", {"to": "yesterday"}, "it takes none"),
        ("PATCH", "/_simulator/settings", {"publish": 3}, "did you mean 'publish_s'?"),
        ("GET", "/_simulator/calls/log?routes=/api/v2/flows", None, "did you mean 'route'?"),
        ("DELETE", "/_simulator/faults?fault=storm", None, "it takes name"),
    ],
)
async def test_what_would_do_nothing_gets_400(
    api: httpx.AsyncClient, method: str, path: str, body: Json | None, told: str
) -> None:
    refused = await api.request(method, path, json=body)
    assert (refused.status_code, refused.json()["code"]) in ((400, "bad.request"), (400, "invalid.query.param.value"))
    assert told in refused.json()["message"]


async def test_a_flow_that_is_not_there_is_named_with_the_one_that_was_meant(api: httpx.AsyncClient) -> None:
    for path, body in (
        (EXECUTIONS, {"flow": "inboundcall/Main IVP", "count": 1}),
        (f"/_simulator/flows/{FLOW}s/lock", {}),
    ):
        refused = await api.post(path, json=body)
        assert refused.status_code == 404
        assert "did you mean 'inboundcall/Main IVR'?" in refused.json()["message"]


async def test_flows_are_changed_by_hand_by_type_and_name(api: httpx.AsyncClient, simulator: Simulator) -> None:
    done = await api.post("/_simulator/flows/InboundCall/Main%20IVR/publish", json={"by": "Ada Lovelace"})
    assert (done.status_code, done.json()["published_version"]) == (200, "2.0")
    assert simulator.flow("inboundcall", "Main IVR").live == 2


async def test_a_name_with_slashes_is_changed_by_hand_too(api: httpx.AsyncClient, simulator: Simulator) -> None:
    made = {"by": "Ada Lovelace", "text": changed(MAIN).replace("Main IVR", "In/Out/lock")}
    (await api.post("/_simulator/flows", json=made)).raise_for_status()

    done = await api.post("/_simulator/flows/inboundcall/In%2FOut%2Flock/lock", json={"by": "Ada Lovelace"})

    assert (done.status_code, done.json()["locked_by"]) == (200, "Ada Lovelace")


@pytest.mark.parametrize(
    ("match", "told"),
    [
        (Match(method="FETCH"), "no call has the method 'FETCH'"),
        (Match(method="DELETE", route="/oauth/token"), "no call has the method 'DELETE' on the route '/oauth/token'"),
        (Match(route="/api/v2/flow"), "no call has the route '/api/v2/flow'"),
    ],
)
async def test_a_fault_that_could_never_strike_is_refused(
    api: httpx.AsyncClient, simulator: Simulator, match: Match, told: str
) -> None:
    with pytest.raises(SettingsInvalid) as error:
        simulator.set_faults(Fault(name="x", kind=FaultKind.RESET, match=match))
    assert told in error.value.message
    assert error.value.hint


async def test_a_name_that_two_faults_of_a_file_have_is_refused(simulator: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text("- {name: a, kind: reset}\n- {name: a, kind: http-429}\n", encoding="utf-8")
    with pytest.raises(SettingsInvalid, match="'a' is given twice"):
        simulator.load_faults(path)


async def test_what_the_simulator_does_not_answer_is_named(api: httpx.AsyncClient) -> None:
    unknown = await api.get("/api/v2/users/me")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not.found")
    assert "GET /api/v2/users/me" in unknown.json()["message"]
    wrong = await api.patch("/api/v2/flows")
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "DELETE, GET, POST")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v2/flows", {"name": "A", "type": "INBOUNDCALL", "description": 5}),
        ("POST", "/api/v2/flows", {"name": "A", "type": "INBOUNDCALL", "division": "Home"}),
        ("POST", "/api/v2/flows", {"name": ["A"], "type": "INBOUNDCALL"}),
        ("PUT", "/api/v2/flows/{main}", {"name": 5}),
        ("PUT", "/api/v2/flows/{main}", {"description": {}}),
        ("PUT", "/api/v2/flows/{main}", {"name": "\ud800"}),
        ("POST", "/api/v2/flows/jobs", {"createStubs": "yes"}),
        ("POST", "/api/v2/flows/executions", {"flowId": "{main}", "inputData": "x"}),
        ("POST", "/api/v2/flows/export/jobs", {"flows": [{"flow": {"id": "{main}"}, "exportType": "Json"}]}),
        ("POST", "/api/v2/flows/export/jobs", {"flows": [{"flow": {"id": "{main}"}, "fileName": 5}]}),
    ],
)
async def test_a_body_with_a_wrong_type_gets_an_error_body_with_400(
    api: httpx.AsyncClient, simulator: Simulator, method: str, path: str, body: Json
) -> None:
    flow_id = main_id(simulator)
    filled = json.dumps(body).replace("{main}", flow_id)
    refused = await api.request(method, path.replace("{main}", flow_id), content=filled)
    assert (refused.status_code, refused.json()["status"]) == (400, 400)
    assert refused.json()["contextId"] == refused.headers["ININ-Correlation-Id"]
    assert simulator.flow("inboundcall", "Main IVR").description == "Where every call begins"


async def test_a_reset_brings_back_what_was_served_first(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    before = (await api.get("/_simulator/flows")).json()
    await upload(api, clock, changed(MAIN))
    await api.post(f"/_simulator/flows/{FLOW}/lock", json={"by": "Ada Lovelace"})
    await api.post(EXECUTIONS, json={"flow": FLOW, "count": 3})
    await api.patch("/_simulator/settings", json={"publish_s": 99})
    await api.post("/_simulator/clients", json={"id": "other", "secret": "s"})
    simulator.set_faults(Fault(name="down", kind=FaultKind.HTTP_5XX))
    await publish(api, main_id(simulator), "1.0")

    assert (await api.post("/_simulator/reset")).status_code == 204

    assert (await api.get("/_simulator/flows")).json() == before
    assert (await api.get(EXECUTIONS)).json() == {"streams": [], "stored": 0}
    assert (await api.get("/_simulator/settings")).json()["publish_s"] == 2
    assert [client["id"] for client in (await api.get("/_simulator/clients")).json()["clients"]] == ["penstock"]
    assert (await api.get("/_simulator/faults")).json() == {"faults": []}
    assert (await api.get("/_simulator/calls")).json() == {"total": 0, "calls": []}
    assert (await api.get("/api/v2/flows")).headers["inin-ratelimit-count"] == "1", "the token is valid, its limit anew"
    await upload(api, clock, changed(MAIN))
    assert simulator.flow("inboundcall", "Main IVR").live == 2, "it works on as if nothing had been"


async def test_faults_that_were_there_from_the_beginning_are_back_after_a_reset(clock: SteppedClock) -> None:
    simulator = Simulator(clock, SimulatorSettings(rate_limit_per_minute=7))
    simulator.set_faults(Fault(name="once", kind=FaultKind.HTTP_5XX, times=1))
    transport = httpx.ASGITransport(app=create_app(simulator))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        assert [(await client.get("/api/v2/flows")).status_code for _ in range(2)] == [503, 401]
        simulator.reset()
        assert [(await client.get("/api/v2/flows")).status_code for _ in range(2)] == [503, 401]
    assert simulator.limit.per_minute == 7


async def test_the_clock_is_not_moved_out_of_the_calendar(api: httpx.AsyncClient) -> None:
    assert (await api.post("/_simulator/clock", json={"advance_s": 9e8})).status_code == 200
    refused = await api.post("/_simulator/clock", json={"advance_s": 9e8})
    assert refused.status_code == 400
    assert (await api.get("/_simulator/clock")).json()["moved_s"] == 9e8
