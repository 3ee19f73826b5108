"""Receivers that are shaped like Slack and Teams, over real connections: limits, faults, silence, lies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from controller.domain.documents import plain
from controller.domain.redaction import SECRETS
from controller.notify.chat import Chat, ChatTarget
from controller.notify.dispatcher import Dispatcher
from controller.notify.document import NOTIFICATION
from controller.notify.outbox import event
from controller.notify.receiver import Receiver
from controller.notify.rendering import EXAMPLE
from controller.notify.target import Reply
from controller.store.store import Store
from tests.notify.messages import Queued
from tests.support.clock import SteppedClock
from tests.support.stores import prepare

TOKEN = "T000/B000/abcdefghijklmnopqrstuvwx"


class Desk:
    """A server that reads a request, keeps its body, and answers with the next of the given bytes."""

    def __init__(self, answers: Sequence[bytes | None]) -> None:
        self._answers = list(answers)
        self.bodies: list[Any] = []
        self.over = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-l"))
        self.bodies.append(json.loads(await reader.readexactly(length)))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if answer is None:
            await self.over.wait()
        else:
            writer.write(answer)
            await writer.drain()
        writer.close()


def http(status: str, body: str = "ok", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + f"\r\n\r\n{body}").encode()


@asynccontextmanager
async def desk(*answers: bytes | None) -> AsyncIterator[tuple[Desk, str]]:
    """A desk and its address."""
    found = Desk(answers)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    try:
        yield found, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/services/{TOKEN}"
    finally:
        found.over.set()
        server.close()


def opened(folder: Path, clock: SteppedClock) -> Store:
    prepare(folder / "store.db")
    return Store.open(f"sqlite:///{folder / 'store.db'}", clock=clock)


async def posted(chat: Chat, url: str) -> Reply:
    async with ChatTarget(chat, Receiver("voice", url)).opened() as send:
        return await send(Queued())


async def test_slack_gets_blocks_and_teams_a_card() -> None:
    async with desk(http("200 OK"), http("202 Accepted", "")) as (found, url):
        assert (await posted(Chat.SLACK, url)).taken
        assert (await posted(Chat.TEAMS, url)).taken

    slack, teams = found.bodies
    assert slack["blocks"][0]["text"]["text"] == EXAMPLE.title
    assert teams["attachments"][0]["content"]["type"] == "AdaptiveCard"


@pytest.mark.parametrize(
    ("answer", "answered", "said"),
    [
        (http("429 Too Many Requests", "ratelimited", Retry_After="30"), False, "answered 429: ratelimited"),
        (http("500 Internal Server Error", "rollup_error"), False, "answered 500: rollup_error"),
        (http("404 Not Found", "no_service"), True, "answered 404: no_service"),
        (http("400 Bad Request", "invalid_blocks"), True, "answered 400: invalid_blocks"),
        (http("302 Found", "", Location="http://169.254.169.254/"), True, "redirects are not followed"),
        (b"", False, "cannot be reached"),
        (b"SSH-2.0-OpenSSH\r\n", False, "cannot be reached"),
    ],
)
async def test_what_a_chat_does_not_take_is_told_with_its_words(answer: bytes, answered: bool, said: str) -> None:
    async with desk(answer) as (_, url):
        reply = await posted(Chat.SLACK, url)

    assert (reply.taken, reply.answered) == (False, answered)
    assert said in reply.reason
    assert TOKEN not in reply.reason


async def test_a_connector_of_teams_that_answers_200_and_refuses_has_not_taken_it() -> None:
    body = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413"
    async with desk(http("200 OK", body)) as (_, url):
        reply = await posted(Chat.TEAMS, url)

    assert not reply.taken
    assert "HTTP error 413" in reply.reason


async def test_a_chat_that_hangs_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.notify.post.TIMEOUT_S", 0.1)
    async with desk(None) as (_, url):
        reply = await posted(Chat.SLACK, url)

    assert reply.reason == "127.0.0.1 did not answer within 0.1 s"


async def test_a_dead_chat_delays_no_other_and_a_limit_is_kept_to(tmp_path: Path) -> None:
    """One chat is over its limit, one is away, one works: each message of the last one arrives in the same round."""
    SECRETS.register(TOKEN)
    clock = SteppedClock()
    busy = http("429 Too Many Requests", "ratelimited", Retry_After="90")
    async with (
        desk(busy, http("200 OK")) as (limited, first),
        desk(b"") as (away, second),
        desk(http("200 OK")) as (
            works,
            third,
        ),
    ):
        urls = {"limited": first, "away": second, "works": third}
        targets = {name: ChatTarget(Chat.SLACK, Receiver(name, url)) for name, url in urls.items()}
        with (
            Store.open(f"sqlite:///{tmp_path / 'store.db'}", clock=clock) as store,
            structlog.testing.capture_logs() as log,
        ):
            for name in urls:
                for _ in range(3):
                    store.outbox.add(name, NOTIFICATION, event(NOTIFICATION, plain(EXAMPLE)))
            dispatcher = Dispatcher(store.outbox, targets, clock=clock)
            await dispatcher.send_due()
            assert [len(each.bodies) for each in (limited, away, works)] == [1, 1, 3]
            clock.advance(60)
            await dispatcher.send_due()
            assert len(limited.bodies) == 1, "the chat asked for 90 s"
            clock.advance(40)
            await dispatcher.send_due()
            assert len(limited.bodies) == 4
    assert TOKEN not in str(log)


async def test_a_message_that_nobody_took_for_four_days_is_dropped_and_a_migration_is_not(tmp_path: Path) -> None:
    clock = SteppedClock()
    async with desk(http("404 Not Found", "no_service")) as (_, url):
        targets = {"voice": ChatTarget(Chat.SLACK, Receiver("voice", url))}
        with opened(tmp_path, clock) as store:
            store.outbox.add("voice", NOTIFICATION, event(NOTIFICATION, plain(EXAMPLE)))
            store.outbox.add("change-management", "flow_version_migration", {})
            dispatcher = Dispatcher(store.outbox, targets, clock=clock)
            await dispatcher.send_due()
            clock.advance(timedelta(days=4).total_seconds())
            assert store.outbox.pending() == 2
            clock.advance(3601)
            await dispatcher.send_due()
            assert store.outbox.pending() == 1


async def test_a_message_of_a_newer_version_is_dropped_and_told(tmp_path: Path) -> None:
    clock = SteppedClock()
    async with desk(http("200 OK")) as (found, url):
        targets = {"voice": ChatTarget(Chat.SLACK, Receiver("voice", url))}
        with opened(tmp_path, clock) as store:
            store.outbox.add("voice", NOTIFICATION, {"event_type": NOTIFICATION, "data": {"event": "celebrated"}})
            with structlog.testing.capture_logs() as log:
                await Dispatcher(store.outbox, targets, clock=clock).send_due()
            assert store.outbox.pending() == 0
    assert found.bodies == []
    assert [each["event"] for each in log] == ["notification.given-up"]
