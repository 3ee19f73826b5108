"""An organisation of the versioned dialect that tells no types, as its document describes flows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from controller.domain.capabilities import VERSIONED
from controller.domain.desired import PinnedVersion
from controller.domain.errors.manifest import ManifestInvalid
from controller.domain.errors.organization import PermissionMissing
from controller.domain.errors.process import SettingsInvalid
from controller.domain.identity import UNTYPED, FlowKey
from controller.manifests.flow import flow_manifest
from controller.questions.action_trace import ActionQuestion, trace_action
from controller.questions.dependency_graph import GraphOrigin, observed_graph
from controller.questions.executions import ExecutionQuestion, find_executions
from controller.questions.importing import importable
from controller.reconcile.flow_choice import flow_id, live_flow
from controller.reconcile.workspace import open_folder
from controller.simulator.settings import SimulatedClient, SimulatorSettings
from tests.support.sources import inbound, module
from tests.support.world import ORGANIZATION, SECRET, World


@pytest.fixture
async def untyped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setenv("ACME_ID", "penstock")
    monkeypatch.setenv("ACME_SECRET", SECRET)
    settings = SimulatorSettings(rate_limit_per_minute=3000, tells_types=False)
    made = World(tmp_path, dialect=VERSIONED, simulator_settings=settings)
    yield made
    await made.close()


def organization(world: World):
    return open_folder(world.clone, world.settings).organization(ORGANIZATION)


def pin(world: World, flow: str, name: str, **spec: object) -> None:
    world.manifest(flow, name=name, source={"version": "1.0"}, **spec)


@pytest.mark.parametrize("told", [{}, {"type": "inboundcall"}], ids=["no-type", "a-type"])
async def test_a_flow_without_a_type_is_matched_by_its_name(untyped: World, told: dict[str, object]) -> None:
    """Its manifest may give a type, and need not; what a caller refers to is found, too."""
    untyped._check_in(module("Hours"))
    untyped._check_in(inbound("Front", calls=["Hours"]))
    pin(untyped, "hours", "Hours")
    pin(untyped, "front", "Front", **told)
    untyped.commit()

    report = await untyped.apply()

    plan = report.plan_or_raise()
    assert [(change.flow, change.kind.value, change.blocked) for change in plan.actions] == [
        ("hours", "switch", None),
        ("front", "switch", None),
    ]
    assert plan.actions[1].depends_on == ("hours",)
    assert report.error is None
    assert untyped.versions() == {"commonmodule/Hours": "1.0", "inboundcall/Front": "1.0"}
    assert (await untyped.plan()).plan_or_raise().empty
    found = await observed_graph(untyped.services, organization(untyped), GraphOrigin.LIVE)
    front = f"{told.get('type', UNTYPED)}/Front"
    assert [(edge.consumer, edge.consumed) for edge in found.graph.edges] == [(front, "flow/Hours")]


async def test_an_id_in_the_manifest_is_that_flow_and_no_other(untyped: World) -> None:
    """Without the id the plan refuses: two flows carry the name."""
    untyped._check_in(inbound("Main"))
    wanted, _ = untyped._check_in(module("Main"))
    flow = untyped.simulator.flow(wanted.type, wanted.name)
    pin(untyped, "main", "Main")
    untyped.commit()

    (refused,) = (await untyped.plan()).plan_or_raise().actions
    pin(untyped, "main", "Main", id=flow.id)
    untyped.commit()
    report = await untyped.apply()

    assert refused.blocked is not None
    assert refused.blocked.code == "ambiguous-flow"
    assert "(spec.id)" in refused.blocked.message
    assert report.error is None
    assert untyped.versions() == {"commonmodule/Main": "1.0", "inboundcall/Main": None}
    assert (await untyped.plan()).plan_or_raise().empty


async def test_each_revision_calls_the_flows_by_its_own_manifests(untyped: World) -> None:
    """A look that still holds an older revision changes nothing for the pass that runs."""
    untyped._check_in(inbound("Main"))
    untyped._check_in(module("Main"))
    one, other = (flow.id for flow in untyped.simulator.organization.flows())
    pin(untyped, "main", "Main", id=one)
    older = organization(untyped)
    pin(untyped, "main", "Main", id=other)
    newer = organization(untyped)

    platform = untyped.services.platform(newer)
    glanced = await untyped.services.platform(older).flows.listing()
    listed = await platform.flows.listing()

    wanted = FlowKey(UNTYPED, "Main")
    assert {flow.id for flow in glanced.flows if flow.key == wanted} == {one}
    assert {flow.id for flow in listed.flows if flow.key == wanted} == {other}


async def test_a_flow_named_by_its_id_on_the_command_line_is_that_flow(untyped: World) -> None:
    """A name that several flows carry is refused with their ids."""
    untyped._check_in(inbound("Main"))
    untyped._check_in(module("Main"))
    platform = untyped.services.platform(organization(untyped))
    flows = {flow.id for flow in (await platform.flows.listing()).flows}

    assert {(await live_flow(platform, (), each)).id for each in flows} == flows
    with pytest.raises(SettingsInvalid, match="2 flows are flow/Main") as refused:
        await live_flow(platform, (), "Main")
    assert all(each in str(refused.value.hint) for each in flows)


async def test_what_import_writes_for_such_a_flow_is_read_again(untyped: World) -> None:
    key, _ = untyped._check_in(inbound("Front"))
    untyped._publish_by_hand(key, "1.0")
    (found,) = await importable(untyped.services, organization(untyped), ())

    for name, text in found.files.items():
        (untyped.clone / name).write_text(text)
    untyped.commit()

    assert "type" not in yaml.safe_load(found.files["front.yaml"])["spec"]
    (change,) = (await untyped.plan()).plan_or_raise().actions
    assert change.kind.value == "adopt"
    assert yaml.safe_load(flow_manifest("a", FlowKey("voice", "A"), PinnedVersion("1.0")))["spec"]["type"] == "voice"


async def test_a_flow_that_is_not_there_is_told_with_the_ways_out_of_this_dialect(untyped: World) -> None:
    pin(untyped, "front", "Front")
    pin(untyped, "desk", "Desk", id="no-such-id")
    untyped.commit()

    blocked = {change.flow: change.blocked for change in (await untyped.plan()).plan_or_raise().actions}

    assert "name the flow by its id (spec.id)" in blocked["front"].message
    assert "correct spec.id, which is no-such-id" in blocked["desk"].message


@pytest.mark.parametrize(
    ("api", "spec", "mistake"),
    [
        ("architect", {}, "spec must hold type, because a pinned version does not tell"),
        (
            "architect",
            {"type": "voice", "id": "f-1"},
            "spec.id names a flow by its id, which api: architect does not do",
        ),
        ("versioned", {"id": "a/b"}, "spec.id must be an id as the organisation tells it"),
    ],
)
def test_type_and_id_are_checked_by_the_dialect(
    untyped: World, api: str, spec: dict[str, object], mistake: str
) -> None:
    untyped.describe(api=api)
    pin(untyped, "front", "Front", **spec)
    with pytest.raises(ManifestInvalid) as refused:
        organization(untyped)
    assert any(each.message.startswith(mistake) for each in refused.value.mistakes)


def test_an_id_stands_in_one_manifest_only(untyped: World) -> None:
    pin(untyped, "front", "Front", id="f-1")
    pin(untyped, "desk", "Desk", id="f-1")
    with pytest.raises(ManifestInvalid, match="is described by"):
        organization(untyped)


async def test_the_documented_scopes_suffice_for_a_flow_that_is_named_by_its_id(untyped: World) -> None:
    """`flow:debug` and `job:read` trace an action, `flow:debug:read` alone finds executions of a version's id."""
    key, _ = untyped._check_in(inbound("Front"))
    untyped._publish_by_hand(key, "1.0")
    flow = untyped.simulator.flow(key.type, key.name)
    flow_id, version_id = flow.id, untyped.simulator.organization.identifier("version", flow.id, "1.0")
    untyped.simulator.configure(replace(untyped.simulator.settings, opaque_version_ids=True))
    services, acme, now = untyped.services, organization(untyped), untyped.clock.now()
    rights(untyped, "flow:debug", "job:read")
    traced = await trace_action(services, acme, ActionQuestion(flow_id, "i1"))
    rights(untyped, "flow:debug:read")
    period = {"since": now - timedelta(hours=1), "until": now, "asked_at": now}
    found = await find_executions(services, acme, ExecutionQuestion(**period, flow=flow_id, version=version_id))

    assert (traced.result.flow_id, traced.result.status) == (flow_id, "completed")
    assert found == []
    for number in (None, "1.0"):
        with pytest.raises(PermissionMissing, match="routing:flow:read") as missing:
            await find_executions(services, acme, ExecutionQuestion(**period, flow=flow_id, version=number))
        assert "--version ID" in str(missing.value.hint)


async def test_what_is_not_known_for_an_id_is_taken_for_one_where_flows_may_not_be_listed(untyped: World) -> None:
    """But never what a manifest calls a flow: that is a name."""
    pin(untyped, "front", "Front")
    rights(untyped, "flow:debug")
    platform, flows = untyped.services.platform(organization(untyped)), organization(untyped).flows
    assert await flow_id(platform, flows, "f-17") == "f-17"
    for name in ("front", "Front", "flow/Front"):
        with pytest.raises(PermissionMissing):
            await flow_id(platform, flows, name)


def rights(world: World, *scopes: str) -> None:
    """From now on the client holds these and no others."""
    world.simulator.clients["penstock"] = SimulatedClient("penstock", SECRET, permissions=frozenset(scopes))
    world.simulator.tokens.expire_all(world.clock.now())
