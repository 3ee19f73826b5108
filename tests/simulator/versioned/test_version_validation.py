"""Validation of one version: what is found follows from the version and from the flows as they are."""

from __future__ import annotations

import httpx
import pytest

from controller.domain.platform import Severity
from controller.genesys.connect import VersionedPlatform
from controller.simulator.simulator import Simulator
from tests.simulator.versioned.deeds import Json, by_hand, definition, make


async def validate(api: httpx.AsyncClient, flow_id: str, version: str = "1.0") -> Json:
    answer = await api.post(f"/api/v2/flows/{flow_id}/versions/{version}/validate", json={})
    return dict(answer.raise_for_status().json())


def refers(name: str, **more: object) -> Json:
    return {"type": "callCommonModule", "name": "Call", "flow": {"name": name, "type": "commonmodule", **more}}


async def test_a_version_without_mistakes_is_successful(api: httpx.AsyncClient, line: str, main: str) -> None:
    for flow_id in (line, main):
        assert await validate(api, flow_id) == {
            "validationResults": [],
            "validationSummary": {"totalErrors": 0, "totalWarnings": 0, "isSuccessful": True},
        }


@pytest.mark.parametrize("deed", ["unpublish", "delete"])
async def test_a_module_that_is_missing_or_unpublished_is_an_error(
    api: httpx.AsyncClient, main: str, simulator: Simulator, deed: str
) -> None:
    await by_hand(api, simulator.flow("commonmodule", "Greeting").id, deed)
    found = await validate(api, main)
    (result,) = found["validationResults"]
    code = {"unpublish": "flow.reference.unpublished", "delete": "flow.reference.missing"}[deed]
    assert (result["id"], result["severity"]) == (code, "error")
    assert "Greeting" in result["message"]
    assert found["validationSummary"] == {"totalErrors": 1, "totalWarnings": 0, "isSuccessful": False}


async def test_each_transition_to_an_unknown_node_is_an_error(api: httpx.AsyncClient) -> None:
    content = definition()
    content["transitions"] += [{"id": "t6", "from": "bye", "to": "nowhere"}, {"id": "t7", "from": "ghost", "to": "bye"}]
    flow_id = (await make(api, "Broken", content))["id"]
    found = await validate(api, flow_id)
    assert [result["id"] for result in found["validationResults"]] == ["flow.graph.unknown-node"] * 2
    assert ["'nowhere'" in result["message"] for result in found["validationResults"]] == [True, False]


async def test_what_is_only_known_at_run_time_is_a_warning(api: httpx.AsyncClient, platform: VersionedPlatform) -> None:
    node = {"type": "transferToFlow", "name": "Go", "flow": {"expression": "Flow.Next"}}
    flow_id = (await make(api, "Dynamic", definition(go=node)))["id"]
    found = await validate(api, flow_id)
    assert found["validationSummary"] == {"totalErrors": 0, "totalWarnings": 1, "isSuccessful": True}
    report = await platform.versions.validate(flow_id, "1.0")
    assert (report.successful, report.findings[0].severity) == (True, Severity.WARNING)
    assert "Flow.Next" in report.findings[0].message


async def test_a_given_definition_binds_its_modules_when_it_is_published(
    api: httpx.AsyncClient, simulator: Simulator
) -> None:
    module = simulator.flow("commonmodule", "Greeting")
    await make(api, "Caller", definition(call=refers("Greeting")))
    caller = simulator.flow("inboundcall", "Caller")
    assert caller.versions[0].bindings == {module.id: "1.0"}
    deleted = await api.delete(f"/api/v2/flows/{module.id}")
    assert (deleted.status_code, "'Caller'" in deleted.json()["message"]) == (409, True)
