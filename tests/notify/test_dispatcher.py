"""A message is kept until its receiver has it; a dead receiver holds up nobody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from controller.domain.clock import Clock
from controller.domain.errors.process import StoreFailed
from controller.notify.dispatcher import Dispatcher
from controller.notify.outbox import event
from controller.notify.receiver import Receiver
from controller.notify.target import retry_after_s
from controller.notify.webhook import SIGNATURE_HEADER, TIMESTAMP_HEADER, WebhookTarget
from controller.store.store import Store
from tests.support.clock import SteppedClock
from tests.support.patience import PATIENCE_S
from tests.support.signatures import verify
from tests.support.stores import prepare

SECRET = "a-secret-of-the-receiver"
CHANGE = Receiver("change-management", "https://change.example.com/hook/s3cr3t-path", SECRET)
OBSERVER = Receiver("observability", "https://observe.example.com/", SECRET)
Script = Callable[[httpx.Request], httpx.Response]


class World(httpx.AsyncBaseTransport):
    """The receivers as HTTP sees them: what each host got, and how it answers."""

    def __init__(self) -> None:
        self.awaited: int | None = None
        self.all_in = asyncio.Event()
        self.got: list[httpx.Request] = []
        self.answers: dict[str, Script] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.got.append(request)
        if len(self.got) == self.awaited:
            self.all_in.set()
        await request.aread()
        script = self.answers.get(request.url.host, lambda _: httpx.Response(204))
        return script(request)

    def ids(self, host: str = "change.example.com") -> list[str]:
        return [request.headers["X-Penstock-Delivery"] for request in self.got if request.url.host == host]


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def store(tmp_path: Path, clock: SteppedClock) -> Iterator[Store]:
    prepare(tmp_path / "store.db")
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}", clock=clock) as store:
        yield store


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def dispatcher(store: Store, clock: SteppedClock, world: World) -> Dispatcher:
    return dispatcher_of(store, clock, world, CHANGE, OBSERVER)


def dispatcher_of(store: Store, clock: Clock, http: httpx.AsyncBaseTransport, *receivers: Receiver) -> Dispatcher:
    targets = {receiver.name: WebhookTarget(receiver, clock, http) for receiver in receivers}
    return Dispatcher(store.outbox, targets, clock=clock)


def migration(version: str = "2.0") -> dict[str, object]:
    return event("flow_version_migration", {"flow": "main-ivr", "version": version, "name": "Grüße \ud83d"})


def status(code: int, **headers: str) -> Script:
    return lambda _: httpx.Response(code, headers={name.replace("_", "-"): value for name, value in headers.items()})


def unreachable(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused https://change.example.com/hook/s3cr3t-path")


async def test_a_message_arrives_signed_and_is_not_sent_again(
    store: Store, dispatcher: Dispatcher, world: World, clock: SteppedClock
) -> None:
    number = store.outbox.add("change-management", "flow_version_migration", migration())
    assert await dispatcher.send_due() == 1
    clock.advance(100_000)
    assert await dispatcher.send_due() == 0
    [request] = world.got
    assert json.loads(request.content) == migration()
    headers = (request.headers[SIGNATURE_HEADER], request.headers[TIMESTAMP_HEADER])
    assert verify(SECRET, headers, request.content, now=clock.start.timestamp())
    assert request.headers["X-Penstock-Event"] == "flow_version_migration"
    assert request.headers["X-Source"] == "penstock"
    assert request.headers["X-Penstock-Delivery"] == str(number)
    assert str(request.url) == CHANGE.url
    assert store.outbox.pending() == 0


async def test_without_a_secret_a_message_arrives_unsigned(store: Store, world: World, clock: SteppedClock) -> None:
    receiver = Receiver("change-management", "https://change.example.com/hook")
    dispatcher = dispatcher_of(store, clock, world, receiver)
    store.outbox.add("change-management", "flow_version_migration", migration())
    assert await dispatcher.send_due() == 1
    [request] = world.got
    assert SIGNATURE_HEADER not in request.headers
    assert request.headers["X-Source"] == "penstock"


@pytest.mark.parametrize("fault", [unreachable, status(500), status(429), status(404), status(400)])
async def test_what_is_not_taken_is_kept_and_sent_again_later(
    store: Store, dispatcher: Dispatcher, world: World, clock: SteppedClock, fault: Script
) -> None:
    store.outbox.add("change-management", "k", migration())
    world.answers["change.example.com"] = fault
    assert await dispatcher.send_due() == 1
    assert store.outbox.pending() == 1
    assert await dispatcher.send_due() == 0
    world.answers.clear()
    clock.advance(5)
    assert await dispatcher.send_due() == 1
    assert store.outbox.pending() == 0
    assert len(set(world.ids())) == 1
    first, second = (request.headers[TIMESTAMP_HEADER] for request in world.got)
    assert int(second) == int(first) + 5


@pytest.mark.proof
async def test_a_receiver_that_is_dead_for_a_day_gets_everything_in_order(
    store: Store, dispatcher: Dispatcher, world: World, clock: SteppedClock
) -> None:
    for number in range(3):
        store.outbox.add("change-management", "k", migration(f"{number}.0"))
    world.answers["change.example.com"] = unreachable
    tries = 0
    while clock.elapsed_s < 86_400:
        tries += bool(await dispatcher.send_due())
        clock.advance(300)
    assert 24 <= tries <= 80
    world.answers.clear()
    world.got.clear()
    clock.advance(3600)
    await dispatcher.send_due()
    assert [json.loads(request.content)["data"]["version"] for request in world.got] == ["0.0", "1.0", "2.0"]
    assert store.outbox.pending() == 0


async def test_a_dead_receiver_holds_up_no_other_and_is_tried_once_a_round(
    store: Store, dispatcher: Dispatcher, world: World
) -> None:
    for _ in range(5):
        store.outbox.add("change-management", "k", migration())
        store.outbox.add("observability", "k", migration())
    world.answers["change.example.com"] = unreachable
    await dispatcher.send_due()
    assert len(world.ids("change.example.com")) == 1
    assert len(world.ids("observe.example.com")) == 5
    assert store.outbox.pending() == 5


async def test_a_message_that_the_receiver_rejects_does_not_hold_up_those_behind_it(
    store: Store, dispatcher: Dispatcher, world: World
) -> None:
    rejected = store.outbox.add("change-management", "k", migration())
    store.outbox.add("change-management", "k", migration())
    world.answers["change.example.com"] = lambda request: httpx.Response(
        422 if request.headers["X-Penstock-Delivery"] == str(rejected) else 200
    )
    with structlog.testing.capture_logs() as events:
        await dispatcher.send_due()
    assert store.outbox.pending() == 1
    assert [(entry["event"], entry.get("waiting")) for entry in events] == [
        ("notification.failed", 1),
        ("notification.delivered", None),
    ]


async def test_redirects_are_not_followed(store: Store, dispatcher: Dispatcher, world: World) -> None:
    store.outbox.add("change-management", "k", migration())
    world.answers["change.example.com"] = status(307, Location="http://169.254.169.254/")
    with structlog.testing.capture_logs() as events:
        await dispatcher.send_due()
    assert [request.url.host for request in world.got] == ["change.example.com"]
    assert events[0]["reason"] == "change.example.com answered 307, and redirects are not followed"
    assert store.outbox.pending() == 1


async def test_a_receiver_can_ask_for_a_longer_pause(
    store: Store, dispatcher: Dispatcher, world: World, clock: SteppedClock
) -> None:
    store.outbox.add("change-management", "k", migration())
    world.answers["change.example.com"] = status(503, Retry_After="120")
    await dispatcher.send_due()
    assert store.outbox.next_at() == clock.start + timedelta(seconds=120)


async def test_a_receiver_that_never_answers_is_given_up_in_time(
    store: Store, dispatcher: Dispatcher, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError("unreachable")

    monkeypatch.setattr("controller.notify.post.TIMEOUT_S", 0.05)
    store.outbox.add("change-management", "k", migration())
    silent = dispatcher_of(store, SteppedClock(), Silent(), CHANGE)
    with structlog.testing.capture_logs() as events:
        await silent.send_due()
    assert events[0]["reason"] == "change.example.com did not answer within 0.05 s"


async def test_an_endless_answer_is_not_read(store: Store, dispatcher: Dispatcher, world: World) -> None:
    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            raise AssertionError("the body was read")
            yield b""

    store.outbox.add("change-management", "k", migration())
    world.answers["change.example.com"] = lambda _: httpx.Response(200, stream=Endless())
    await dispatcher.send_due()
    assert store.outbox.pending() == 0


async def test_a_message_for_a_receiver_that_is_gone_waits_for_it(
    store: Store, dispatcher: Dispatcher, world: World, clock: SteppedClock
) -> None:
    store.outbox.add("forgotten", "k", migration())
    with structlog.testing.capture_logs() as events:
        await dispatcher.send_due()
    assert events[0]["event"] == "notification.unaddressed"
    assert world.got == []
    assert store.outbox.next_at() == clock.start + timedelta(hours=1)


async def test_neither_url_nor_secret_reaches_a_log_or_the_store(
    store: Store, dispatcher: Dispatcher, world: World, tmp_path: Path
) -> None:
    store.outbox.add("change-management", "k", migration())
    world.answers["change.example.com"] = unreachable
    with structlog.testing.capture_logs() as events:
        await dispatcher.send_due()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in ("s3cr3t-path", SECRET):
        assert secret not in str(events)
        assert secret.encode() not in kept


async def test_running_sends_new_messages_within_the_poll_interval_until_cancelled(
    store: Store, world: World, clock: SteppedClock
) -> None:
    class Pacer:
        """The clock, with one message added during the third pause."""

        def __init__(self) -> None:
            self.pauses: list[float] = []
            self.fifth = asyncio.Event()
            self.now, self.monotonic = clock.now, clock.monotonic

        async def sleep(self, seconds: float) -> None:
            self.pauses.append(seconds)
            clock.advance(seconds)
            if len(self.pauses) == 3:
                store.outbox.add("observability", "k", migration())
            if len(self.pauses) == 5:
                self.fifth.set()
                await asyncio.Event().wait()
            await asyncio.sleep(0)

    pacer = Pacer()
    transactions: list[tuple[str, int]] = []
    store.database.observer = lambda kind, _, __: transactions.append((kind, len(pacer.pauses)))
    running = asyncio.create_task(dispatcher_of(store, pacer, world, OBSERVER).run())
    async with asyncio.timeout(PATIENCE_S):
        await pacer.fifth.wait()
    assert pacer.pauses == [5, 5, 5, 5, 5]
    assert {pauses for kind, pauses in transactions if kind == "write"} <= {2, 3}, "it writes only with a message"
    assert transactions.count(("read", 4)) == 1
    assert store.outbox.pending() == 0
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_full_batch_is_followed_by_the_next_without_a_pause(
    store: Store, world: World, clock: SteppedClock
) -> None:
    world.awaited = 50
    for _ in range(50):
        store.outbox.add("observability", "k", migration())
    dispatcher = dispatcher_of(store, clock, world, OBSERVER)
    running = asyncio.create_task(dispatcher.run())
    async with asyncio.timeout(PATIENCE_S):
        await world.all_in.wait()
    assert clock.elapsed_s == 0
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_store_that_fails_is_asked_again(store: Store, world: World, clock: SteppedClock) -> None:
    class Flaky:
        """The store's outbox, whose first claim fails."""

        def __init__(self) -> None:
            self.claims = 0
            self.delivered, self.failed, self.next_at = (
                store.outbox.delivered,
                store.outbox.failed,
                store.outbox.next_at,
            )
            self.give_up, self.release = store.outbox.give_up, store.outbox.release

        def claim(self, *, limit: int = 20, for_s: float = 60.0) -> Any:
            self.claims += 1
            if self.claims == 1:
                raise StoreFailed("the store does not answer")
            return store.outbox.claim(limit=limit, for_s=for_s)

    world.awaited = 1
    store.outbox.add("observability", "k", migration())
    targets = {OBSERVER.name: WebhookTarget(OBSERVER, clock, world)}
    running = asyncio.create_task(Dispatcher(Flaky(), targets, clock=clock).run())
    async with asyncio.timeout(PATIENCE_S):
        await world.all_in.wait()
    assert clock.elapsed_s == 5
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_pauses_grow_to_an_hour_and_never_to_nothing(clock: SteppedClock) -> None:
    for attempts in range(40):
        ceiling = min(3600, 5 * 2**attempts)
        assert ceiling / 2 <= retry_after_s(attempts, None, clock.now()) <= ceiling


@pytest.mark.parametrize(
    ("header", "least"),
    [
        ("120", 120),
        ("Mon, 05 Jan 2026 12:02:00 GMT", 120),
        ("Mon, 05 Jan 2026 11:00:00 GMT", 0),
        ("999999", 3600),
        ("soon", 0),
        ("", 0),
        ("-5", 0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(clock: SteppedClock, header: str, least: float) -> None:
    assert max(2.5, least) <= retry_after_s(0, header, clock.now()) <= max(5, least)


async def test_each_try_is_told_with_its_end(store: Store, world: World, clock: SteppedClock) -> None:
    tries: list[tuple[str, bool]] = []
    dispatcher = Dispatcher(
        store.outbox,
        {CHANGE.name: WebhookTarget(CHANGE, clock, world)},
        clock=clock,
        on_try=lambda receiver, taken: tries.append((receiver, taken)),
    )
    store.outbox.add("change-management", "flow_version_migration", migration())
    world.answers["change.example.com"] = unreachable
    await dispatcher.send_due()
    world.answers.clear()
    clock.advance(100_000)
    await dispatcher.send_due()

    assert tries == [("change-management", False), ("change-management", True)]
