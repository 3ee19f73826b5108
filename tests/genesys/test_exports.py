"""Exporting on the architect dialect: both forms of one version, and what a hidden rate limit looks like."""

from __future__ import annotations

import asyncio
import io
import zipfile
from dataclasses import replace

import pytest

from controller.domain.errors import ExportFailed, RequestRejected, ServerFault
from controller.domain.platform import Export, Priority
from controller.genesys.architect.exports import _FLOW_FILE, files_of
from controller.genesys.connect import ArchitectPlatform
from controller.simulator.simulator import Simulator
from tests.genesys.conftest import Connect
from tests.genesys.hands import Hands, ivr, module
from tests.support.clock import SteppedClock

JOBS = "/api/v2/flows/export/jobs"


async def test_an_export_holds_the_yaml_and_the_definition_of_exactly_that_version(
    hands: Hands, organization: ArchitectPlatform
) -> None:
    flow_id = await hands.make(ivr(says="Grüß Gott"))
    await hands.do("publish", flow_id, text=ivr(says="Servus"))
    export = await organization.versions.export(flow_id, "1.0")
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
    export = await organization.versions.export(flow_id, "1.0")
    assert export.yaml
    gathering_s, polls_s = 1.0, 2.0 * (failures + 1)
    assert waited_s <= clock.elapsed_s <= waited_s + gathering_s + polls_s


async def test_a_429_in_disguise_that_stays_ends_as_a_failed_export(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform
) -> None:
    flow_id = await hands.make(ivr())
    hands.break_down("disguised-429")
    with pytest.raises(ExportFailed, match="107"):
        await organization.versions.export(flow_id, "1.0")
    assert simulator.calls.count("POST", JOBS) == 6


async def test_the_page_of_a_proxy_is_no_export(hands: Hands, organization: ArchitectPlatform) -> None:
    """It comes with a 200, and YAML would read it as one long string."""
    flow_id = await hands.make(ivr())
    hands.break_down("html-error", match={"route": "/_storage/exports/{jobId}"})
    with pytest.raises(ExportFailed, match="no flow file: We'll be right back"):
        await organization.versions.export(flow_id, "1.0")


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("inboundCall:\n  name: x\n", True),
        ("# exported\n---\ncommonModule: # a module\r\n  name: x\n", True),
        ("botFlow:\n", True),
        ("<html>\n<body>\n</body>\n", False),
        ('{"message": "Gone"}', False),
        ("<Error><Code>AccessDenied</Code></Error>", False),
        ("", False),
        ("message: Service Unavailable\n", False),
    ],
)
def test_a_flow_file_begins_with_the_type_of_its_flow(text: str, fits: bool) -> None:
    assert bool(_FLOW_FILE.match(text)) is fits


@pytest.mark.parametrize("message", ["", "Architect Scripting Session ended in error, code: 99"])
@pytest.mark.parametrize(("failures", "waited_s"), [(1, 2), (2, 6)])
async def test_a_job_that_fails_without_a_reason_is_made_again(
    hands: Hands, organization: ArchitectPlatform, clock: SteppedClock, message: str, failures: int, waited_s: int
) -> None:
    """Whoever asks: an import, a diff and a delivery alike."""
    flow_id = await hands.make(ivr())
    hands.break_down("job-fails", times=failures, message=message)
    export = await organization.versions.export(flow_id, "1.0")
    assert export.yaml
    gathering_s, polls_s = 1.0, 2.0 * (failures + 1)
    assert waited_s <= clock.elapsed_s <= waited_s + gathering_s + polls_s


async def test_a_job_that_never_gives_a_reason_is_given_up_after_three_tries(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform
) -> None:
    flow_id = await hands.make(ivr())
    hands.break_down("job-fails", message="")
    with pytest.raises(ExportFailed, match="no reason"):
        await organization.versions.export(flow_id, "1.0")
    assert simulator.calls.count("POST", JOBS) == 3


@pytest.mark.parametrize("message", ["could not find the flow with id", "setting the Archy exit code to 107"])
async def test_only_both_sentences_together_are_a_429(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform, message: str
) -> None:
    flow_id = await hands.make(ivr())
    hands.break_down("job-fails", message=message)
    with pytest.raises(ExportFailed, match=message):
        await organization.versions.export(flow_id, "1.0")
    assert simulator.calls.count("POST", JOBS) == 1


