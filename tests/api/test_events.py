"""Server-sent events: from one query a second, with marks to go on from, for a bounded number of listeners."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from controller.domain.errors.api import TooManyListeners
from controller.service.api.entrance import Entrance
from controller.service.api.events import HEARTBEAT_S, LONGEST_S, POLL_S, Events, SharedMarks
from controller.service.api.paths import PREFIX
from controller.service.connections import ANSWER_S, most_connections
from controller.store.live_marks import LiveTopic
from controller.store.store import Store
from tests.support.api import ORGANIZATION, ServedApi, fill, organization_view, serving
from tests.support.clock import SteppedClock
from tests.support.stores import prepare


@dataclass
class Event:
    id: str
    data: dict[str, Any]


def read(lines: Iterator[str]) -> Iterator[Event]:
    """What a client of the standard reads: a blank line ends an event, and one without data is none."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        if line:
            fields[name] = value.strip()
        elif fields.get("event") == "changed":
            yield Event(fields["id"], json.loads(fields["data"]))
            fields = {}


@pytest.fixture
def url(served: ServedApi) -> Iterator[str]:
    with serving(served) as url:
        yield f"{url}{PREFIX}/events"


def test_a_client_over_http_hears_what_changes_and_goes_on_where_it_was(served: ServedApi, url: str) -> None:
    headers = served.headers("rita")
    with httpx.stream("GET", url, headers=headers, timeout=60) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["cache-control"] == "no-store"
        lines = stream.iter_lines()
        assert next(lines).startswith("retry: ")
        first = next(line for line in lines if line.startswith("id: "))
        served.store.suspensions.suspend(ORGANIZATION, by="Ada", reason="freeze")
        heard = next(read(lines))
    served.store.running.step(ORGANIZATION, "record")
    with httpx.stream("GET", url, headers={**headers, "Last-Event-ID": heard.id}, timeout=60) as stream:
        missed = next(read(stream.iter_lines()))

    assert int(heard.id) > int(first.removeprefix("id: "))
    assert heard.data == {"organizations": [ORGANIZATION], "running": []}
    assert missed.data == {"organizations": [ORGANIZATION], "running": [ORGANIZATION]}


def test_a_stream_ends_when_the_service_stops(served: ServedApi) -> None:
    with (
        serving(served) as url,
        httpx.Client(headers=served.headers("rita"), timeout=60) as client,
        client.stream("GET", f"{url}{PREFIX}/events") as stream,
    ):
        lines = stream.iter_lines()
        next(lines)
        # `serving` would wait for the stream; the service is told to stop here, and the stream comes to its end.
        served.stop_soon()
        assert [line for line in lines if line.startswith("data")] == []


@dataclass
class Stepped:
    """Events over a clock that is stepped, without a server."""

    store: Store
    clock: SteppedClock
    events: Events
    served: ServedApi

    @asynccontextmanager
    async def stream(self, person: str = "rita", **headers: str) -> AsyncIterator[AsyncIterator[str]]:
        request = _request(self.served, person)
        answer = await self.events.events(request, None, headers.get("after"))
        body: Any = answer.body_iterator  # type: ignore[attr-defined] # it is a streaming response
        try:
            yield body
        finally:
            await body.aclose()


def _request(served: ServedApi, person: str) -> Any:
    headers = [(name.lower().encode(), value.encode()) for name, value in served.headers(person).items()]
    headers.append((b"host", b"penstock.example"))
    scope = {
        "type": "http",
        "method": "GET",
        "path": f"{PREFIX}/events",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "state": {},
    }
    return Request(scope)


@pytest.fixture
def stepped(tmp_path: Path) -> Iterator[Stepped]:
    prepare(tmp_path / "api.db")
    clock = SteppedClock()
    with Store.open(f"sqlite:///{tmp_path / 'api.db'}", clock=clock) as store:
        fill(store, clock)
        served = ServedApi(tmp_path, store, clock)
        yield Stepped(store, clock, Events(Entrance(served.window), served.stop, most=3), served)


async def test_a_stream_ends_before_the_limit_for_an_answer_and_beats_until_then(stepped: Stepped) -> None:
    begin_s = stepped.clock.monotonic()
    async with stepped.stream() as stream:
        texts = [text async for text in stream]

    lasted_s = stepped.clock.monotonic() - begin_s
    assert LONGEST_S <= lasted_s < ANSWER_S
    assert texts.count(": heartbeat\n\n") == int(LONGEST_S / HEARTBEAT_S) - 1


async def test_further_listeners_are_refused_until_one_leaves(stepped: Stepped) -> None:
    async with stepped.stream() as one, stepped.stream() as two, stepped.stream() as three:
        for each in (one, two, three):
            await anext(each)
        with pytest.raises(TooManyListeners) as refused:
            async with stepped.stream():
                pass
        assert refused.value.retry_after_s == LONGEST_S
    async with stepped.stream() as four:
        assert (await anext(four)).startswith("retry")


def test_listeners_leave_most_connections_to_others(served: ServedApi) -> None:
    assert Events(Entrance(served.window), served.stop)._most <= most_connections() // 4


async def test_one_query_a_second_serves_all_listeners(stepped: Stepped) -> None:
    asked: list[int | None] = []
    marks = stepped.store.marks

    class Counting:
        def changed_since(self, mark: int | None) -> Any:
            asked.append(mark)
            return marks.changed_since(mark)

    shared = SharedMarks(Counting(), stepped.clock)  # type: ignore[arg-type] # the same method, counted
    now = (await shared.since(None)).mark
    for _ in range(5):
        await asyncio.gather(*(shared.since(now) for _ in range(20)))
        stepped.clock.advance(POLL_S)

    assert len(asked) == 5


async def test_each_listener_hears_each_change_once(stepped: Stepped) -> None:
    shared = SharedMarks(stepped.store.marks, stepped.clock)
    before = (await shared.since(None)).mark
    stepped.store.views.note(organization_view(stepped.clock))
    stepped.clock.advance(POLL_S)
    first = await shared.since(before)
    stepped.store.suspensions.suspend(ORGANIZATION, by="Ada", reason="freeze")
    stepped.clock.advance(POLL_S)

    assert first.topics == {(ORGANIZATION, LiveTopic.VIEW)}
    assert (await shared.since(first.mark)).topics == {(ORGANIZATION, LiveTopic.SUSPENSION)}
    assert (await shared.since(before)).topics == {(ORGANIZATION, LiveTopic.VIEW), (ORGANIZATION, LiveTopic.SUSPENSION)}
    # What was before this process began is asked of the store; a mark that is too high belongs to an older store.
    assert {topic for _, topic in (await shared.since(0)).topics} >= {LiveTopic.RUNNING, LiveTopic.VIEW}
    assert (await shared.since(10**9)).topics == (await shared.since(before)).topics


async def test_a_listener_hears_nothing_of_organisations_that_it_may_not_see(stepped: Stepped) -> None:
    async with stepped.stream("elsa") as stream:
        assert (await anext(stream)).startswith("retry")
        await anext(stream)
        stepped.store.views.note(organization_view(stepped.clock))
        stepped.store.views.note(organization_view(stepped.clock, "elsewhere"))
        text = await anext(stream)

    assert json.loads(text.partition("data: ")[2])["organizations"] == ["elsewhere"]
