"""Faults: each kind does what its name says, to the requests that it is meant for, and as often as told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.domain.errors.process import SettingsInvalid
from controller.simulator.app import create_app
from controller.simulator.faults import Fault, FaultKind, Match, Point
from controller.simulator.serve import running
from controller.simulator.simulator import Simulator
from tests.simulator.sources import GREETING, MAIN, changed
from tests.simulator.steps import export, main_id, publish, texts, upload
from tests.support.clock import SteppedClock

ME = "/api/v2/organizations/me"


def fault(kind: FaultKind, **fields: Any) -> Fault:
    return Fault(name=str(kind), kind=kind, **fields)


async def statuses(api: httpx.AsyncClient, count: int, path: str = ME) -> list[int]:
    return [(await api.get(path)).status_code for _ in range(count)]


async def test_a_fault_begins_at_the_nth_request_and_ends_after_so_many(
    api: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.set_faults(fault(FaultKind.HTTP_5XX, nth=2, times=2))
    assert await statuses(api, 5) == [200, 503, 503, 200, 200]


async def test_a_fault_can_last_for_a_while(api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock) -> None:
    simulator.set_faults(fault(FaultKind.HTTP_5XX, for_s=300, status=502))
    assert await statuses(api, 2) == [502, 502]
    clock.advance(300)
    assert await statuses(api, 1) == [200]


async def test_a_fault_hits_only_what_it_matches(api: httpx.AsyncClient, simulator: Simulator) -> None:
    match = Match(method="GET", route="/api/v2/flows/{flowId}", flow="inboundcall/Main IVR")
    simulator.set_faults(fault(FaultKind.HTTP_5XX, match=match))
    support = simulator.flow("inboundcall", "Support").id
    assert await statuses(api, 1, f"/api/v2/flows/{main_id(simulator)}") == [503]
    assert await statuses(api, 1, f"/api/v2/flows/{support}") == [200]
    assert await statuses(api, 1, "/api/v2/flows") == [200]


async def test_a_share_of_requests_is_the_same_share_every_time(api: httpx.AsyncClient, simulator: Simulator) -> None:
    simulator.set_faults(fault(FaultKind.HTTP_5XX, rate=0.3))
    first = await statuses(api, 100)
    simulator.set_faults(fault(FaultKind.HTTP_5XX, rate=0.3))
    assert await statuses(api, 100) == first
    assert 15 < first.count(503) < 45


async def test_429_tells_when_to_come_back_in_seconds_or_as_a_date(
    api: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.set_faults(fault(FaultKind.HTTP_429, retry_after_s=58, times=1))
    seconds = await api.get(ME)
    assert (seconds.status_code, seconds.headers["Retry-After"]) == (429, "58")
    assert seconds.json()["code"] == "too.many.requests.retry.after"
    simulator.set_faults(fault(FaultKind.HTTP_429, retry_after_s=90, retry_after_date=True))
    date = await api.get(ME)
    assert date.headers["Retry-After"] == "Mon, 05 Jan 2026 12:01:30 GMT"


@pytest.mark.parametrize(("point", "version"), [(Point.BEFORE, None), (Point.AFTER, "1.0"), (Point.MIDDLE, "1.0")])
async def test_a_reset_before_does_nothing_and_after_hides_what_was_done(
    api: httpx.AsyncClient, simulator: Simulator, point: Point, version: str | None
) -> None:
    simulator.set_faults(fault(FaultKind.RESET, point=point, match=Match(method="POST")))
    with pytest.raises(httpx.TransportError):
        await publish(api, main_id(simulator), "1.0")
    operation = simulator.flow("inboundcall", "Main IVR").operation
    assert (operation.version if operation else None) == version
    assert simulator.calls.count("POST", "/api/v2/flows/actions/publish", 0) == 1


async def test_an_error_after_the_effect_hides_it(api: httpx.AsyncClient, simulator: Simulator) -> None:
    simulator.set_faults(fault(FaultKind.HTTP_5XX, point=Point.AFTER, status=504, match=Match(method="POST")))
    assert (await publish(api, main_id(simulator), "1.0")).status_code == 504
    assert simulator.flow("inboundcall", "Main IVR").operation is not None


async def test_a_slow_body_takes_its_time(api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock) -> None:
    simulator.set_faults(fault(FaultKind.SLOW_BODY, delay_s=45))
    answer = await api.get(ME)
    assert answer.json()["state"] == "active"
    assert clock.elapsed_s == 45


async def test_broken_answers_are_broken_as_told(api: httpx.AsyncClient, simulator: Simulator) -> None:
    simulator.set_faults(fault(FaultKind.TRUNCATED_JSON, times=1))
    truncated = await api.get(ME)
    with pytest.raises(json.JSONDecodeError):
        truncated.json()
    assert truncated.headers["inin-ratelimit-allowed"] == "300"
    simulator.set_faults(fault(FaultKind.HTML_ERROR, times=1))
    html = await api.get(ME)
    assert (html.status_code, html.headers["content-type"].split(";")[0]) == (200, "text/html")
    simulator.set_faults(fault(FaultKind.WRONG_TYPE, times=1))
    assert isinstance((await api.get(ME)).json(), list)
    simulator.set_faults(fault(FaultKind.WRONG_TYPE, field="name", times=1))
    assert (await api.get(ME)).json()["name"] == ["unexpected"]
    simulator.set_faults(fault(FaultKind.MISSING_FIELD, field="state", times=1))
    assert "state" not in (await api.get(ME)).json()
    simulator.set_faults(fault(FaultKind.HUGE_BODY, size=200_000, times=1))
    assert len((await api.get(ME)).content) > 200_000
    simulator.set_faults(fault(FaultKind.REDIRECT, times=1))
    moved = await api.get(ME)
    assert (moved.status_code, moved.headers["location"]) == (307, "https://elsewhere.example/")
    assert (await api.get(ME)).json()["state"] == "active"


async def test_an_expired_token_stays_expired(api: httpx.AsyncClient, simulator: Simulator) -> None:
    simulator.set_faults(fault(FaultKind.EXPIRED_TOKEN, times=1))
    assert await statuses(api, 2) == [401, 401]


async def test_the_token_endpoint_can_be_limited(anonymous: httpx.AsyncClient, simulator: Simulator) -> None:
    simulator.set_faults(fault(FaultKind.TOKEN_RATE_LIMITED, times=1))
    form = {"grant_type": "client_credentials"}
    refused = await anonymous.post("/oauth/token", data=form, auth=("penstock", "penstock-secret"))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


async def test_a_publish_can_do_silently_nothing(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    await upload(api, clock, changed(MAIN))
    simulator.set_faults(fault(FaultKind.PUBLISH_SILENT_NOOP, match=Match(flow="Main IVR")))
    assert (await publish(api, main_id(simulator), "1.0")).status_code == 200
    clock.advance(60)
    assert simulator.flow("inboundcall", "Main IVR").live == 2


async def test_a_publish_can_fail_at_its_end(api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock) -> None:
    simulator.set_faults(fault(FaultKind.PUBLISH_FAILS, message="The generation of prompts failed."))
    await publish(api, main_id(simulator), "1.0")
    clock.advance(2)
    operation = (await api.get(f"/api/v2/flows/{main_id(simulator)}")).json()["currentOperation"]
    assert (operation["actionStatus"], operation["errorMessage"]) == ("FAILURE", "The generation of prompts failed.")


async def test_another_version_can_go_live_than_was_asked_for(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    await upload(api, clock, changed(MAIN))
    simulator.set_faults(fault(FaultKind.WRONG_VERSION))
    await publish(api, main_id(simulator), "1.0")
    clock.advance(2)
    flow = (await api.get(f"/api/v2/flows/{main_id(simulator)}")).json()
    assert (flow["currentOperation"]["actionStatus"], flow["publishedVersion"]["id"]) == ("SUCCESS", "2.0")


@pytest.mark.parametrize(
    ("message", "expected"), [("boom", ["boom"]), ("", []), (None, ["the flow has validation errors"])]
)
async def test_an_upload_can_fail_with_and_without_words(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock, message: str | None, expected: list[str]
) -> None:
    simulator.set_faults(fault(FaultKind.JOB_FAILS, message=message, match=Match(flow="Greeting")))
    job = await upload(api, clock, GREETING)
    assert job["status"] == "Failure"
    assert texts(job)[: len(expected) or 1] == expected
    assert (await upload(api, clock, changed(MAIN)))["status"] == "Success"


async def test_an_upload_can_succeed_without_publishing(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    simulator.set_faults(fault(FaultKind.PUBLISH_SILENT_NOOP))
    assert (await upload(api, clock, changed(MAIN)))["status"] == "Success"
    flow = simulator.flow("inboundcall", "Main IVR")
    assert (flow.live, len(flow.versions)) == (1, 2)


async def test_an_export_can_hide_a_429_in_its_messages(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    simulator.set_faults(fault(FaultKind.DISGUISED_429, times=1))
    job = await export(api, clock, {"id": main_id(simulator)})
    assert job["status"] == "Failure"
    assert "downloadUrl" not in job
    assert "setting the Archy exit code to 107" in texts(job)
    assert any("could not find the flow with id" in text for text in texts(job))
    assert (await export(api, clock, {"id": main_id(simulator)}))["status"] == "Success"


async def test_faults_are_set_shown_and_removed_over_http(anonymous: httpx.AsyncClient) -> None:
    one = {"name": "storm", "kind": "http-429", "match": {"route": ME}, "times": 2}
    two = {"name": "slow", "kind": "slow-body"}
    await anonymous.post("/_simulator/faults", json=one)
    shown = (await anonymous.post("/_simulator/faults", json={"faults": [two]})).json()["faults"]
    assert shown[0] == {**one, "seen": 0, "hits": 0}
    assert (await anonymous.delete("/_simulator/faults?name=storm")).json()["faults"][0]["name"] == "slow"
    assert (await anonymous.delete("/_simulator/faults?name=storm")).status_code == 404
    assert (await anonymous.delete("/_simulator/faults")).json() == {"faults": []}
    wrong = await anonymous.post("/_simulator/faults", json={"name": "x", "kind": "gremlins"})
    assert wrong.status_code == 400
    assert "kind" in wrong.json()["message"]


async def test_faults_are_read_from_a_file(simulator: Simulator, tmp_path: Path, api: httpx.AsyncClient) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text("faults:\n  - {name: down, kind: http-5xx, status: 500, times: 1}\n", encoding="utf-8")
    simulator.load_faults(path)
    assert await statuses(api, 2) == [500, 200]
    path.write_text("faults:\n  - {name: down, kind: http-5xx, nht: 3}\n", encoding="utf-8")
    with pytest.raises(SettingsInvalid, match="nht"):
        simulator.load_faults(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- {name: a, kind: reset}\n- {name: b, kind: rest}\n", "fault 2 ('b'): kind: input should be 'http-429', "),
        (
            "- {name: a, kind: reset, matches: {}}\n",
            "fault 1 ('a'): matches: there is no such field; did you mean 'match'?",
        ),
        ("- {name: a, kind: reset, match: {rout: /x}}\n", "match.rout: there is no such field; did you mean 'route'?"),
        (
            "- {kind: reset}\n- 3\n",
            "line 1: fault 1: name: field required; line 2: fault 2: input should be a valid dictionary",
        ),
        ("hello\n", "a list of faults is expected"),
        ("a: [\n", "line 2"),
    ],
)
def test_every_mistake_in_a_file_of_faults_is_told_with_its_place(
    simulator: Simulator, tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsInvalid) as error:
        simulator.load_faults(path)
    assert error.value.message.startswith(str(path))
    assert told in error.value.message


def test_a_file_of_faults_that_cannot_be_read_is_named(simulator: Simulator, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"gone\.yaml cannot be read: no such file"):
        simulator.load_faults(tmp_path / "gone.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"- name: \xfc\n")
    with pytest.raises(SettingsInvalid, match="is not UTF-8"):
        simulator.load_faults(tmp_path / "latin.yaml")


async def test_a_fault_for_a_route_that_nobody_serves_is_refused_because_it_would_never_strike(
    anonymous: httpx.AsyncClient,
) -> None:
    nowhere = {"name": "typo", "kind": "reset", "match": {"route": "/api/v2/flow"}}
    refused = await anonymous.post("/_simulator/faults", json={"faults": [{"name": "fine", "kind": "reset"}, nowhere]})
    assert refused.status_code == 400
    assert "did you mean '/api/v2/flows'?" in refused.json()["message"]
    assert (await anonymous.get("/_simulator/faults")).json() == {"faults": []}
    early = Simulator()
    early.set_faults(Fault.model_validate(nowhere))
    with pytest.raises(SettingsInvalid, match="'typo' would never strike"):
        create_app(early)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("faults:\n  - {name: fine, kind: reset}\n  - name: typo\n    kind: reset\n    match:\n      route: /x\n", 6),
        ("- name: typo\n  kind: reset\n  match:\n    route: /oauth/token\n    method: PUT\n", 4),
        ("- name: typo\n  kind: reset\n  match:\n    method: FLY\n", 4),
        ("name: typo\nkind: reset\nmatch:\n  route: /x\n", 4),
    ],
)
def test_a_call_that_nobody_serves_is_told_with_its_line_in_the_file(text: str, line: int, tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(text)
    simulator = Simulator()
    simulator.load_faults(path)
    with pytest.raises(SettingsInvalid) as error:
        create_app(simulator)
    assert error.value.message.startswith(f"{path}: line {line}: the fault 'typo' would never strike")


@pytest.mark.parametrize("point", list(Point))
def test_a_served_reset_really_breaks_the_connection(point: Point) -> None:
    simulator = Simulator()
    with running(simulator) as url, httpx.Client(base_url=url) as client:
        simulator.set_faults(fault(FaultKind.RESET, point=point, times=1, match=Match(route="/oauth/token")))
        form = {"grant_type": "client_credentials"}
        with pytest.raises(httpx.TransportError):
            client.post("/oauth/token", data=form, auth=("penstock", "penstock-secret"))
        again = client.post("/oauth/token", data=form, auth=("penstock", "penstock-secret"))
        assert again.status_code == 200
