"""The simulator answers all that Genesys' provider for Terraform asks, in the provider's own order of calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.peers.published import PublishError
from controller.flows.flow_file import parse
from controller.simulator.control import EDITS, UserEdit, person
from controller.simulator.simulator import Simulator
from tests.peers.provider import Provider, ProviderError

FILES = Path(__file__).parent / "terraform"
GREETING = (FILES / "greeting.yaml").read_text(encoding="utf-8")
FRONT = (FILES / "front.yaml").read_text(encoding="utf-8")


async def published(provider: Provider) -> tuple[str, str]:
    """The ids of both flows, made in the order that `depends_on` says."""
    return await provider.publish(GREETING, {"greeting": "Good day"}), await provider.publish(FRONT)


async def test_flows_are_made_read_changed_and_removed(provider: Provider, simulator: Simulator) -> None:
    greeting, front = await published(provider)

    assert await provider.flow(greeting) == ("Greeting", "COMMONMODULE")
    assert await provider.find_flow("Front", "inboundcall") == front
    assert await provider.publish(GREETING, {"greeting": "Good evening"}) == greeting
    live = simulator.flow("commonmodule", "Greeting").published
    assert live is not None
    assert live.id == "2.0"
    assert "Good evening" in simulator.flow("commonmodule", "Greeting").versions[-1].text
    for flow in (front, greeting):
        await provider.remove_flow(flow)
        assert await provider.flow(flow) is None
    with pytest.raises(ProviderError, match="no flows found with name 'Front'"):
        await provider.find_flow("Front", "inboundcall")


async def test_a_module_that_others_call_is_not_removed(provider: Provider) -> None:
    greeting, _ = await published(provider)

    with pytest.raises(ProviderError, match="error deleting flow"):
        await provider.remove_flow(greeting)
    assert await provider.flow(greeting) is not None


async def test_a_flow_that_a_person_holds_needs_force_unlock(provider: Provider, simulator: Simulator) -> None:
    greeting, _ = await published(provider)
    who = person(simulator.organization, "Grace Hopper")
    edit = UserEdit(simulator.flow("commonmodule", "Greeting"), who, None, None)
    EDITS["lock"](simulator.organization, edit, simulator.clock.now())

    with pytest.raises(PublishError, match="is locked by another entity"):
        await provider.publish(GREETING, {"greeting": "Second"})
    assert await provider.publish(GREETING, {"greeting": "Second"}, unlock=greeting) == greeting


async def test_both_exporters_find_all_that_they_need(provider: Provider) -> None:
    _, front = await published(provider)

    assert sorted(flow["name"] for flow in await provider.flows()) == ["Front", "Greeting"]
    assert parse(await provider.export(front)).digest == parse(FRONT).digest
    assert ("COMMONMODULEFLOW", "Greeting") in await provider.consumed(front, "INBOUNDCALLFLOW")


async def test_a_log_level_is_set_changed_and_gone(provider: Provider) -> None:
    _, front = await published(provider)

    assert await provider.set_level(front, "Base", first=True) == "Base"
    assert await provider.set_level(front, "Notes", first=False) == "Notes"
    await provider.remove_level(front)
