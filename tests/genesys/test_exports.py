"""Exporting on the architect dialect: both forms of one version, and what a hidden rate limit looks like."""

from __future__ import annotations

import asyncio
import io
import zipfile
from dataclasses import replace

import pytest

from controller.domain.errors.change import ExportFailed
from controller.domain.errors.organization import PermissionMissing, RequestRejected
from controller.domain.platform import Export, Priority
from controller.genesys.architect.export_files import _FLOW_FILE, files_of
from controller.genesys.architect.export_jobs import ExportPace
from controller.genesys.connect import ArchitectPlatform
from controller.simulator.settings import SimulatedClient
from controller.simulator.simulator import Simulator
from tests.genesys.conftest import Connect
from tests.genesys.hands import Hands, ivr, module
from tests.support.clock import SteppedClock

JOBS = "/api/v2/flows/export/jobs"
JOB = f"{JOBS}/{{jobId}}"


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
    with pytest.raises(ExportFailed, match="still Started after 20 s"):
        await organization.versions.export(flow_id, "1.0")
    assert clock.elapsed_s == pytest.approx(1 + 20)


async def test_the_time_of_a_job_grows_with_its_flows_and_one_that_does_not_end_is_halved(
    simulator: Simulator, hands: Hands, open_organization: Connect, clock: SteppedClock
) -> None:
    ids = await _many(hands, 2)
    organization = open_organization(job_timeout_s=20)
    simulator.configure(replace(simulator.settings, export_s=3600))
    failed = await _all(organization, ids)
    assert [isinstance(each, ExportFailed) for each in failed] == [True, True]
    together_s, alone_s = 20 + 30, 20
    assert clock.elapsed_s == pytest.approx(1 + together_s + 2 * alone_s)


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


async def _many(hands: Hands, count: int) -> list[str]:
    return [await hands.make(module(f"Module {number}")) for number in range(count)]


async def _all(organization: ArchitectPlatform, ids: list[str]) -> list[Export | BaseException]:
    """The outcome of one export for each flow, all asked for together."""
    exports = (organization.versions.export(flow_id, "1.0", definition=False) for flow_id in ids)
    return await asyncio.gather(*exports, return_exceptions=True)


def _names(exports: list[Export | BaseException]) -> list[str]:
    return [(each.yaml or "").split("name: ")[1].split("\n")[0] for each in exports if isinstance(each, Export)]


@pytest.mark.parametrize(("flows", "jobs"), [(50, 1), (51, 2), (120, 3)])
async def test_up_to_fifty_exports_share_a_job(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform, flows: int, jobs: int
) -> None:
    ids = await _many(hands, flows)

    exports = await _all(organization, ids)

    assert _names(exports) == [f"Module {number}" for number in range(flows)]
    assert simulator.calls.count("POST", JOBS) == jobs


async def test_an_operator_can_set_how_many_flows_share_a_job(
    simulator: Simulator, hands: Hands, open_organization: Connect
) -> None:
    exports = await _all(open_organization(export_flows=10), await _many(hands, 23))
    assert len(_names(exports)) == 23
    assert simulator.calls.count("POST", JOBS) == 3


async def test_exports_that_wait_while_a_job_runs_share_the_next_one(
    simulator: Simulator, hands: Hands, open_organization: Connect, clock: SteppedClock
) -> None:
    """The number that waits sets the size of the job."""
    first, *others = await _many(hands, 8)
    organization = open_organization(export_jobs=1)
    simulator.configure(replace(simulator.settings, export_s=30))

    async def later(number: int, flow_id: str) -> Export:
        await clock.sleep(5.0 + number)
        return await organization.versions.export(flow_id, "1.0")

    exports = await asyncio.gather(
        organization.versions.export(first, "1.0"), *(later(number, each) for number, each in enumerate(others))
    )

    assert all(export.yaml and export.definition for export in exports)
    assert simulator.calls.count("POST", JOBS) == 2


