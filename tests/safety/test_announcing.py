"""Change management hears of every migration: signed, kept until it is heard, and never in a delivery's way."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from controller.domain.errors.process import SettingsInvalid
from controller.notify.webhook import SIGNATURE_HEADER, TIMESTAMP_HEADER
from controller.reconcile.announcing import receiver_of
from controller.reconcile.delivering import open_delivery
from controller.reconcile.services import Services
from controller.reconcile.settings import Settings
from controller.reconcile.workspace import open_folder
from tests.safety.test_workers import running
from tests.support.audit import audit_entries
from tests.support.signatures import verify
from tests.support.sources import inbound, module
from tests.support.world import World

KEY = "a-secret-for-change-management"


class Receiver:
    """A server that keeps what it is sent, and answers as it is told."""

    def __init__(self) -> None:
        self.status = 200
        self.heard: list[dict] = []
        self.genuine: list[bool] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stamp = self.headers[TIMESTAMP_HEADER]
                pair = (self.headers[SIGNATURE_HEADER], stamp)
                outer.genuine.append(verify(KEY, pair, body, now=float(stamp)))
                if outer.status == 200:
                    outer.heard.append(json.loads(body))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook/token-in-the-path"

    def flows(self) -> list[tuple[str, str, str]]:
        return [(each["data"]["flow"], each["data"]["version"], each["data"]["action"]) for each in self.heard]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def told(world: World, receiver: Receiver, tmp_path: Path) -> World:
    """The operator named the receiver and a file with the secret."""
    (tmp_path / "key").write_text(f"{KEY}\n")
    settings = {"webhook_url": receiver.url, "webhook_secret_file": tmp_path / "key"}
    world.settings = world.settings.model_copy(update=settings)
    world.services.settings = world.services.settings.model_copy(update=settings)
    world.flow("front", inbound("Front", calls=["Hours"]))
    world.flow("hours", module("Hours"))
    world.commit()
    return world


async def test_the_end_of_apply_sends_what_was_migrated(told: World, receiver: Receiver) -> None:
    assert (await told.apply()).delivered
    await told.services.disconnect()

    assert receiver.flows() == [("commonmodule/Hours", "1.0", "migrate"), ("inboundcall/Front", "1.0", "migrate")]
    assert {each["event_type"] for each in receiver.heard} == {"flow_version_migration"}
    assert receiver.genuine == [True, True]
    assert told.services.store.outbox.pending() == 0


async def test_a_dead_receiver_fails_nothing_and_hears_it_later(told: World, receiver: Receiver) -> None:
    receiver.status = 503
    assert (await told.apply()).delivered
    await told.restart()
    assert told.services.store.outbox.pending() == 2
    assert any(warning.startswith("2 messages wait") for warning in told.status(await told.plan()).warnings)
    receiver.status = 200
    told.clock.advance(3600)

    assert (await told.apply()).delivered
    acme = open_folder(told.clone, told.settings).organization("acme")
    told.services.delivery(told.services.platform(acme), acme, lambda _event: None, lambda: False)
    await told.services.disconnect()

    assert [flow for flow, _, _ in receiver.flows()] == ["commonmodule/Hours", "inboundcall/Front"]


async def test_the_service_sends_while_it_runs(told: World, receiver: Receiver) -> None:
    async with running(told.services) as service:
        service.feed.give(open_folder(told.clone, told.settings))
        await service.until(lambda: len(receiver.heard) == 2, "the receiver hears of both")


async def test_a_rollback_is_told_as_one(told: World, receiver: Receiver) -> None:
    assert (await told.apply()).delivered
    told.flow("hours", module("Hours", says="Second"))
    told.commit()
    told.fail_publishes_of("Front")
    await told.apply()
    await told.services.disconnect()

    assert receiver.flows()[2:] == [
        ("commonmodule/Hours", "2.0", "migrate"),
        ("inboundcall/Front", None, "migrate"),
        ("commonmodule/Hours", "1.0", "rollback"),
    ]
    assert [each["data"]["success"] for each in receiver.heard] == [True, True, True, False, True]
    assert receiver.heard[3]["data"]["error"]


async def test_what_the_receiver_has_is_synced_in_the_audit_log(told: World, receiver: Receiver) -> None:
    assert (await told.apply()).delivered
    await told.services.disconnect()

    entries = list(audit_entries(told.services.store, "acme"))
    assert [entry.webhook_synced for entry in entries if entry.action == "migrate"] == [True, True]
    assert sorted(str(entry.flow) for entry in entries if entry.action == "webhook") == [
        "commonmodule/Hours",
        "inboundcall/Front",
    ]


def test_without_a_secret_messages_are_sent_unsigned_with_a_warning(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PENSTOCK_WEBHOOK_SECRET", raising=False)
    settings = world.settings.model_copy(update={"webhook_url": "https://hooks.example.com/x"})
    with structlog.testing.capture_logs() as events:
        found = receiver_of(settings)
    assert found is not None
    assert found.secret is None
    assert [(event["event"], event["log_level"]) for event in events] == [("webhook.unsigned", "warning")]


@pytest.mark.parametrize(
    ("url", "secret", "says"),
    [
        ("ftp://hooks.example.com", KEY, "not an http or https URL"),
        ("https://user:pass@hooks.example.com/x", KEY, "holds a login"),
        ("https://hooks.example.com/x", "short", "shorter than 16"),
        ("https://hooks.example.com/x", None, "cannot read"),
    ],
)
async def test_a_receiver_that_will_not_do_is_refused_before_anything_is_delivered(
    told: World, tmp_path: Path, url: str, secret: str | None, says: str
) -> None:
    file = tmp_path / "other"
    if secret is not None:
        file.write_text(secret)
    broken: Settings = told.services.settings.model_copy(update={"webhook_url": url, "webhook_secret_file": file})
    told.services = Services(
        broken, told.services.store, told.clock, told.services.connect, open_delivery=open_delivery
    )

    report = await told.apply()

    assert isinstance(report.error, SettingsInvalid)
    assert says in report.error.message
    assert told.publishes() == []


async def test_old_entries_are_dropped_while_the_service_runs(told: World) -> None:
    assert (await told.apply()).delivered
    kept = len(list(audit_entries(told.services.store)))
    assert kept > 0
    told.clock.advance(91 * 86_400)
    async with running(told.services) as service:
        await service.until(lambda: _actions(told) == ["purge"], "the log is purged")


def _actions(world: World) -> list[str]:
    return [entry.action for entry in audit_entries(world.services.store)]
