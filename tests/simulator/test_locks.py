"""Locks: who holds one, what it keeps others from, and what releasing it does."""

from __future__ import annotations

import httpx

from controller.simulator.simulator import Simulator
from tests.simulator.sources import MAIN, changed
from tests.simulator.steps import main_id, publish
from tests.support.clock import SteppedClock

ADA = {"by": "Ada Lovelace"}


async def test_a_lock_of_somebody_else_stops_every_change(api: httpx.AsyncClient, simulator: Simulator) -> None:
    flow_id = main_id(simulator)
    await api.post(f"/_simulator/flows/{flow_id}/lock", json=ADA)
    for action in ("checkout", "publish", "revert", "deactivate", "checkin"):
        refused = await api.post(f"/api/v2/flows/actions/{action}", params={"flow": flow_id})
        assert refused.status_code == 409, action
        assert "Ada Lovelace" in refused.json()["message"]
    assert (await api.delete(f"/api/v2/flows/{flow_id}")).status_code == 409
    assert (await api.put(f"/api/v2/flows/{flow_id}", json={"name": "New"})).status_code == 409


async def test_unlocking_checks_in_what_was_saved(api: httpx.AsyncClient, simulator: Simulator) -> None:
    flow_id = main_id(simulator)
    await api.post(f"/_simulator/flows/{flow_id}/draft", json={**ADA, "text": changed(MAIN)})
    locked = (await api.get(f"/api/v2/flows/{flow_id}")).json()
    assert locked["savedVersion"]["id"].startswith("saved_version_")
    assert locked["checkedInVersion"]["id"] == "1.0"
    unlocked = (await api.post("/api/v2/flows/actions/unlock", params={"flow": flow_id})).json()
    assert "lockedUser" not in unlocked
    assert (unlocked["checkedInVersion"]["id"], unlocked["publishedVersion"]["id"]) == ("2.0", "1.0")


async def test_unlocking_a_mere_lock_makes_no_version(api: httpx.AsyncClient, simulator: Simulator) -> None:
    flow_id = main_id(simulator)
    await api.post(f"/_simulator/flows/{flow_id}/lock", json=ADA)
    unlocked = (await api.post("/api/v2/flows/actions/unlock", params={"flow": flow_id})).json()
    assert unlocked["checkedInVersion"]["id"] == "1.0"


async def test_checking_out_and_in_makes_a_version_and_reverting_makes_none(
    api: httpx.AsyncClient, simulator: Simulator
) -> None:
    flow_id = main_id(simulator)
    query = {"flow": flow_id}
    await api.post("/api/v2/flows/actions/checkout", params=query)
    reverted = (await api.post("/api/v2/flows/actions/revert", params=query)).json()
    assert reverted["checkedInVersion"]["id"] == "1.0"
    await api.post("/api/v2/flows/actions/checkout", params=query)
    operation = (await api.post("/api/v2/flows/actions/checkin", params=query)).json()
    assert (operation["actionName"], operation["actionStatus"]) == ("CHECKIN", "SUCCESS")
    assert (await api.get(f"/api/v2/flows/{flow_id}")).json()["checkedInVersion"]["id"] == "2.0"
    assert (await api.post("/api/v2/flows/actions/checkin", params=query)).status_code == 409


async def test_a_second_checkout_by_the_same_client_is_a_conflict(api: httpx.AsyncClient, simulator: Simulator) -> None:
    """Genesys' Terraform provider takes a flow for locked by just this."""
    query = {"flow": main_id(simulator)}
    assert (await api.post("/api/v2/flows/actions/checkout", params=query)).status_code == 200
    second = await api.post("/api/v2/flows/actions/checkout", params=query)
    assert (second.status_code, "locked by client 'Penstock'" in second.json()["message"]) == (409, True)
    await api.post("/api/v2/flows/actions/unlock", params=query)
    assert (await api.post("/api/v2/flows/actions/checkout", params=query)).status_code == 200
    await api.patch("/_simulator/settings", json={"second_checkout": "works"})
    assert (await api.post("/api/v2/flows/actions/checkout", params=query)).status_code == 200


async def test_drift_by_hand_is_told_with_the_persons_name(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    flow_id = main_id(simulator)
    clock.advance(30)
    await api.post(f"/_simulator/flows/{flow_id}/publish", json={**ADA, "text": changed(MAIN)})
    flow = (await api.get(f"/api/v2/flows/{flow_id}")).json()
    assert (flow["publishedVersion"]["id"], flow["publishedBy"]["name"]) == ("2.0", "Ada Lovelace")
    shown = (await api.get("/_simulator/flows")).json()["flows"]
    main = next(entry for entry in shown if entry["name"] == "Main IVR")
    published = [entry for entry in main["history"] if entry["action"] == "publish"]
    expected = {"action": "publish", "version": "2.0", "at": "2026-01-05T12:00:30.000Z", "client": "Ada Lovelace"}
    assert published[-1] == expected
    await publish(api, flow_id, "1.0")
    clock.advance(2)
    shown = (await api.get("/_simulator/flows")).json()["flows"]
    main = next(entry for entry in shown if entry["name"] == "Main IVR")
    assert (main["published_version"], main["history"][-1]["client"]) == ("1.0", "penstock")
