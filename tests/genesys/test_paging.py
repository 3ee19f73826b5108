"""Every list is read to its end, whatever page size the organisation chooses, and no list is read without end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import ceil
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.desired import Endpoint
from controller.domain.errors.organization import BadAnswer
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.genesys.connect import connect
from controller.genesys.settings import TransportSettings
from tests.genesys.scripted import API, LOGIN, SECRET, granted, refusal, reply
from tests.support.clock import SteppedClock

ROWS = 23
CAP = 5
FLOW = LiveFlow("f1", FlowKey("inboundcall", "Flow 1"), "1.0")
Row = dict[str, Any]
Tells = Callable[[int, int, str], Row]
"""What a page tells of the listing, of its number, the page size and the path."""


def rows(path: str) -> list[Row]:
    """What each list of an organisation holds: flows, versions, consumers and log levels have these fields."""
    if path.endswith("versions"):
        return [{"id": f"{n}.0", "version": f"{n}.0", "status": "draft"} for n in range(ROWS)]
    fields: Row = {"type": "inboundcall", "version": "1.0", "metadata": {"status": "published"}}
    fields["logLevelCharacteristics"] = {"level": "Base"}
    return [{"id": f"f{n}", "name": f"Flow {n}", **fields} for n in range(ROWS)]


def totals(_number: int, _size: int, _path: str) -> Row:
    return {"total": ROWS}


def counts(_number: int, size: int, _path: str) -> Row:
    return {"pageCount": ceil(ROWS / size)}


def links(number: int, size: int, path: str) -> Row:
    return {"nextUri": f"{path}?pageNumber={number + 1}&pageSize={size}"} if number * size < ROWS else {}


def whole_links(number: int, size: int, path: str) -> Row:
    return {"nextUri": f"{API}{path}?pageNumber={number + 1}"} if number * size < ROWS else {"nextUri": None}


def cursors(number: int, size: int, path: str) -> Row:
    return {"nextUri": f"{path}?after={number + 1}"} if number * size < ROWS else {}


def sizes(_number: int, size: int, _path: str) -> Row:
    return {"pageSize": size}


def everything(number: int, size: int, path: str) -> Row:
    return totals(number, size, path) | counts(number, size, path) | links(number, size, path) | {"pageSize": size}


class Capped:
    """An organisation whose pages hold at most `CAP` rows, whatever is asked for."""

    def __init__(self, tells: Tells) -> None:
        self._tells = tells
        self.calls: list[httpx.Request] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return granted()
        self.calls.append(request)
        return self.answer(request)

    def answer(self, request: httpx.Request) -> httpx.Response:
        query, path = request.url.params, request.url.path
        number = int(query.get("after") or query.get("pageNumber", "1"))
        size = min(CAP, int(query.get("pageSize", "25")))
        page = rows(path)[(number - 1) * size : number * size]
        return reply(body={"entities": page, **self._tells(number, size, path)})


def connected(organization: Capped, clock: SteppedClock, dialect: str) -> Any:
    return connect(
        Endpoint(None, API, LOGIN),
        dialect,
        "client",
        SECRET,
        clock=clock,
        settings=TransportSettings(rate_limit_per_minute=100_000),
        http=httpx.MockTransport(organization),
    )


async def listed(platform: Any) -> int:
    listing = await platform.flows.listing()
    assert listing.complete
    return len(listing.flows)


async def found(platform: Any) -> int:
    last = f"Flow {ROWS - 1}"
    return ROWS if await platform.flows.find(FlowKey("inboundcall", last)) else 0


async def looked_up(platform: Any) -> int:
    return len(await platform.flows.get_many([f"f{n}" for n in range(ROWS)]))


async def versions(platform: Any) -> int:
    return len(await platform.versions.of("f1"))


async def consumers(platform: Any) -> int:
    index = await platform.dependency_index.consumers(FLOW)
    return len(index.flows)


async def levels(platform: Any) -> int:
    return len(await platform.recording.levels_by_key())


LISTS: list[tuple[str, Callable[[Any], Awaitable[int]]]] = [
    (ARCHITECT, listed),
    (ARCHITECT, found),
    (ARCHITECT, looked_up),
    (ARCHITECT, versions),
    (ARCHITECT, levels),
    (VERSIONED, listed),
    (VERSIONED, found),
    (VERSIONED, versions),
]


@pytest.mark.parametrize("tells", [totals, counts, links, whole_links, cursors, sizes, everything])
@pytest.mark.parametrize(("dialect", "count"), LISTS, ids=[f"{dialect}-{count.__name__}" for dialect, count in LISTS])
async def test_a_page_that_is_shorter_than_asked_does_not_end_a_list_that_tells_of_more(
    clock: SteppedClock, dialect: str, count: Callable[[Any], Awaitable[int]], tells: Tells
) -> None:
    assert await count(connected(Capped(tells), clock, dialect)) == ROWS


async def test_the_consumers_of_a_flow_are_read_to_the_last_row(clock: SteppedClock) -> None:
    """The rows of the index that are no flows count for the pages, too."""

    class Index(Capped):
        def answer(self, request: httpx.Request) -> httpx.Response:
            number = int(request.url.params["pageNumber"])
            kinds = ["DATAACTION"] * 4 + ["INBOUNDCALLFLOW"]
            page = [{"id": f"{number}-{n}", "type": kind, "name": str(n)} for n, kind in enumerate(kinds)]
            return reply(body={"entities": page if number <= 3 else [], "pageCount": 3})

    assert await consumers(connected(Index(totals), clock, ARCHITECT)) == 3


@pytest.mark.parametrize("dialect", [ARCHITECT, VERSIONED])
async def test_an_empty_page_ends_a_list_whatever_is_told(clock: SteppedClock, dialect: str) -> None:
    class Boasting(Capped):
        def answer(self, request: httpx.Request) -> httpx.Response:
            number, path = int(request.url.params["pageNumber"]), request.url.path
            page = rows(path)[(number - 1) * CAP : number * CAP]
            told = {"total": 10**9, "pageCount": 10**9, "nextUri": f"{path}?pageNumber={number + 1}"}
            return reply(body={"entities": page, **told})

    organization = Boasting(totals)
    listing = await connected(organization, clock, dialect).flows.listing()
    assert (len(listing.flows), listing.complete) == (ROWS, False)
    assert len(organization.calls) <= 2 * 17


@pytest.mark.parametrize("dialect", [ARCHITECT, VERSIONED])
@pytest.mark.parametrize("told", [{"total": 10**12}, {"pageCount": 10**9}, {"nextUri": "/api/v2/flows?pageNumber=1"}])
async def test_a_list_that_repeats_a_page_is_given_up(clock: SteppedClock, dialect: str, told: Row) -> None:
    """What it holds is not known; nothing may be taken for deleted because of it."""

    class Repeating(Capped):
        def answer(self, request: httpx.Request) -> httpx.Response:
            return reply(body={"entities": rows(request.url.path), **told})

    organization = Repeating(totals)
    with pytest.raises(BadAnswer, match="would never end"):
        await connected(organization, clock, dialect).flows.listing()
    assert len(organization.calls) <= 17


@pytest.mark.parametrize("dialect", [ARCHITECT, VERSIONED])
async def test_a_list_without_an_end_is_given_up_after_a_thousand_pages(clock: SteppedClock, dialect: str) -> None:
    class Endless(Capped):
        def answer(self, request: httpx.Request) -> httpx.Response:
            number = int(request.url.params["pageNumber"])
            flow = {"id": f"f{number}", "name": f"Flow {number}", "type": "inboundcall", "metadata": {}}
            return reply(body={"entities": [flow], "nextUri": f"/api/v2/flows?pageNumber={number + 1}"})

    organization = Endless(totals)
    with pytest.raises(BadAnswer, match="more than 1,000 pages"):
        await connected(organization, clock, dialect).flows.listing()
    assert len(organization.calls) == 1_000


@pytest.mark.parametrize("dialect", [ARCHITECT, VERSIONED])
@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example.com/api/v2/flows?pageNumber=2",
        "http://api.genesys.test/api/v2/flows?pageNumber=2",
        "//evil.example.com/api/v2/flows?pageNumber=2",
        "/api/v2/users?pageNumber=2",
        "/api/v2/flows/../users?pageNumber=2",
        "https://user@api.genesys.test/api/v2/flows?pageNumber=2",
        "https://[/api/v2/flows",
        f"/api/v2/flows?after={'x' * 5_000}",
        "/api/v2/flows?" + "&".join(f"a{n}=1" for n in range(200)),
    ],
)
async def test_a_link_that_leads_away_from_the_list_is_not_followed(
    clock: SteppedClock, dialect: str, uri: str
) -> None:
    def elsewhere(_number: int, _size: int, _path: str) -> Row:
        return {"nextUri": uri}

    organization = Capped(elsewhere)
    with pytest.raises(BadAnswer, match="leads away from this list"):
        await connected(organization, clock, dialect).flows.listing()
    assert {urlsplit(str(call.url))[1:3] for call in organization.calls} == {("api.genesys.test", "/api/v2/flows")}
    assert len(organization.calls) == 1


async def test_a_link_cannot_change_what_is_asked_for(clock: SteppedClock) -> None:
    def other(number: int, size: int, path: str) -> Row:
        return {"nextUri": f"{path}?after={number + 1}&expand=nothing"} if number * size < ROWS else {}

    organization = Capped(other)
    await listed(connected(organization, clock, VERSIONED))
    assert {call.url.params["expand"] for call in organization.calls} == {"definition"}


async def test_a_refusal_in_the_middle_of_a_list_is_that_refusal(clock: SteppedClock) -> None:
    class Refusing(Capped):
        def answer(self, request: httpx.Request) -> httpx.Response:
            if request.url.params["pageNumber"] == "3":
                return refusal(403, "missing.permissions", "no")
            return super().answer(request)

    with pytest.raises(Exception, match="missing"):
        await connected(Refusing(everything), clock, ARCHITECT).flows.listing()
