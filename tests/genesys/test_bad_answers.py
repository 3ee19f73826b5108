"""Answers that do not keep what the API promises: refused with the endpoint and the field, never trusted."""

from __future__ import annotations

import gzip
import tracemalloc
from dataclasses import replace

import httpx
import pytest

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.organization import AnswerLost, BadAnswer, ServerFault
from controller.genesys.call import ApiCall
from controller.genesys.settings import TransportSettings
from controller.genesys.wire.architect import WireFlow, WireOperation
from controller.genesys.wire.model import ListPage
from tests.genesys.scripted import SECRET, reply, script
from tests.support.clock import SteppedClock

CALL = ApiCall("GET", "/api/v2/flows")
WRITE = ApiCall("POST", "/api/v2/flows/actions/publish")
Body = httpx.ByteStream
SMALL = TransportSettings(json_limit_bytes=1000, retries=0)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            {"entities": [{"id": "1", "name": "a", "type": "BOT"}, {"id": "2", "type": "BOT"}]},
            "field entities.1.name is",
        ),
        ({"entities": [{"id": 7, "name": "a", "type": "BOT"}]}, "field entities.0.id is"),
        ({"entities": {"id": "1"}}, "field entities is"),
        ({"entities": None}, "field entities is"),
        ({"entities": [7]}, "field entities.0 is not as promised: it should be an object"),
        ({}, "field entities is"),
        ({"entities": [], "total": "many"}, "field total is"),
        ([], "the answer is not as promised: it should be an object"),
        ("text", "the answer is not as promised: it should be an object"),
    ],
)
async def test_a_wrong_shape_is_asked_for_again_and_names_endpoint_and_field(
    clock: SteppedClock, body: object, told: str
) -> None:
    organization = script(reply(body=body))
    with pytest.raises(BadAnswer, match=r"GET /api/v2/flows: ") as caught:
        await organization.transport(clock).fetch(CALL, ListPage[WireFlow])
    assert told in caught.value.message
    assert len(organization.requests) == 4


@pytest.mark.parametrize("bad", [reply(body=[]), reply(body={"entities": 7}), httpx.Response(200, content=b"<html>")])
async def test_a_read_survives_answers_that_make_no_sense_for_a_while(clock: SteppedClock, bad: httpx.Response) -> None:
    good = reply(body={"entities": [{"id": "1", "name": "a", "type": "BOT"}]})
    organization = script(bad, bad, bad, good)
    page = await organization.transport(clock).fetch(CALL, ListPage[WireFlow])
    assert [flow.name for flow in page.entities] == ["a"]
    assert clock.elapsed_s > 0


async def test_an_object_of_any_fields_is_asked_for_again_where_a_list_came(clock: SteppedClock) -> None:
    organization = script(reply(body=[]), reply(body={"nodes": {}}))
    assert await organization.transport(clock).fetch_object(CALL) == {"nodes": {}}
    with pytest.raises(BadAnswer, match="the answer is not a JSON object"):
        await script(reply(body=[])).transport(clock).fetch_object(CALL)


async def test_a_write_that_was_answered_is_not_repeated_though_that_would_do_no_harm(clock: SteppedClock) -> None:
    """Reading tells what became of it; what is not even JSON may come of a proxy, so that nothing was written yet."""
    organization = script(reply(body=[]))
    with pytest.raises(BadAnswer):
        await organization.transport(clock).fetch(replace(WRITE, repeatable=True), WireOperation)
    assert len(organization.requests) == 1


async def test_a_wrong_value_is_not_shown(clock: SteppedClock) -> None:
    organization = script(reply(body={"id": "1", "name": {"hidden": "hunter2"}, "type": "BOT"}))
    with pytest.raises(BadAnswer) as caught:
        await organization.transport(clock).fetch(CALL, WireFlow)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value.__context__)


async def test_what_we_do_not_need_is_ignored(clock: SteppedClock) -> None:
    body = {"id": "1", "name": "a ", "type": "BOT", "newField": [1], "publishedVersion": {"id": "1.0", "x": None}}
    flow = await script(reply(body=body)).transport(clock).fetch(CALL, WireFlow)
    assert (flow.name, flow.published_version and flow.published_version.id) == ("a ", "1.0")


