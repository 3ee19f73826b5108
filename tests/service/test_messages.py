"""A whole controller tells Slack, Teams, a mailbox and a program what happens, each once, also when it is killed."""

from __future__ import annotations

import http.server
import json
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiosmtpd.controller import Controller as MailServer
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.notify.test_mail import context
from tests.support.certificates import own_certificate
from tests.support.service import Service, eventually
from tests.support.shell import free_port, simulator_thread
from tests.support.signatures import verify
from tests.support.sources import inbound, module
from tests.support.world import World

KEY = "0123456789abcdef-signing"


@dataclass
class Outside:
    """All that the controller speaks to besides the organisation: chats, a program, a mailbox, and a gate."""

    healthy: bool = True
    """What the gate answers."""
    posts: dict[str, list[Any]] = field(default_factory=lambda: {"/slack": [], "/teams": [], "/program": []})
    genuine: list[bool] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        outside = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(200 if outside.healthy else 500)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/program":
                    stamp = self.headers["X-Penstock-Timestamp"]
                    signature = (self.headers["X-Penstock-Signature-256"], stamp)
                    outside.genuine.append(verify(KEY, signature, body, now=float(stamp)))
                outside.posts[self.path].append(json.loads(body))
                self._answer(202)

            def _answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802, ARG002
        content = envelope.original_content or b""
        self.mails += [
            line.removeprefix("X-Penstock-Event: ")
            for line in content.decode().splitlines()
            if line.startswith("X-Penstock-Event: ")
        ]
        return "250 OK"

    def told(self) -> dict[str, list[str]]:
        """The titles that each chat has, and the events that program and mailbox have."""
        return {
            "slack": [post["blocks"][0]["text"]["text"] for post in self.posts["/slack"]],
            "teams": [post["attachments"][0]["content"]["body"][0]["text"] for post in self.posts["/teams"]],
            "program": [post["data"]["event"] for post in self.posts["/program"]],
            "mail": list(self.mails),
        }


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    made = Outside()
    threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    certificate = own_certificate(tmp_path)
    port = free_port()
    mail = MailServer(made, hostname="127.0.0.1", port=port, tls_context=context(certificate), require_starttls=True)
    mail.start()
    for name in ("slack", "teams", "program"):
        (tmp_path / name).write_text(f"{made.url}/{name}")
    (tmp_path / "signing").write_text(KEY)
    receivers: list[dict[str, Any]] = [
        {"name": "voice", "slack": {"url": {"file": str(tmp_path / "slack")}}},
        {"name": "office", "teams": {"url": {"file": str(tmp_path / "teams")}}},
        {
            "name": "program",
            "webhook": {"url": {"file": str(tmp_path / "program")}, "secret": {"file": str(tmp_path / "signing")}},
        },
        {
            "name": "mail",
            "email": {
                "server": "127.0.0.1",
                "port": port,
                "caFile": str(certificate),
                "from": "penstock@example.com",
                "to": ["ada@example.com"],
            },
        },
    ]
    rules = [{"receiver": each["name"]} for each in receivers if each["name"] != "office"]
    document = {"apiVersion": "penstock/v1", "kind": "Configuration", "receivers": receivers, "notifications": rules}
    (tmp_path / "configuration.yaml").write_text(yaml.safe_dump(document))
    yield made
    mail.stop()
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def service(world: World, outside: Outside, tmp_path: Path) -> Iterator[Service]:
    with simulator_thread(rate_limit=3000) as url:
        world.describe(apiUrl=url, loginUrl=url, notifications=[{"receiver": "office"}])
        world.flow("hours", module("Hours"))
        world.flow("desk", inbound("Desk"))
        world.commit()
        made = Service(world, url, tmp_path)
        made.environment |= {
            "PENSTOCK_POLL_INTERVAL": "1",
            "PENSTOCK_DRIFT_INTERVAL": "2",
            "PENSTOCK_CONFIG": str(tmp_path / "configuration.yaml"),
            "PENSTOCK_GATE_HOSTS": "127.0.0.1",
            "PENSTOCK_PUBLIC_URL": f"http://127.0.0.1:{made.port}",
        }
        yield made
        kill(made)


def kill(service: Service) -> None:
    if service.process is not None and service.process.poll() is None:
        service.process.send_signal(signal.SIGKILL)
        service.process.wait()


def taken(service: Service, outside: Outside, count: int) -> bool:
    """Whether each receiver has so many messages, and the controller knows it."""
    everywhere = all(len(each) >= count for each in outside.told().values())
    return everywhere and service.log.read_text().count("notification.delivered") >= 4 * count


def desk(service: Service, outside: Outside, says: str) -> None:
    service.world.flow("desk", inbound("Desk", says=says), gates=[{"http": {"url": f"{outside.url}/health"}}])
    service.world.commit()


def test_each_receiver_is_told_of_each_event_once_whatever_dies(service: Service, outside: Outside) -> None:
    service.start()
    service.until(lambda: service.organization().get("sync") == "Synced", "the first delivery")
    outside.healthy = False
    desk(service, outside, "Second")
    eventually(lambda: service.live()["Desk"] == "2.0", "the second version")
    kill(service)  # while the gate is asked, or before the rollback is told
    service.start()
    service.until(lambda: taken(service, outside, 1), "the rollback is told")
    kill(service)
    service.start()
    service.publish_by_hand("Hours", "Ada Lovelace")
    service.until(lambda: taken(service, outside, 2), "the drift is told")
    kill(service)
    service.start()
    outside.healthy = True
    desk(service, outside, "Third")
    service.until(lambda: taken(service, outside, 3), "the recovery is told")

    second = Service(service.world, service.url, service.log.parent)
    second.log = service.log.parent / "second.log"
    second.environment |= {
        name: service.environment[name] for name in ("PENSTOCK_CONFIG", "PENSTOCK_GATE_HOSTS", "PENSTOCK_STORE")
    } | {"PENSTOCK_WORK_DIR": str(service.log.parent / "second"), "PENSTOCK_HOLDER": "second"}
    kill(service)
    second.start()
    second.until(lambda: second.organization().get("message", "") != "", "a second controller looks")
    second.until(lambda: second.log.read_text().count("pass.done") >= 3, "and looks again")
    kill(second)

    assert outside.told() == {
        "slack": ["acme: desk was rolled back", "acme: hours was changed out of band", "acme: desk recovered"],
        "teams": ["acme: desk was rolled back", "acme: hours was changed out of band", "acme: desk recovered"],
        "program": ["rolled-back", "drift-began", "recovered"],
        "mail": ["rolled-back", "drift-began", "recovered"],
    }
    assert all(outside.genuine)
    rolled_back = outside.posts["/program"][0]["data"]
    assert rolled_back["url"] == f"http://127.0.0.1:{service.port}/syncs/2"
    assert rolled_back["flows"][0]["outcome"] == "gate-failed"
    log = service.log.read_text() + second.log.read_text()
    assert f"{outside.url}/slack" not in log
    assert os.environ.get("PENSTOCK_CONFIG") is None
