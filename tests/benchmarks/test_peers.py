"""The peers wait, call and run in parallel as their sources say."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from itertools import islice

import pytest

from benchmarks.peers import cx_as_code, provider_like, sdk_loop, sequential
from benchmarks.peers.published import PublishError
from benchmarks.virtual import VirtualOrganization
from benchmarks.workload import Published, Workload
from tests.support.sources import inbound, module

JOB = "/api/v2/flows/jobs/{jobId}"


def workload(publish_s: float, flows: int = 1, consumes: Mapping[str, tuple[str, ...]] | None = None) -> Workload:
    consumed, made = consumes or {}, {}
    for number in range(flows):
        slug, name = f"module-{number}", f"Module {number}"
        made[slug] = Published(slug, name, module(name), consumed.get(slug, ()), publish_s)
    return Workload(1, made)


def test_a_provider_like_runner_asks_at_once_and_then_every_15_seconds_and_its_growing_wait() -> None:
    load = workload(40.0)
    organization = VirtualOrganization(load.durations)

    run = asyncio.run(provider_like.run(organization, load))

    asked = [
        (call.at - organization.clock.start).total_seconds() for call in organization.simulator.calls.log(route=JOB)
    ]
    assert asked == [0.0, 15.5, 31.5, 48.5]
    assert run.makespan_s == 48.5
    assert run.calls == 1 + 4 + 1
    assert list(islice(provider_like.retry_waits(), 7)) == [0.5, 1, 2, 4, 8, 10, 10]


def test_a_provider_like_runner_works_at_ten_flows_at_once() -> None:
    load = workload(10.0, flows=20)

    run = asyncio.run(provider_like.run(VirtualOrganization(load.durations), load))

    assert run.makespan_s == 2 * 15.5


def test_a_provider_like_runner_waits_for_dependencies() -> None:
    load = workload(10.0, flows=2, consumes={"module-1": ("module-0",)})

    run = asyncio.run(provider_like.run(VirtualOrganization(load.durations), load))

    assert run.makespan_s == 2 * 15.5


def test_a_provider_like_runner_has_ten_tokens() -> None:
    load = workload(1.0)
    organization = VirtualOrganization(load.durations)

    asyncio.run(provider_like.run(organization, load))

    assert organization.simulator.calls.count("POST", "/oauth/token") == 10


def test_a_sequential_script_publishes_one_flow_after_another() -> None:
    load = workload(10.0, flows=3)
    organization = VirtualOrganization(load.durations)

    run = asyncio.run(sequential.run(organization, load))

    assert run.makespan_s == 3 * 10.5
    assert run.calls == 3 * (1 + 3)
    assert organization.live == 3


def test_genesys_own_sdk_makes_the_calls_of_the_loop() -> None:
    load = workload(5.0, flows=2)
    organization = VirtualOrganization(load.durations)

    run = sdk_loop.run(organization, load)

    assert run.makespan_s == 2 * 6.0
    assert run.calls == 2 * (1 + 4)
    assert organization.live == 2


def test_a_publish_that_fails_ends_a_peer() -> None:
    text = inbound("Front", calls=["Missing"])
    load = Workload(1, {"front": Published("front", "Front", text, (), 5.0)})

    with pytest.raises(PublishError, match="Missing"):
        asyncio.run(sequential.run(VirtualOrganization(load.durations), load))


def test_the_provider_itself_is_left_out_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cx_as_code.VARIABLE, raising=False)
    with pytest.raises(cx_as_code.ProviderMissing, match="does not name its binary"):
        cx_as_code.run(workload(1.0))

    monkeypatch.setenv(cx_as_code.VARIABLE, "/nowhere/terraform-provider-genesyscloud")
    with pytest.raises(cx_as_code.ProviderMissing, match="is no file"):
        cx_as_code.run(workload(1.0))


@pytest.mark.skipif(not any(map(shutil.which, cx_as_code.PROGRAMS)), reason="Terraform is not installed")
def test_terraform_tells_why_a_provider_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is no provider: Terraform reads the configuration, starts it, and refuses it."""
    monkeypatch.setenv(cx_as_code.VARIABLE, "/bin/true")

    with pytest.raises(cx_as_code.ProviderMissing, match=r"apply failed: .*plugin"):
        cx_as_code.run(workload(1.0))