@pytest.mark.parametrize("date", ["yesterday", -(10**20), True, {}, "2026-13-45T00:00:00Z"])
async def test_a_date_that_cannot_be_read_costs_only_the_date(clock: SteppedClock, date: object) -> None:
    body = {"id": "1", "name": "a", "type": "BOT", "publishedVersion": {"id": "1.0", "datePublished": date}}
    flow = await script(reply(body=body)).transport(clock).fetch(CALL, WireFlow)
    assert flow.published_version
    assert flow.published_version.date_published is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"entities": [{"id": "1", "na', "entities"),
        (b"<html><body>Please log in to the hotel's network</body></html>", "Please log in to the hotel's network"),
        (b"", "an empty body"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "PNG"),
        (b"[" * 100_000 + b"]" * 100_000, "not JSON"),
        (f"leaked {SECRET}".encode(), "leaked ***"),
    ],
    ids=["truncated", "markup", "empty", "binary", "nested too deeply", "with a secret"],
)
async def test_what_is_not_json_is_asked_for_again_and_shows_its_first_words(
    clock: SteppedClock, content: bytes, words: str
) -> None:
    organization = script(httpx.Response(200, content=content))
    with pytest.raises(ServerFault, match="something that is not JSON") as caught:
        await organization.transport(clock).fetch(CALL, ListPage[WireFlow])
    assert len(organization.requests) == 4
    assert words in caught.value.message
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("content", [b"<html>ok</html>", b"{}", b'{"id": ""}'])
async def test_a_write_whose_answer_makes_no_sense_counts_as_lost(clock: SteppedClock, content: bytes) -> None:
    """It probably took effect: only reading can tell."""
    organization = script(httpx.Response(200, content=content))
    with pytest.raises(AnswerLost):
        await organization.transport(clock).fetch(WRITE, WireOperation)
    assert len(organization.requests) == 1


@pytest.mark.parametrize(("call", "kind"), [(CALL, BadAnswer), (WRITE, AnswerLost)])
async def test_a_huge_body_is_given_up_at_the_limit(
    clock: SteppedClock, call: ApiCall, kind: type[PenstockError]
) -> None:
    """The limit counts what arrives, whatever a Content-Length says."""
    sent = 0

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]
            nonlocal sent
            while True:
                sent += 100
                yield b" " * 100

    organization = script(lambda _request: httpx.Response(200, stream=Endless()))
    with pytest.raises(kind, match="more than"):
        await organization.transport(clock, replace(SMALL, retries=3)).send(call)
    assert sent == 1100, "and nobody asks for it again"


async def test_a_compressed_bomb_is_given_up_at_the_limit(clock: SteppedClock) -> None:
    bomb = gzip.compress(b" " * 5_000_000)
    organization = script(httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=bomb))
    organization.replies = [lambda _r: httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=bomb)]
    with pytest.raises(BadAnswer, match="more than"):
        await organization.transport(clock, SMALL).send(CALL)


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "gzip,identity,gzip"])
async def test_an_encoding_that_was_not_asked_for_is_not_unpacked(clock: SteppedClock, encoding: str) -> None:
    """One that is packed twice grows a million times: a kilobyte would fill the memory before any limit is met."""
    bomb = gzip.compress(gzip.compress(b" " * 50_000_000))
    organization = script(lambda _r: httpx.Response(200, headers={"Content-Encoding": encoding}, stream=Body(bomb)))
    tracemalloc.start()
    try:
        with pytest.raises(BadAnswer, match="cannot be read"):
            await organization.transport(clock, SMALL).send(CALL)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert organization.requests[0].headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize("content", [b"<html>", b"{}"])
async def test_an_answer_that_makes_no_sense_is_told_with_its_correlation_id(
    clock: SteppedClock, content: bytes
) -> None:
    answer = httpx.Response(200, headers={"ININ-Correlation-Id": "c0ffee"}, content=content)
    for call in (CALL, WRITE):
        with pytest.raises(PenstockError, match="correlation id c0ffee"):
            await script(answer).transport(clock, SMALL).fetch(call, WireOperation)


async def test_an_encoding_that_lies_is_a_bad_answer(clock: SteppedClock) -> None:
    organization = script(
        lambda _request: httpx.Response(
            200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"not compressed")
        )
    )
    with pytest.raises(BadAnswer, match="cannot be read"):
        await organization.transport(clock, SMALL).send(CALL)
