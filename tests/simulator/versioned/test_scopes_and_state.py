"""Who may do what in the versioned dialect, and what outlives a restart."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from controller.simulator.app import create_app
from controller.simulator.simulator import Simulator
from tests.simulator.versioned.deeds import PREPARED_S, STAGES, URL, definition, order, publish, standing, statuses
from tests.support.clock import SteppedClock

FLOW, VERSION = "/api/v2/flows/{flow}", "/api/v2/flows/{flow}/versions/2.0"
NEEDED = [
    ("GET", "/api/v2/flows?expand=definition", ["flow:view"]),
    ("GET", "/api/v2/routing/flows/{flow}/versions", ["routing:flow:read"]),
    ("GET", VERSION, ["flow:version:read"]),
    ("POST", f"{VERSION}/validate", ["flow:validate"]),
    ("POST", f"{VERSION}/publish", ["flow:publish", "flow:write"]),
    ("GET", f"{VERSION}/publishstatus", ["flow:read"]),
    ("PUT", "/api/v2/routing/flows/{flow}", ["routing:flow:write"]),
    ("POST", "/api/v2/flows/debug/traces/query", ["flow:debug:read"]),
    ("GET", "/api/v2/flows/debug/traces/x", ["flow:debug:read"]),
    ("GET", "/api/v2/flows/debug/traces/x/steps", ["flow:debug:read"]),
    ("POST", f"{FLOW}/debug", ["flow:debug"]),
    ("GET", "/api/v2/jobs/x", ["job:read"]),
]


async def token(api: httpx.AsyncClient, scope: str = "", client: str = "penstock") -> str:
    """From form fields, without Basic."""
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": f"{client}-secret"}
    answer = await api.post("/oauth/token", data=form | {"scope": scope}, headers={"Authorization": ""})
    return str(answer.raise_for_status().json()["access_token"])


@pytest.mark.parametrize(("method", "path", "scopes"), NEEDED)
async def test_a_client_without_the_scope_is_told_which_one_it_lacks(
    api: httpx.AsyncClient, line: str, method: str, path: str, scopes: list[str]
) -> None:
    for missing in scopes:
        held = [scope for scope in scopes if scope != missing]
        client = {"id": "poor", "secret": "poor-secret", "permissions": [*held, "other:thing:read"]}
        await api.post("/_simulator/clients", json=client)
        poor = {"Authorization": f"Bearer {await token(api, client='poor')}"}
        refused = await api.request(method, path.format(flow=line), headers=poor, json={})
        assert refused.status_code == 403
        assert missing in refused.json()["message"]
        await api.post("/_simulator/clients", json=client | {"permissions": scopes})
        rich = {"Authorization": f"Bearer {await token(api, client='poor')}"}
        assert (await api.request(method, path.format(flow=line), headers=rich, json={})).status_code != 403


async def test_a_token_can_do_no_more_than_the_scope_that_it_was_asked_for(api: httpx.AsyncClient, line: str) -> None:
    api.headers["Authorization"] = f"Bearer {await token(api, 'flow:view flow:publish')}"
    assert (await api.get("/api/v2/flows?expand=definition")).status_code == 200
    refused = await publish(api, line, "2.0")
    assert (refused.status_code, refused.json()["messageParams"]) == (403, {"permissions": "flow:write"})
    api.headers["Authorization"] = f"Bearer {await token(api, 'flow:write flow:publish')}"
    assert (await publish(api, line, "2.0")).status_code == 202


async def test_a_token_lives_as_long_as_it_says(api: httpx.AsyncClient, clock: SteppedClock) -> None:
    await api.patch("/_simulator/settings", json={"token_lifetime_s": 1800})
    api.headers["Authorization"] = f"Bearer {await token(api)}"
    clock.advance(1799)
    assert (await api.get("/api/v2/flows?expand=definition")).status_code == 200
    clock.advance(1)
    assert (await api.get("/api/v2/flows?expand=definition")).status_code == 401


async def test_a_rollout_goes_on_after_a_restart(tmp_path: Path, clock: SteppedClock) -> None:
    path = tmp_path / "state.json"

    async def connected(simulator: Simulator) -> httpx.AsyncClient:
        api = httpx.AsyncClient(transport=httpx.ASGITransport(app=create_app(simulator)), base_url=URL)
        api.headers["Authorization"] = f"Bearer {await token(api)}"
        return api

    api = await connected(Simulator(clock, state_file=path))
    body = {"name": "Line", "type": "inboundcall", "definition": definition()}
    flow_id = (await api.post("/_simulator/flows", json=body)).json()["id"]
    await api.post(f"/_simulator/flows/{flow_id}/version", json={})
    await api.post(f"/api/v2/flows/{flow_id}/versions/2.0/publish", json=order(*STAGES))
    clock.advance(PREPARED_S + 15 * 60)
    await api.aclose()
    api = await connected(Simulator(clock, state_file=path))
    told = await standing(api, flow_id, "2.0")
    assert (told["status"], told["trafficPercent"]) == ("publishing", 50)
    clock.advance(30 * 60)
    assert await statuses(api, flow_id) == {"1.0": "published", "2.0": "deployed"}
    await api.aclose()
