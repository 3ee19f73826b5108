"""docs/how-to/share-an-organisation-with-terraform.md: queues and data tables by CX as Code, flows by Penstock.

Terraform's half is played by the calls of its provider, each side with a client of its own that may do no more than the
page says.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import yaml

from controller.simulator.resources.loading import parse_resources
from controller.simulator.settings import SimulatedClient
from tests.peers.provider import QUEUE, TABLE, Provider
from tests.peers.terraform_program import Terraform
from tests.peers.test_terraform import with_terraform
from tests.support.world import SECRET, URL, World

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "beside-terraform"
PAGE = (ROOT / "docs" / "how-to" / "share-an-organisation-with-terraform.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs" / "reference" / "genesys.md").read_text(encoding="utf-8")
QUEUE_NAME = "Fernhill Customer Care"
LISTINGS_S = 300
"""How long a listing of queues is kept."""
_TABLES = ("Permissions on the architect dialect", "Resources")
_RIGHT = re.compile(r"`(\w+:\w+:[\w*]+)`")
_FLOW_WRITES = re.compile(r"/api/v2/flows/(jobs|actions/\w+|\{flowId\})")


def rights_of_terraform() -> frozenset[str]:
    """Those that the page lists."""
    return frozenset(_RIGHT.findall(PAGE.split("## Credentials")[1].split("\n## ")[0]))


def rights_of_penstock() -> frozenset[str]:
    """Those of the table of operations, and those to view what flows need."""
    tables = [REFERENCE.split(f"## {title}\n")[1].split("\n## ")[0] for title in _TABLES]
    return frozenset(right for table in tables for right in _RIGHT.findall(table))


@pytest.fixture
async def terraform(world: World) -> AsyncIterator[Provider]:
    """The provider with the client of those who manage queues."""
    queues = SimulatedClient("queues", "queues-secret", "Terraform", rights_of_terraform())
    world.simulator.clients[queues.id] = queues
    own = SimulatedClient("penstock", SECRET, "Penstock", rights_of_penstock())
    world.simulator.clients[own.id] = own
    async with httpx.AsyncClient(transport=world.http, base_url=URL) as http:
        made = Provider(http, world.clock, queues)
        await made.configure()
        yield made


def take_example(world: World) -> None:
    """The example's flows, in the world's own organisation."""
    shutil.copytree(EXAMPLE / "flows" / "source", world.clone / "source")
    shutil.copy(EXAMPLE / "flows" / "flows.yaml", world.clone)
    world.commit()


def writes(world: World, client: str) -> set[tuple[str, str]]:
    """What a client changed in the organisation: method and route."""
    calls = [call for call in world.simulator.calls.log(client=client) if call.route.startswith("/api/v2/")]
    return {(call.method, call.route) for call in calls if call.method not in ("GET", "HEAD")}


async def test_both_work_on_one_organisation_and_neither_touches_the_others(world: World, terraform: Provider) -> None:
    world.simulator.load_resources(parse_resources({"queue": [], "data-table": []}))
    take_example(world)
    held = {change.flow: change.blocked for change in (await world.plan()).plan_or_raise().changes}
    assert held["waiting-line"] is None
    assert held["care-line"] is not None
    assert QUEUE_NAME in held["care-line"].message

    queue = await terraform.make(QUEUE, {"name": QUEUE_NAME})
    table = await terraform.make(TABLE, {"name": "Sites", "schema": {"properties": {"key": {"type": "string"}}}})
    world.clock.advance(LISTINGS_S)
    report = await world.apply()
    assert report.delivered, report.error

    waiting_line = await terraform.find_flow("Waiting Line", "inqueuecall")
    await terraform.change(QUEUE, queue, {"name": QUEUE_NAME, "queueFlow": {"id": waiting_line}})
    await world.assert_settled()
    assert world.versions() == {"inboundcall/Care Line": "1.0", "inqueuecall/Waiting Line": "1.0"}
    assert (await terraform.read(QUEUE, queue))["queueFlow"]["id"] == waiting_line
    assert (await terraform.read(TABLE, table))["name"] == "Sites"
    assert not [route for _, route in writes(world, "queues") if _FLOW_WRITES.fullmatch(route)]
    assert {route.split("/")[3] for _, route in writes(world, "penstock")} == {"flows"}
    assert not [route for _, route in writes(world, "penstock") if "datatables" in route]


async def test_the_client_of_terraform_cannot_publish_a_flow(terraform: Provider) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        await terraform.publish((EXAMPLE / "flows" / "source" / "waiting-line.yaml").read_text(encoding="utf-8"))


async def test_flows_that_terraform_made_are_handed_over_without_a_publish(world: World, beside: Provider) -> None:
    """The texts are the same; so the first delivery only records them."""
    for name in ("waiting-line", "care-line"):
        text = (EXAMPLE / "flows" / "source" / f"{name}.yaml").read_text(encoding="utf-8")
        await beside.publish(text, {"queue": QUEUE_NAME})
    before = world.publishes()
    take_example(world)

    plan = (await world.plan()).plan_or_raise()
    assert [(change.flow, change.kind.value) for change in plan.actions] == [
        ("care-line", "adopt"),
        ("waiting-line", "adopt"),
    ]
    report = await world.apply()
    assert report.delivered, report.error
    assert world.publishes() == before
    await world.assert_settled()


def test_the_example_keeps_flows_out_of_terraform() -> None:
    files = [file.read_text(encoding="utf-8") for file in (EXAMPLE / "terraform").glob("*.tf")]
    owned = {name for text in files for name in re.findall(r'^resource "(\w+)"', text, re.MULTILINE)}
    assert owned == {"genesyscloud_routing_queue", "genesyscloud_architect_datatable"}
    manifests = yaml.safe_load_all((EXAMPLE / "flows" / "flows.yaml").read_text(encoding="utf-8"))
    handed_over = {
        name for text in files for name in re.findall(r"^  from = genesyscloud_flow\.(\w+)$", text, re.MULTILINE)
    }
    assert {each["metadata"]["name"].replace("-", "_") for each in manifests} == handed_over


@pytest.mark.proof
@with_terraform
def test_a_removed_block_forgets_a_resource_and_leaves_it_as_it_is(tmp_path: Path) -> None:
    """Shown with a resource that Terraform brings itself; the block is the example's."""
    block = (EXAMPLE / "terraform" / "handed-over.tf").read_text(encoding="utf-8")
    one = re.search(r"^removed {.*?^}\n", block, re.MULTILINE | re.DOTALL)
    assert one is not None
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "main.tf").write_text('resource "terraform_data" "care_line" {\n  input = "Care Line"\n}\n', "utf-8")
    program = Terraform(folder, Path("/bin/true"))
    program.run("init", "-input=false")
    program.run("apply", "-input=false", "-auto-approve")

    (folder / "main.tf").write_text(one[0].replace("genesyscloud_flow", "terraform_data"), "utf-8")
    printed = program.run("plan", "-input=false")
    assert "will no longer be managed by Terraform" in printed
    assert "0 to destroy" in printed
    program.run("apply", "-input=false", "-auto-approve")
    assert program.run("state", "list").strip() == ""