@pytest.mark.parametrize("end", ["exit code: 107", "Archy failed"])
async def test_a_429_in_disguise_has_other_ends(hands: Hands, organization: ArchitectPlatform, end: str) -> None:
    flow_id = await hands.make(ivr())
    hands.break_down("job-fails", times=1, message=f"{end}; could not find the flow with id")
    assert (await organization.versions.export(flow_id, "1.0")).yaml


async def test_a_job_that_does_not_end_is_given_up(
    simulator: Simulator, hands: Hands, open_organization: Connect, clock: SteppedClock
) -> None:
    flow_id = await hands.make(ivr())
    organization = open_organization(job_timeout_s=20, retries=0)
    simulator.configure(replace(simulator.settings, export_s=3600))
    with pytest.raises(ServerFault, match="still Started after 20 s"):
        await organization.versions.export(flow_id, "1.0")
    assert clock.elapsed_s == pytest.approx(1 + 20)


async def test_a_version_that_does_not_exist_cannot_be_exported(hands: Hands, organization: ArchitectPlatform) -> None:
    flow_id = await hands.make(ivr())
    with pytest.raises((ExportFailed, RequestRejected)):
        await organization.versions.export(flow_id, "9.0")


async def _two(hands: Hands) -> tuple[str, str]:
    """Two flows of one name: only their ids tell them apart."""
    return await hands.make(ivr(says="One")), await hands.make(module("Main IVR"))


async def test_exports_that_are_asked_for_together_share_one_job(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform
) -> None:
    ivr_id, module_id = await _two(hands)
    await hands.do("publish", ivr_id, text=ivr(says="Two"))

    old, new, other = await asyncio.gather(
        organization.versions.export(ivr_id, "1.0"),
        organization.versions.export(ivr_id, "2.0"),
        organization.versions.export(module_id, "1.0"),
    )

    assert simulator.calls.count("POST", JOBS) == 1
    assert "One" in (old.yaml or "")
    assert "Two" in (new.yaml or "")
    assert (other.yaml or "").startswith("commonModule:")


async def test_an_export_that_comes_later_or_alone_has_a_job_of_its_own(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    ivr_id, module_id = await _two(hands)

    async def later() -> None:
        await clock.sleep(1.5)
        await organization.versions.export(module_id, "1.0")

    await asyncio.gather(organization.versions.export(ivr_id, "1.0"), later())

    assert simulator.calls.count("POST", JOBS) == 2


async def test_many_exports_are_spread_over_jobs_of_ten(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform
) -> None:
    ids = [await hands.make(module(f"Module {number}")) for number in range(23)]

    exports = await asyncio.gather(*(organization.versions.export(flow_id, "1.0") for flow_id in ids))

    assert [f"name: Module {number}\n" in (export.yaml or "") for number, export in enumerate(exports)] == [True] * 23
    assert simulator.calls.count("POST", JOBS) == 3


async def test_one_flow_that_cannot_be_exported_does_not_keep_the_others_from_it(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform
) -> None:
    ivr_id, module_id = await _two(hands)
    hands.break_down("job-fails", match={"flow": ivr_id})

    bad, good = await asyncio.gather(
        organization.versions.export(ivr_id, "1.0"),
        organization.versions.export(module_id, "1.0"),
        return_exceptions=True,
    )

    assert isinstance(bad, ExportFailed)
    assert isinstance(good, Export)
    assert good.yaml
    assert simulator.calls.count("POST", JOBS) == 3


async def test_whoever_waits_goes_on_alone_when_the_one_that_asked_first_goes_away(
    hands: Hands, organization: ArchitectPlatform
) -> None:
    ivr_id, module_id = await _two(hands)
    first = asyncio.create_task(organization.versions.export(ivr_id, "1.0"))
    second = asyncio.create_task(organization.versions.export(module_id, "1.0"))
    await asyncio.sleep(0)
    first.cancel()

    assert (await second).yaml


async def test_a_rollback_waits_for_nobody(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    ivr_id, _ = await _two(hands)
    began = clock.elapsed_s

    await organization.at(Priority.ROLLBACK).versions.export(ivr_id, "1.0")

    assert clock.elapsed_s - began == 2.0
    assert simulator.calls.count("POST", JOBS) == 1


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not an archive", b"<html></html>"])
def test_what_is_no_archive_is_an_export_that_failed(content: bytes) -> None:
    with pytest.raises(ExportFailed, match="unreadable"):
        files_of(content, 1000)


def test_a_file_that_unpacks_beyond_the_limit_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("flow-0.yaml", "a" * 100_000)
    with pytest.raises(ExportFailed, match="larger than 1000 bytes"):
        files_of(buffer.getvalue(), 1000)
