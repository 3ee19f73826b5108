"""Few functions of Penstock's own lie between the scheduler and httpx, so that a traceback can be read."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

import httpx
import pytest

import controller
from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.ports import Platform
from controller.genesys.connect import connect
from controller.genesys.settings import TransportSettings
from tests.delivery.scenes import DESK, three_versions
from tests.delivery.site import Site, organization
from tests.support.sources import inbound

OWN = str(Path(controller.__file__).parent)
STEP = "ChangeRunner.to_healthy"

PARENTS: WeakKeyDictionary[asyncio.Task[Any], asyncio.Task[Any] | None] = WeakKeyDictionary()
"""The task that made each task."""


@dataclass
class Noting(httpx.AsyncBaseTransport):
    """Passes requests on, and notes the functions between the task of a change and this transport."""

    below: httpx.AsyncBaseTransport
    calls: dict[str, list[list[str]]] = field(default_factory=dict)
    """Own functions, the outermost first, by method and the parts of the path that are no ids."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        functions = [*_waiting(asyncio.current_task()), *_running()]
        if STEP in functions:
            words = [part for part in request.url.path.split("/")[3:] if part.isalpha()]
            self.calls.setdefault(" ".join((request.method, *words)), []).append(functions)
        return await self.below.handle_async_request(request)

    def deepest(self, call: str) -> list[str]:
        return max(self.calls[call], key=len)


def _waiting(task: asyncio.Task[Any] | None) -> Iterator[str]:
    """Own functions in which the makers of the task wait for it, up to the task of a change."""
    makers = []
    while task is not None and not task.get_name().startswith("change "):
        task = PARENTS.get(task)
        makers.append(task)
    for maker in reversed(makers):
        coroutine = None if maker is None else maker.get_coro()
        while coroutine is not None:
            code = getattr(coroutine, "cr_code", None)
            if code is not None and code.co_filename.startswith(OWN):
                yield code.co_qualname
            coroutine = getattr(coroutine, "cr_await", None)


def _running() -> Iterator[str]:
    frame: FrameType | None = sys._getframe()
    found = []
    while frame is not None:
        if frame.f_code.co_filename.startswith(OWN):
            found.append(frame.f_code.co_qualname)
        frame = frame.f_back
    return reversed(found)


def _remembering_the_maker(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any
) -> asyncio.Task[Any]:
    task = asyncio.Task(work, loop=loop, **options)
    PARENTS[task] = asyncio.current_task(loop)
    return task


@pytest.fixture
async def remembered() -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    loop.set_task_factory(_remembering_the_maker)
    yield
    loop.set_task_factory(None)


async def delivered(folder: Path, dialect: str, version: str | None = None) -> Noting:
    """The calls of a delivery that makes this version of `desk` live, or else a new one from a file."""
    folder.mkdir()
    site = Noted(folder, organization=organization(dialect=dialect))
    three_versions(site)
    if version is None:
        site.want("desk", inbound("Desk", says="Fourth"))
    else:
        site.pin("desk", DESK, version)
    await site.deliver()
    live = site.live()[str(DESK)]
    await site.close()
    assert live == (version or "4.0")
    return site.noting


class Noted(Site):
    def _connect(self) -> Platform:
        self.noting = Noting(self.http)
        return connect(
            self.organization.endpoint,
            self.organization.dialect,
            "penstock",
            "penstock-secret",
            clock=self.clock,
            settings=TransportSettings(rate_limit_per_minute=6000, retry_base_s=0.001, export_gather_s=0),
            http=self.noting,
        )


async def test_a_published_version_is_ten_functions_away(tmp_path: Path, remembered: None) -> None:
    old = await delivered(tmp_path / "old", ARCHITECT, "1.0")
    assert old.deepest("POST flows actions publish") == [
        "Scheduler._one",
        "ChangeRunner.to_healthy",
        "SwitchStep.publish",
        "through_conflicts",
        "publish_version",
        "write",
        "ArchitectPublishing.publish",
        "Transport._answered",
        "Transport._sent",
        "ApiSender.send",
    ]
    new = await delivered(tmp_path / "new", VERSIONED, "3.0")
    assert len(new.deepest("POST flows versions publish")) == 10


async def test_a_switch_and_an_upload_are_as_near(tmp_path: Path, remembered: None) -> None:
    switched = await delivered(tmp_path / "switched", VERSIONED, "1.0")
    assert len(switched.deepest("PUT routing flows")) == 10
    uploaded = await delivered(tmp_path / "uploaded", ARCHITECT)
    assert len(uploaded.deepest("POST flows jobs")) == 10
    assert len(uploaded.deepest("PUT")) == 11


async def test_a_poll_is_at_most_eleven_functions_away(tmp_path: Path, remembered: None) -> None:
    uploaded = await delivered(tmp_path / "uploaded", ARCHITECT)
    assert len(uploaded.deepest("GET flows jobs")) <= 11
    published = await delivered(tmp_path / "published", VERSIONED, "3.0")
    assert len(published.deepest("GET flows versions publishstatus")) <= 11


async def test_a_read_is_deeper_only_where_it_reads_pages(tmp_path: Path, remembered: None) -> None:
    """The versioned dialect reads a flow from its versions, page by page."""
    architect = await delivered(tmp_path / "architect", ARCHITECT, "1.0")
    assert len(architect.deepest("GET flows")) <= 13
    versioned = await delivered(tmp_path / "versioned", VERSIONED, "1.0")
    assert len(versioned.deepest("GET routing flows versions")) <= 18
