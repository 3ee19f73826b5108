"""Flow files go in through presigned URLs and come out through export jobs."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import httpx
import pytest

from controller.flows.flow_file import parse
from controller.simulator.simulator import Simulator
from tests.simulator.sources import GREETING, MAIN, SUPPORT, changed
from tests.simulator.steps import export, main_id, put, register, texts, upload
from tests.support.clock import SteppedClock

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"


async def test_an_upload_publishes_the_next_version(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    job = await register(api)
    uri = f"/api/v2/flows/jobs/{job['id']}"
    assert (await api.get(uri)).json()["status"] == "Registered"
    assert (await put(api, job, changed(MAIN))).status_code == 200
    assert (await api.get(uri)).json()["status"] == "Started"
    clock.advance(3)
    done = (await api.get(uri, params={"expand": "messages"})).json()
    assert (done["status"], done["command"], done["messages"]) == ("Success", "Publish", [])
    assert done["flow"]["id"] == main_id(simulator)
    assert (await api.get(done["flow"]["selfUri"])).json()["publishedVersion"]["id"] == "2.0"


async def test_an_unknown_name_makes_a_second_flow(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    job = await upload(api, clock, SUPPORT.replace("name: Support", "name: Help"))
    assert job["status"] == "Success"
    assert job["flow"]["id"] != simulator.flow("inboundcall", "Support").id
    assert simulator.flow("inboundcall", "Help").division == "Care"


async def test_the_presigned_url_takes_exactly_what_was_signed(api: httpx.AsyncClient, clock: SteppedClock) -> None:
    job = await register(api)
    url, headers = job["presignedUrl"], job["headers"]
    bearer = {"Authorization": api.headers["Authorization"]}
    with_token = await api.put(url, content=MAIN, headers=headers | bearer)
    assert (with_token.status_code, "Only one auth mechanism" in with_token.text) == (400, True)
    without_headers = await put(api, {**job, "headers": {}}, MAIN)
    assert without_headers.status_code == 403
    forged = await put(api, {**job, "presignedUrl": url[:-1] + ("0" if url[-1] != "0" else "1")}, MAIN)
    assert "SignatureDoesNotMatch" in forged.text
    clock.advance(3_601)
    expired = await put(api, job, MAIN)
    assert "Request has expired" in expired.text


@pytest.mark.parametrize(
    ("name", "words"),
    [("n" * 201, "201 characters"), ("n" * 200, "")],
    ids=["too long", "as long as can be"],
)
async def test_a_name_has_at_most_200_characters(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock, name: str, words: str
) -> None:
    job = await upload(api, clock, f"inboundCall: {{name: {name}}}\n")
    made = await api.post("/api/v2/flows", json={"name": name, "type": "workflow"})
    renamed = await api.put(f"/api/v2/flows/{main_id(simulator)}", json={"name": name})
    assert job["status"] == ("Failure" if words else "Success")
    assert {made.status_code, renamed.status_code} <= ({400} if words else {200, 409})
    assert words in "".join(texts(job)) + made.text


async def test_double_braces_are_text(api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock) -> None:
    text = "inboundCall:\n  name: Letter\n  description: Dear {{1}}, {{ your name }}\n"
    job = await upload(api, clock, text)
    flow = simulator.flow("inboundcall", "Letter")
    assert (job["status"], flow.description) == ("Success", "Dear {{1}}, {{ your name }}")


async def test_a_missing_reference_fails_the_job_in_genesys_words(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    job = await upload(api, clock, MAIN.replace("Greeting:", "Farewell:"))
    assert job["status"] == "Failure"
    assert texts(job) == [
        "find 'commonmodule' by value of 'Farewell' - no matches",
        "Architect Scripting session ended in error ( code: 99 )",
    ]
    assert "flow" not in job
    assert simulator.flow("inboundcall", "Main IVR").live == 1


async def test_stubs_stand_in_for_missing_flows_when_asked(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    job = await upload(api, clock, MAIN.replace("Greeting:", "Farewell:"), {"createStubs": True})
    assert job["status"] == "Success"
    assert simulator.flow("commonmodule", "Farewell").live == 1


async def test_a_file_that_is_no_flow_fails_the_job(api: httpx.AsyncClient, clock: SteppedClock) -> None:
    job = await upload(api, clock, "inboundCall: [")
    assert job["status"] == "Failure"
    assert "line" in texts(job)[0]


async def test_an_upload_to_a_flow_that_somebody_locked_fails(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    await api.post(f"/_simulator/flows/{main_id(simulator)}/draft", json={"by": "Ada"})
    job = await upload(api, clock, changed(MAIN))
    assert job["status"] == "Failure"
    assert "is locked by another entity" in texts(job)[0]


async def test_an_export_means_the_same_and_is_not_the_same(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    job = await export(api, clock, {"id": main_id(simulator), "version": "1.0"})
    assert (job["status"], job["command"]) == ("Success", "Export")
    url = job["downloadUrl"]
    exported = (await httpx_get(api, url)).text
    assert exported != MAIN
    assert "trackingId: 1010" in exported
    assert parse(exported).digest == parse(MAIN).digest
    assert (await httpx_get(api, url)).text == exported


async def test_versions_differ_in_their_tracking_ids_only(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    await upload(api, clock, MAIN)
    exports = []
    for version in ("1.0", "2.0"):
        job = await export(api, clock, {"id": main_id(simulator), "version": version})
        exports.append((await httpx_get(api, job["downloadUrl"])).text)
    assert exports[0] != exports[1]
    assert parse(exports[0]).digest == parse(exports[1]).digest


async def test_several_flows_come_as_a_zip(api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock) -> None:
    job = await export(
        api, clock, {"id": main_id(simulator)}, {"name": "Greeting", "type": "COMMONMODULE", "version": "1.0"}
    )
    archive = zipfile.ZipFile(io.BytesIO((await httpx_get(api, job["downloadUrl"])).content))
    assert archive.namelist() == ["Main_IVR_inboundcall_v1_0.yaml", "Greeting_commonmodule_v1_0.yaml"]
    assert parse(archive.read(archive.namelist()[1]).decode()).digest == parse(GREETING).digest


async def test_a_download_link_needs_its_signature_and_expires(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    url = (await export(api, clock, {"id": main_id(simulator)}))["downloadUrl"]
    assert (await httpx_get(api, url.partition("?")[0])).status_code == 403
    clock.advance(3_700)
    assert (await httpx_get(api, url)).status_code == 403


async def test_an_export_of_nothing_that_exists_is_refused(api: httpx.AsyncClient, simulator: Simulator) -> None:
    for flow, status in (
        ({"id": "unknown"}, 404),
        ({"name": "X", "type": "BOT"}, 404),
        ({"name": "X"}, 400),
        ({"id": main_id(simulator), "version": "8.0"}, 404),
    ):
        answer = await api.post("/api/v2/flows/export/jobs", json={"flows": [{"flow": flow}]})
        assert answer.status_code == status


async def httpx_get(api: httpx.AsyncClient, url: str) -> httpx.Response:
    """Without the token that the client would add."""
    return await api.send(httpx.Request("GET", url))


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the folder of real flow files is not here")
async def test_every_real_flow_survives_export_unchanged_in_meaning(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    report = simulator.load_folder(CORPUS)
    assert len(report.loaded) == 27
    assert all("placeholder" in skipped.reason for skipped in report.skipped)
    for key in report.loaded:
        flow = simulator.flow(key.type, key.name)
        job = await export(api, clock, {"id": flow.id})
        exported = (await httpx_get(api, job["downloadUrl"])).text
        assert flow.published is not None
        assert parse(exported).digest == parse(flow.published.text).digest, key
