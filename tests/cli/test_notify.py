"""`penstock notify` tries a receiver, and says what came of it; the page about messages is tried with it."""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.cli import exit_codes
from controller.cli.main import main
from controller.reconcile.configuration.document import read_configuration
from tests.docs.test_documented_commands import commands_of

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "send-messages.md"
TOKEN = "T000B000abcdefghijklmnopq"


class Chat:
    """Something that takes posts, and answers as the test says."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], Any]] = []
        self.status = 200
        chat = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                chat.got.append((dict(self.headers), json.loads(body)))
                self.send_response(chat.status)
                self.send_header("Content-Length", "10")
                self.end_headers()
                self.wfile.write(b"no_service")

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/services/{TOKEN}"


@pytest.fixture
def chat() -> Iterator[Chat]:
    made = Chat()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def configured(chat: Chat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration of the page, with its secrets in this folder."""
    (block,) = re.findall(r"^```yaml\n(apiVersion.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "secrets").mkdir()
    for name, value in {
        "voice-slack": chat.url,
        "voice-teams": chat.url,
        "audit-url": chat.url,
        "audit-key": "0123456789abcdef-signing",
        "smtp": "password-of-the-mail-server",
    }.items():
        (tmp_path / "secrets" / name).write_text(f"{value}\n")
    file = tmp_path / "configuration.yaml"
    file.write_text(block.replace("/run/secrets", str(tmp_path / "secrets")))
    monkeypatch.setenv("PENSTOCK_CONFIG", str(file))
    return file


def penstock(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)


def test_the_command_of_the_page_reaches_the_receiver(configured: Path, chat: Chat, capsys: Any) -> None:
    (command,) = commands_of(PAGE)
    assert command == "PENSTOCK_CONFIG=/etc/penstock/configuration.yaml penstock notify voice-slack"

    assert penstock("notify", "voice-slack") == exit_codes.DONE

    assert capsys.readouterr().out == "voice-slack took the message\n"
    ((_, body),) = chat.got
    assert body["blocks"][0]["text"]["text"] == "Penstock reaches the receiver voice-slack"


def test_a_signed_webhook_is_tried_as_it_is_used(configured: Path, chat: Chat) -> None:
    assert penstock("notify", "audit") == exit_codes.DONE

    ((headers, body),) = chat.got
    assert headers["X-Penstock-Signature-256"].startswith("sha256=")
    assert body["event_type"] == "notification"
    assert body["data"]["schema"] == "penstock.notification/v1"


def test_what_the_receiver_answers_is_said_and_not_where_it_is(configured: Path, chat: Chat, capsys: Any) -> None:
    chat.status = 404

    assert penstock("notify", "voice-teams") == exit_codes.ERROR

    said = capsys.readouterr().err
    assert "voice-teams did not take the message: 127.0.0.1 answered 404: no_service" in said
    assert TOKEN not in said


def test_a_receiver_that_is_not_there_is_named_with_a_close_one(configured: Path, capsys: Any) -> None:
    assert penstock("notify", "voice-slak") == exit_codes.ERROR

    assert "voice-slack" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("receiver: mail", "receiver: mial", 'no receiver is named "mial"'),
        ("name: audit", "name: mail", "the name mail is given in line"),
        ("severity: error", "severity: eror", 'must be info, warning or error, and not "eror"'),
        ("to: [voice-team@example.com", 'to: ["x@y\\r\\nBcc: z@y"', "must be the address of a mailbox"),
        ("server: smtp.example.com", "server: smtp.example.com\n      security: none", "send the password unencrypted"),
        ("username: penstock", "user: penstock", 'unknown key "user"'),
        ("    slack:", "    teams: {url: {env: X}}\n    slack:", "must hold only one of"),
        ("labels: {team: voice}", "labels: [voice]", "must be a mapping"),
    ],
)
def test_mistakes_are_told_with_their_line(configured: Path, capsys: Any, was: str, becomes: str, says: str) -> None:
    text = configured.read_text()
    assert was in text
    configured.write_text(text.replace(was, becomes, 1))

    assert penstock("notify", "voice-slack") == exit_codes.ERROR

    said = capsys.readouterr().err
    assert re.search(r"configuration\.yaml:\d+:\d+", said)
    assert says in said


def test_the_page_shows_what_the_configuration_takes(configured: Path) -> None:
    found = read_configuration(configured)

    assert found.receiver_names == {"voice-slack", "voice-teams", "mail", "audit"}
    assert [rule.value().receiver for rule in found.notifications] == ["voice-slack", "voice-teams", "mail", "audit"]
    assert yaml.safe_load(configured.read_text())["kind"] == "Configuration"
