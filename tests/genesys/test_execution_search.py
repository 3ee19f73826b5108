"""Finding executions by what a person knows of them, and saving their files without holding them in memory."""

from __future__ import annotations

import io
from datetime import timedelta

import httpx
import pytest

from controller.domain.errors.organization import BadAnswer
from controller.domain.traces import TraceRequest
from controller.genesys.call import ApiCall
from controller.genesys.connect import ArchitectPlatform
from controller.genesys.settings import TransportSettings
from controller.simulator.simulator import Simulator
from tests.genesys.hands import Hands, ivr
from tests.genesys.scripted import script
from tests.support.clock import SteppedClock

LINK = "https://s3.test/file?X-Amz-Signature=s1gn4ture"
GET = ApiCall("GET", "(presigned download)", limit_bytes=500)


async def test_executions_are_found_by_flow_and_version_and_conversation(
    hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    one, other = await hands.make(ivr("One")), await hands.make(ivr("Other"))
    for flow_id in (one, other):
        await hands.executions(flow_id, count=3)
    clock.advance(1)
    start, end = clock.now() - timedelta(minutes=5), clock.now()

    found = [each async for each in organization.executions.found(TraceRequest(start, end, flow_id=one))]
    none = [each async for each in organization.executions.found(TraceRequest(start, end, one, "9.0"))]

    assert {each.flow_id for each in found} == {one}
    assert (len(found), none) == (3, [])


async def test_a_file_is_saved_piece_by_piece_and_begun_anew_after_a_fault(clock: SteppedClock) -> None:
    organization = script(httpx.Response(503, content=b"no"), httpx.Response(200, content=b"x" * 500))
    file = io.BytesIO(b"left over from before, and longer than what comes" * 20)

    await organization.transport(clock).save_presigned(LINK, file, call=GET)

    assert file.getvalue() == b"x" * 500
    assert all("authorization" not in request.headers for request in organization.requests)


async def test_a_file_that_does_not_end_is_cut_off(clock: SteppedClock) -> None:
    organization = script(httpx.Response(200, content=b"x" * 501))

    with pytest.raises(BadAnswer, match="more than"):
        await organization.transport(clock).save_presigned(LINK, io.BytesIO(), call=GET)


async def test_rendered_files_hold_no_link_in_their_words(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    flow_id = await hands.make(ivr())
    await hands.executions(flow_id, count=1)
    clock.advance(1)
    request = TraceRequest(clock.now() - timedelta(minutes=5), clock.now(), flow_id=flow_id)
    ids = [each.id async for each in organization.executions.found(request)]

    rendered = await organization.execution_files.rendered([*ids, "gone"])

    assert [each.id for each in rendered] == ids
    assert "Signature" not in repr(rendered)
    file = io.BytesIO()
    await rendered[0].save(file)
    assert file.getvalue().startswith(b'{"flow": ')
    assert TransportSettings().execution_limit_bytes > TransportSettings().export_limit_bytes
    assert simulator.calls.count("GET", "/_storage/executions/{jobId}/{executionId}/renderedData.json") == 1
