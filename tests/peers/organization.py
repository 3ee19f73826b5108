"""A served organisation for clients that others wrote: flows that refer to each other, and what flows need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from controller.simulator.resources.loading import read_resources
from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.simulator.sources import GREETING, MAIN, SUPPORT

RESOURCES = Path(__file__).parents[1] / "simulator" / "resources.yaml"
_NIGHTLY = SUPPORT.replace("inboundCall", "workflow").replace("Support", "Nightly").replace("disconnect", "endWorkflow")
_FLOWS = {
    "greeting": GREETING,
    "main": MAIN,
    "support": SUPPORT,
    "nightly": _NIGHTLY,
    "spare": SUPPORT.replace("Support", "Spare"),
}


@dataclass(frozen=True, slots=True)
class Served:
    url: str
    simulator: Simulator
    known: Mapping[str, str]
    """Ids by the names that calls refer to; of resources, by their kind."""


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Serves it from a thread."""
    for name, text in _FLOWS.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    settings = SimulatorSettings(time_scale=20, rate_limit_per_minute=3_000)
    simulator = Simulator(settings=settings)
    simulator.load_folder(folder)
    simulator.load_resources(read_resources(RESOURCES))
    with running(simulator) as url:
        body = {"flow": "inboundcall/Main IVR", "count": 1, "error_rate": 0}
        httpx.post(f"{url}/_simulator/executions", json=body).raise_for_status()
        yield Served(url, simulator, _known(simulator, url))


def _known(simulator: Simulator, url: str) -> dict[str, str]:
    flows = {flow.name: flow.id for flow in simulator.organization.flows()}
    names = {"greeting": "Greeting", "main": "Main IVR", "support": "Support", "nightly": "Nightly", "spare": "Spare"}
    form = {"grant_type": "client_credentials"}
    token = httpx.post(f"{url}/oauth/token", data=form, auth=("penstock", "penstock-secret")).json()["access_token"]
    query = {"query": [{"criteria": {"key": "FlowId", "operator": "eq", "value": flows["Main IVR"]}}]}
    rows = httpx.post(
        f"{url}/api/v2/flows/instances/query", json=query, headers={"Authorization": f"Bearer {token}"}
    ).raise_for_status()
    known = {key: flows[name] for key, name in names.items()}
    resources = {one.kind: one.id for one in simulator.organization.state.resources.by_id.values()}
    return {**resources, **known, "instance": rows.json()["entities"][0]["id"], "topic": f"v2.flows.{known['main']}"}
