"""Serving: a real socket, a state that survives, counts that can be read, time that can be moved."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from controller.domain.errors.process import SettingsInvalid
from controller.simulator.app import create_app
from controller.simulator.serve import running, serve
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.simulator.conftest import BASE_URL
from tests.simulator.sources import MAIN, changed
from tests.simulator.steps import main_id, publish, upload
from tests.support.clock import SteppedClock

PROGRAM = """
import asyncio
from controller.simulator.serve import serve
from controller.simulator.simulator import Simulator
asyncio.run(serve(Simulator(), host="127.0.0.1", port=0, ready=lambda url: print(url, flush=True)))
"""


def test_a_served_simulator_stops_cleanly_on_sigterm() -> None:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        url = process.stdout.readline().strip()
        assert httpx.get(f"{url}/_simulator/clock").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0


def test_a_taken_port_is_a_clear_error() -> None:
    with running(Simulator()) as url:
        second = running(Simulator(), port=int(url.rpartition(":")[2]))
        with pytest.raises(SettingsInvalid, match="cannot listen"):
            second.__enter__()


async def test_the_state_file_brings_everything_back(folder: Path, tmp_path: Path, clock: SteppedClock) -> None:
    path = tmp_path / "state.json"
    before = Simulator(clock, state_file=path)
    before.load_folder(folder)
    flow_id = main_id(before)
    transport = httpx.ASGITransport(app=create_app(before))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as api:
        form = {"grant_type": "client_credentials"}
        token = await api.post("/oauth/token", data=form, auth=("penstock", "penstock-secret"))
        api.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
        await upload(api, clock, changed(MAIN))
        await publish(api, flow_id, "1.0")
    assert token.json()["access_token"] not in path.read_text(encoding="utf-8")
    after = Simulator(clock, state_file=path)
    assert after.organization.state == before.organization.state
    assert after.flow("inboundcall", "Main IVR").live == 2
    clock.advance(2)
    assert after.flow("inboundcall", "Main IVR").live == 1
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith("state")] == ["state.json"]


def test_an_address_that_this_machine_does_not_have_is_told() -> None:
    with pytest.raises(SettingsInvalid, match="cannot listen on 192\\.0\\.2\\.1") as error:
        asyncio.run(serve(Simulator(), host="192.0.2.1", port=0, ready=print))
    assert "--host" in (error.value.hint or "")


def test_a_state_file_that_is_a_folder_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "state.json").mkdir()
    with pytest.raises(SettingsInvalid, match=r"state\.json cannot be read: is a directory"):
        Simulator(state_file=tmp_path / "state.json")


def test_a_file_that_holds_no_state_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(SettingsInvalid, match="not a state file"):
        Simulator(state_file=path)


async def test_calls_are_counted_by_route_and_reset(api: httpx.AsyncClient, simulator: Simulator) -> None:
    await api.delete("/_simulator/calls")
    await api.get(f"/api/v2/flows/{main_id(simulator)}")
    await api.get("/api/v2/flows/unknown")
    await api.get("/api/v2/nowhere")
    report = (await api.get("/_simulator/calls")).json()
    assert report == {
        "total": 3,
        "calls": [
            {"method": "GET", "route": "(unknown route)", "count": 1, "statuses": {"404": 1}},
            {"method": "GET", "route": "/api/v2/flows/{flowId}", "count": 2, "statuses": {"200": 1, "404": 1}},
        ],
    }


async def test_the_clock_is_moved_by_hand(api: httpx.AsyncClient, simulator: Simulator) -> None:
    await publish(api, main_id(simulator), "1.0")
    moved = (await api.post("/_simulator/clock", json={"advance_s": 2})).json()
    assert moved == {"now": "2026-01-05T12:00:02.000Z", "moved_s": 2}
    assert (await api.get(f"/api/v2/flows/{main_id(simulator)}")).json()["currentOperation"]["complete"] is True
    assert (await api.post("/_simulator/clock", json={"advance_s": -1})).status_code == 400


async def test_time_scale_makes_everything_take_less(folder: Path, clock: SteppedClock) -> None:
    simulator = Simulator(clock, SimulatorSettings(publish_s=100, time_scale=50))
    simulator.load_folder(folder)
    assert simulator.settings.duration_s(simulator.settings.publish_s) == 2


async def test_settings_change_while_it_runs(api: httpx.AsyncClient, simulator: Simulator) -> None:
    changed_settings = await api.patch("/_simulator/settings", json={"publish_s": 10, "older_version": "error"})
    assert changed_settings.json()["publish_s"] == 10
    assert simulator.organization.settings.older_version == "error"
    for wrong in ({"publish_s": "soon"}, {"colour": "red"}, {"clients": []}):
        assert (await api.patch("/_simulator/settings", json=wrong)).status_code == 400


@pytest.mark.parametrize(
    ("name", "value"),
    [("publish_s", -1), ("time_scale", 0), ("heartbeat_s", 0), ("rate_limit_per_minute", 0), ("index_s", 1e300)],
)
async def test_settings_that_would_stop_the_organisation_are_refused(
    api: httpx.AsyncClient, simulator: Simulator, name: str, value: float
) -> None:
    before = simulator.settings
    refused = await api.patch("/_simulator/settings", json={name: value})
    assert refused.status_code == 400
    assert name in refused.json()["message"]
    assert simulator.settings == before


async def test_files_that_cannot_be_loaded_are_reported_with_the_reason(tmp_path: Path, clock: SteppedClock) -> None:
    (tmp_path / "a.yaml").write_text(MAIN, encoding="utf-8")
    (tmp_path / "b.yml").write_text(MAIN, encoding="utf-8")
    (tmp_path / "c.yaml").write_text("inboundCall:\n  name: {{flow_name}}\n", encoding="utf-8")
    report = Simulator(clock).load_folder(tmp_path)
    assert [str(key) for key in report.loaded] == ["inboundcall/Main IVR"]
    assert {skipped.path.name: skipped.reason for skipped in report.skipped} == {
        "b.yml": "there is already a flow inboundcall/Main IVR",
        "c.yaml": "needs values for its placeholders {{flow_name}}",
    }
    assert "inboundcall/Main IVR: find 'commonmodule' by value of 'Greeting' - no matches" in report.warnings


def test_a_whole_repository_can_be_loaded(tmp_path: Path, clock: SteppedClock) -> None:
    """Manifests, hidden folders and what was recorded are passed over in silence."""
    for name, text in (
        ("flows/main.yaml", MAIN),
        ("main.yaml", "apiVersion: penstock/v1\nkind: Flow\nmetadata: {name: main}\n"),
        (".worktree/flows/main.yaml", changed(MAIN)),
        ("artifacts/acme/penstock.lock.yaml", "# Written by Penstock\napiVersion: penstock/v1\nkind: Lock\n"),
        ("artifacts/acme/main/1.0.yaml", changed(MAIN)),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    simulator = Simulator(clock)
    report = simulator.load_folder(tmp_path)
    assert report.skipped == ()
    assert simulator.flow("inboundcall", "Main IVR").versions[0].text == MAIN


async def test_an_unknown_route_and_a_wrong_method_have_error_bodies(api: httpx.AsyncClient) -> None:
    nowhere = await api.get("/api/v2/nowhere")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "not.found")
    wrong = await api.patch("/api/v2/flows")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method.not.allowed")
    malformed = await api.post("/api/v2/flows", content=b"{", headers={"Content-Type": "application/json"})
    assert (malformed.status_code, malformed.json()["code"]) == (400, "bad.request")
