"""A simulated organisation in virtual time: waiting costs nothing, and durations are the same on every machine."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import httpx
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from controller.domain.errors.manifest import FlowFileInvalid
from controller.flows.flow_file import parse
from controller.simulator.app import create_app
from controller.simulator.calls import Calls
from controller.simulator.flow import Action
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.support.clock import SteppedClock
from tests.support.world import URL, World

LIMIT_PER_MINUTE = 300
"""Genesys' limit for one token."""
T = TypeVar("T")
UNLIMITED = ("/_storage/", "/oauth/")
"""Presigned storage and logins: they do not count against the limit of a token."""


@dataclass
class VirtualOrganization:
    """An organisation for a peer: empty, with the clock that it shares with the peer."""

    durations: dict[str, float]
    """Seconds of a publish by the name of the flow."""

    def __post_init__(self) -> None:
        self.clock = SteppedClock()
        self.simulator = Simulator(self.clock, SimulatorSettings(rate_limit_per_minute=LIMIT_PER_MINUTE))
        self.app = paced(self.simulator, create_app(self.simulator), self.durations)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app), base_url=URL)

    @property
    def calls(self) -> int:
        return limited_calls(self.simulator.calls)

    @property
    def live(self) -> int:
        """Flows that have a published version."""
        self.simulator.settle()
        return sum(flow.published is not None for flow in self.simulator.organization.flows())


def paced(simulator: Simulator, app: ASGIApp, durations: dict[str, float]) -> ASGIApp:
    """The application, with a duration of its own for the upload of each flow."""

    async def receive_file(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "PUT":
            await app(scope, receive, send)
            return
        body = await _body(receive)
        took_s = durations.get(_name(body), simulator.settings.upload_s)
        simulator.configure(replace(simulator.settings, upload_s=took_s))
        await app(scope, _again(body), send)

    return receive_file


async def _body(receive: Receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _again(body: bytes) -> Callable[[], Awaitable[Message]]:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _name(body: bytes) -> str:
    try:
        return parse(body.decode()).key.name
    except (UnicodeDecodeError, FlowFileInvalid):
        return ""


def limited_calls(calls: Calls) -> int:
    """Calls that count against the limit of a token."""
    counted = calls.report()["calls"]
    assert isinstance(counted, list)
    return sum(call["count"] for call in counted if not call["route"].startswith(UNLIMITED))


async def virtual_world(
    folder: Path, durations: dict[str, float] | None = None, *, dialect: str = "architect", **spec: object
) -> World:
    """A repository, a controller with its default settings, and an organisation with Genesys' limit.

    There is no notification channel: its connection needs real time.
    """
    settings = SimulatorSettings(rate_limit_per_minute=LIMIT_PER_MINUTE)
    world = World(folder, simulator_settings=settings, spec=spec, dialect=dialect)
    world.http = httpx.ASGITransport(app=paced(world.simulator, create_app(world.simulator), durations or {}))
    world.settings = world.settings.model_copy(update={"rate_limit": LIMIT_PER_MINUTE})
    await world.restart()
    return world


def live_at(world: World) -> dict[str, datetime]:
    """When the first version of each flow went live, by the flow's name."""
    world.simulator.settle()
    return {
        flow.name: min(entry.at for entry in flow.history if entry.action is Action.PUBLISH)
        for flow in world.simulator.organization.flows()
        if any(entry.action is Action.PUBLISH for entry in flow.history)
    }


@contextmanager
def quiet() -> Iterator[None]:
    """No log lines: they cost time, and nothing reads them."""
    kept = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**kept)


def in_virtual_time(work: Awaitable[T]) -> T:
    """The result of a coroutine, in an event loop of its own."""

    async def run() -> T:
        return await work

    return asyncio.run(run())


def processes() -> ProcessPoolExecutor:
    """A process for each processor: simulated time does not depend on how many work at once."""
    return ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork"))
