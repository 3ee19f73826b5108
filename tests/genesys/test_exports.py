"""Exporting on the architect dialect: both forms of one version, and what a hidden rate limit looks like."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.domain.errors import ExportFailed, RequestRejected, ServerFault
from controller.genesys.architect.platform import ArchitectPlatform
from controller.simulator.simulator import Simulator
from tests.genesys.conftest import Connect
from tests.genesys.hands import Hands, ivr
from tests.support.clock import SteppedClock

JOBS = "/api/v2/flows/export/jobs"


async def test_an_export_holds_the_yaml_and_the_definition_of_exactly_that_version(
    hands: Hands, organization: ArchitectPlatform
) -> None:
    flow_id = await hands.make(ivr(says="Grüß Gott"))
    await hands.do("publish", flow_id, text=ivr(says="Servus"))
    export = await organization.export(flow_id, "1.0")
    assert export.yaml
    assert "Grüß Gott" in export.yaml
    assert "Servus" not in export.yaml
    assert export.definition
    assert (export.definition["id"], export.definition["version"]) == (flow_id, "1.0")


@pytest.mark.parametrize(("failures", "waited_s"), [(1, 15), (2, 45), (5, 225)])
async def test_a_429_in_disguise_is_tried_again_with_rising_waits(
    hands: Hands, organization: ArchitectPlatform, clock: SteppedClock, failures: int, waited_s: int
) -> None:
    """The job fails with "exit code to 107" and "could not find the flow with id": the flow is there all the same."""
    flow_id = await hands.make(ivr())
    hands.break_down("disguised-429", times=failures)
    export = await organization.export(flow_id, "1.0")
    assert export.yaml
    polls_s = 2.0 * (failures + 1)
    assert waited_s <= clock.elapsed_s <= waited_s + polls_s


async def test_a_429_in_disguise_that_stays_ends_as_a_failed_export(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform
) -> None:
    flow_id = await hands.make(ivr())
    hands.break_down("disguised-429")
    with pytest.raises(ExportFailed, match="107"):
        await organization.export(flow_id, "1.0")
    assert simulator.calls.count("POST", JOBS) == 6


@pytest.mark.parametrize("message", ["could not find the flow with id", "setting the Archy exit code to 107", ""])
async def test_only_both_sentences_together_are_a_429(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform, message: str
) -> None:
    flow_id = await hands.make(ivr())
    hands.break_down("job-fails", message=message)
    with pytest.raises(ExportFailed, match=message or "no reason"):
        await organization.export(flow_id, "1.0")
    assert simulator.calls.count("POST", JOBS) == 1


async def test_a_job_that_does_not_end_is_given_up(
    simulator: Simulator, hands: Hands, open_organization: Connect, clock: SteppedClock
) -> None:
    flow_id = await hands.make(ivr())
    organization = open_organization(job_timeout_s=20, retries=0)
    simulator.configure(replace(simulator.settings, export_s=3600))
    with pytest.raises(ServerFault, match="still Started after 20 s"):
        await organization.export(flow_id, "1.0")
    assert clock.elapsed_s == pytest.approx(20)


async def test_a_version_that_does_not_exist_cannot_be_exported(hands: Hands, organization: ArchitectPlatform) -> None:
    flow_id = await hands.make(ivr())
    with pytest.raises((ExportFailed, RequestRejected)):
        await organization.export(flow_id, "9.0")