async def test_an_export_without_its_definition_saves_a_call_for_each_flow(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform
) -> None:
    [export] = await _all(organization, await _many(hands, 1))
    assert isinstance(export, Export)
    assert export.yaml
    assert export.definition is None
    assert simulator.calls.count("GET", "/api/v2/flows/{flowId}/versions/{versionId}/configuration") == 0


async def test_a_job_is_looked_at_when_it_is_likely_done(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    """The jobs before tell how long it takes: about one look for each, soon after its end."""
    ids = await _many(hands, 50)
    await _all(organization, ids)
    looks_before, began = simulator.calls.count("GET", JOB), clock.elapsed_s
    for _ in range(20):
        await _all(organization, ids)
    assert simulator.calls.count("GET", JOB) - looks_before <= 20 * 1.5
    gathering_s, job_s = 1.0, 50 * simulator.settings.export_s
    assert clock.elapsed_s - began <= 20 * (gathering_s + job_s) * 1.1


def test_jobs_that_run_at_the_same_time_do_not_hurry_the_next_look() -> None:
    pace = ExportPace(poll_s=2.0)
    for _ in range(10):
        pace.learn(flows=50, passed_s=51.0, looks=1)
    assert 48 < pace.first_wait_s(50) < 51


async def test_a_flow_that_breaks_a_job_of_fifty_is_found_and_named_and_the_others_are_exported(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform
) -> None:
    ids = await _many(hands, 50)
    hands.break_down("job-fails", match={"flow": ids[33]})

    exports = await _all(organization, ids)

    [broken] = [each for each in exports if not isinstance(each, Export)]
    assert broken is exports[33]
    assert f"version 1.0 of flow {ids[33]} could not be exported" in str(broken)
    assert _names(exports) == [f"Module {number}" for number in range(50) if number != 33]
    halvings = 6
    assert simulator.calls.count("POST", JOBS) <= 1 + 2 * halvings


async def test_a_version_that_does_not_exist_keeps_no_other_from_its_export(
    hands: Hands, organization: ArchitectPlatform
) -> None:
    """The organisation refuses the whole job then."""
    first, second = await _many(hands, 2)
    wanted = ((first, "1.0"), (first, "9.0"), (second, "1.0"))

    good, missing, other = await asyncio.gather(
        *(organization.versions.export(*each) for each in wanted), return_exceptions=True
    )

    assert isinstance(good, Export)
    assert isinstance(other, Export)
    assert isinstance(missing, ExportFailed | RequestRejected)


async def test_a_missing_permission_is_no_reason_to_halve_a_job(
    simulator: Simulator, hands: Hands, open_organization: Connect
) -> None:
    ids = await _many(hands, 8)
    simulator.clients["reader"] = SimulatedClient(
        "reader", "reader-secret", permissions=frozenset({"architect:flow:view"})
    )
    failed = await _all(open_organization("reader"), ids)
    assert {type(each) for each in failed} == {PermissionMissing}
    assert simulator.calls.count("POST", JOBS) == 1


async def test_a_job_of_several_flows_that_meets_a_429_in_disguise_is_repeated_whole(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    ids = await _many(hands, 8)
    hands.break_down("disguised-429", times=2)
    assert len(_names(await _all(organization, ids))) == 8
    assert simulator.calls.count("POST", JOBS) == 3
    assert clock.elapsed_s >= 15 + 30


async def test_a_flow_that_looks_like_a_429_in_every_job_is_found(
    hands: Hands, organization: ArchitectPlatform
) -> None:
    """A flow that is not found ends a job with the words of a hidden 429."""
    ids = await _many(hands, 50)
    hands.break_down("disguised-429", match={"flow": ids[7]})
    exports = await _all(organization, ids)
    assert [number for number, each in enumerate(exports) if not isinstance(each, Export)] == [7]


async def test_a_limit_that_all_jobs_meet_ends_the_halving(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform
) -> None:
    ids = await _many(hands, 50)
    hands.break_down("disguised-429")
    failed = await _all(organization, ids)
    assert {type(each) for each in failed} == {ExportFailed}
    assert simulator.calls.count("POST", JOBS) <= 25


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
