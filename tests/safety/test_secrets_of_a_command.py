"""Whole commands with secrets planted everywhere, and servers that repeat them: nothing that leaves has one in it."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, quote_plus

import httpx
import pytest

from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.support.commands import Command
from tests.support.patience import PATIENCE_S
from tests.support.service import eventually
from tests.support.shell import Shell, free_port
from tests.support.sources import inbound

VALUE = "marker/value+of a substitution"
TOKEN = "marker-git-token-0123456789"
WEBHOOK = "marker-webhook-secret-0123456789"
CLIENT = "penstock"
SECRET = "penstock-secret"
STORE = "marker-store-password"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def forms(secret: str) -> set[str]:
    """The ways in which a text can be written that a reader can turn back."""
    return {
        secret,
        json.dumps(secret)[1:-1],
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        *(encoded(each).rstrip("=") for each in (secret, f"{CLIENT}:{secret}", f"x-access-token:{secret}")),
    }


def leaks(text: str, *secrets: str) -> list[str]:
    """Where a secret stands in the text, with what is around it."""
    found = [(form, text.find(form)) for secret in secrets for form in sorted(forms(secret))]
    return [f"…{text[max(at - 80, 0) :][:200]}… ({form})" for form, at in found if at >= 0]


Answer = Callable[[http.server.BaseHTTPRequestHandler], tuple[int, dict[str, str], str]]


@contextmanager
def server(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """A server that answers so; gives its URL, and all that it is sent."""
    heard: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            heard.append(f"{self.requestline}\n{self.headers}\n{body}")
            status, headers, text = answer(self)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET  # noqa: N815 - the library names it

        def log_message(self, *_: object) -> None:
            pass

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_address[1]}", heard
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


@pytest.fixture
def simulator() -> Simulator:
    return Simulator(settings=SimulatorSettings(time_scale=50, rate_limit_per_minute=3000))


@pytest.fixture
def shell(tmp_path: Path, simulator: Simulator) -> Iterator[Shell]:
    with running(simulator) as url:
        made = Shell(tmp_path, url)
        made.environment |= {"PENSTOCK_VALUE_TOP": VALUE, "PENSTOCK_LOG_LEVEL": "debug"}
        yield made


def fault(shell: Shell, **fields: object) -> None:
    httpx.post(f"{shell.url}/_simulator/faults", json={"name": "x", **fields}, timeout=30).raise_for_status()


def test_what_an_organisation_says_about_a_flow_is_masked_in_a_plan(shell: Shell) -> None:
    assert shell.run("apply").returncode == 0
    Path(shell.environment["PENSTOCK_STORE"].removeprefix("sqlite:///")).unlink()
    empty = shell.git("hash-object", "-t", "tree", "-w", "/dev/null")
    lost = shell.git("commit-tree", empty.strip(), "-m", "Lose the record")
    shell.git("update-ref", "refs/heads/penstock/records", lost.strip())
    words = " ".join(["bad value", *sorted(forms(VALUE)), "in a task"])
    fault(shell, kind="job-fails", message=words)

    for form in ("text", "markdown", "html", "json"):
        done = shell.run("plan", "--format", form, "--out", "../kept.json")
        assert "bad value" in done.stdout, "the plan says why the flow could not be compared"
        assert leaks(done.stdout + done.stderr, VALUE, SECRET) == []
    assert leaks((shell.folder.parent / "kept.json").read_text(), VALUE, SECRET) == []


def test_a_login_that_repeats_the_authorization_shows_neither_it_nor_the_secret(shell: Shell) -> None:
    def repeat(request: http.server.BaseHTTPRequestHandler) -> tuple[int, dict[str, str], str]:
        value = (request.headers["Authorization"] or "").removeprefix("Basic ")
        return 401, {"Content-Type": "application/json"}, json.dumps({"message": f"bad {value} or {SECRET}"})

    with server(repeat) as (url, heard):
        manifest = (shell.folder / "organization.yaml").read_text().replace(shell.url, url)
        (shell.folder / "organization.yaml").write_text(manifest)
        results = [
            shell.run("plan"),
            shell.run("plan", "--format", "json"),
            shell.run("status"),
            shell.run("apply", "--allow-dirty"),
        ]

    assert encoded(f"{CLIENT}:{SECRET}") in heard[0]
    for done in results:
        assert "bad ***" in done.stdout + done.stderr
        assert leaks(done.stdout + done.stderr, SECRET) == []


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://127.0.0.1:1/penstock?user=u&password={STORE}",
        f"postgresql://127.0.0.1:1/penstock?user=u&sslpassword={STORE}",
        f"postgresql://u:{STORE}@127.0.0.1:1/penstock",
        f"postgresql://u:{STORE}%40%2F@127.0.0.1:1/penstock",
    ],
)
def test_a_store_is_named_by_driver_host_and_database(shell: Shell, url: str) -> None:
    shell.environment["PENSTOCK_STORE"] = url
    done = shell.run("plan")
    assert done.returncode == 1
    assert "the store postgresql+psycopg://127.0.0.1:1/penstock failed" in done.stderr
    assert leaks(done.stdout + done.stderr, STORE) == []


def test_a_git_token_is_in_no_message_and_in_no_argument(shell: Shell, tmp_path: Path) -> None:
    """The remote refuses it and repeats it, plain and as it was sent."""

    def refuse(request: http.server.BaseHTTPRequestHandler) -> tuple[int, dict[str, str], str]:
        sent = request.headers["Authorization"]
        if sent is None:
            return 401, {"WWW-Authenticate": 'Basic realm="git"'}, ""
        return 403, {"Content-Type": "text/plain"}, f"no {sent} and no {TOKEN}\n"

    log = tmp_path / "git.log"
    port = free_port()
    with server(refuse) as (url, heard):
        shell.environment |= {
            "PENSTOCK_GIT_TOKEN": TOKEN,
            "PENSTOCK_REPOSITORY_URL": f"{url}/flows.git",
            "PENSTOCK_WORK_DIR": str(tmp_path / "work"),
            "PENSTOCK_HTTP_ADDRESS": f"127.0.0.1:{port}",
            "GIT_TRACE2_EVENT": str(log),
            "GIT_TRACE2_REDACT": "0",
        }
        shown = shown_by_the_service(shell, port, until=lambda status: status["fault"] is not None)

    assert any(encoded(f"x-access-token:{TOKEN}") in each for each in heard), "the token was sent"
    assert "ls-remote" in log.read_text()
    assert "no Basic ***" in shown, "what the remote said is told"
    assert leaks(log.read_text() + shown, TOKEN) == []


def kept(folder: Path) -> str:
    """All bytes of files below the folder, and all objects of its git repository."""
    files = b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    batch = ["git", "cat-file", "--batch", "--batch-all-objects"]
    objects = subprocess.run(batch, cwd=folder / "repository", check=True, capture_output=True).stdout
    return (files + objects).decode("utf-8", "replace")


def test_a_failed_delivery_keeps_and_sends_no_secret(shell: Shell, tmp_path: Path) -> None:
    """A gate's answer repeats the value and the secret, the webhook's receiver fails, and the service shows both."""

    def answer(request: http.server.BaseHTTPRequestHandler) -> tuple[int, dict[str, str], str]:
        if request.command == "POST":
            return 503, {}, f"no {WEBHOOK}"
        return 200, {"Content-Type": "application/json"}, json.dumps({"says": f"{VALUE} {encoded(SECRET)}"})

    with server(answer) as (url, heard):
        port = free_port()
        shell.environment |= {
            "PENSTOCK_GATE_HOSTS": "127.0.0.1",
            "PENSTOCK_WEBHOOK_URL": f"{url}/hook",
            "PENSTOCK_WEBHOOK_SECRET": WEBHOOK,
            "PENSTOCK_AUDIT_DIR": str(tmp_path / "audit"),
            "PENSTOCK_HTTP_ADDRESS": f"127.0.0.1:{port}",
        }
        gate = {"http": {"url": f"{url}/probe?token={TOKEN}", "status": 200, "jsonPath": "$.says", "equals": "well"}}
        source = {"file": "front.flow.yaml", "substitutions": {"top": {"env": "PENSTOCK_VALUE_TOP"}}}
        shell.flow("front", inbound("Front", says="{{top}}", calls=["Hours"]), source=source, gates=[gate])
        shell.commit()
        results = [
            shell.run("apply"),
            shell.run("status"),
            shell.run("plan", "--diff"),
            shell.run("plan", "--format", "json"),
        ]
        served = shown_by_the_service(
            shell, port, str(shell.folder), until=lambda status: bool(status["organizations"])
        )

    texts = [each.stdout + each.stderr for each in results]
    assert "rolled" in texts[0] or "failed" in texts[0]
    assert [each for each in heard if each.startswith("POST")], "the receiver was told"
    for text in (*texts, served):
        assert leaks(text, VALUE, SECRET, WEBHOOK, TOKEN) == []
    assert leaks(kept(tmp_path), VALUE, SECRET, WEBHOOK) == [], "the gate's own token is in its manifest"
    for each in heard:
        assert leaks(each.replace(TOKEN, ""), VALUE, SECRET, WEBHOOK) == []


def shown_by_the_service(shell: Shell, port: int, *arguments: str, until: Callable[[dict], bool]) -> str:
    """What `/status` and `/metrics` say then, and the log."""
    log = shell.folder.parent / "run.log"
    with log.open("w") as output:
        process = Command("run", *arguments, strict=False, env=shell.environment, stdout=output, stderr=output)

    def reached() -> bool:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(httpx.TransportError):
            return until(httpx.get(f"http://127.0.0.1:{port}/status", timeout=30).json())
        return False

    try:
        eventually(reached, log.read_text())
        found = [httpx.get(f"http://127.0.0.1:{port}{path}", timeout=30).text for path in ("/status", "/metrics")]
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_S)
    return "\n".join([*found, log.read_text()])


def test_a_plan_that_cannot_be_written_leaves_nothing_behind(shell: Shell) -> None:
    (shell.folder.parent / "folder.json").mkdir()
    done = shell.run("plan", "--out", "../folder.json")
    assert done.returncode == 1
    assert "folder.json" in done.stderr
    assert list(shell.folder.parent.glob("*.part")) == []
