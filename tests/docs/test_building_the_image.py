"""Docker's command takes the documented commands; a server stands for its daemon, which does no work."""

from __future__ import annotations

import io
import json
import os
import shlex
import shutil
import socketserver
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.docs.test_documented_commands import commands_of
from tests.support.images import REFERENCE

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "build-the-image.md"
IMAGE = "registry.example.com/penstock:0.2.0"


class Daemon(socketserver.ThreadingUnixStreamServer):
    """Answers what Docker's command asks, and keeps each request."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), _Answers)
        self.pulled: list[str] = []
        self.pushed: list[str] = []
        self.built: dict[str, list[str]] = {}
        """The parameters of the build."""
        self.context: set[str] = set()
        """The files that the build was sent."""


class _Answers(BaseHTTPRequestHandler):
    server: Daemon
    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        return "docker"

    def log_message(self, *arguments: object) -> None:
        """Nothing."""

    def do_HEAD(self) -> None:
        self._answer({}, body=False)

    def do_GET(self) -> None:
        _, _, name = unquote(urlsplit(self.path).path).partition("/images/")
        name = name.removesuffix("/json")
        digest = REFERENCE.rpartition("@")[2]
        self._answer({"Id": "sha256:1", "RepoDigests": [f"{name.rpartition(':')[0]}@{digest}"]} if name else {})

    def do_POST(self) -> None:
        body = self._body()
        asked = urlsplit(self.path)
        _, _, what = asked.path.partition("/v1.")
        _, _, what = what.partition("/")
        parameters = parse_qs(asked.query)
        if what == "images/create":
            self.server.pulled.append(f"{parameters['fromImage'][0]}:{parameters['tag'][0]}")
        elif what == "build":
            self.server.built = parameters
            with tarfile.open(fileobj=io.BytesIO(body)) as context:
                self.server.context = set(context.getnames())
        else:
            self.server.pushed.append(f"{what.removeprefix('images/').removesuffix('/push')}:{parameters['tag'][0]}")
        self._answer({"stream": "done\n"})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, document: object, *, body: bool = True) -> None:
        content = json.dumps(document).encode() if body else b""
        self.send_response(200)
        self.send_header("Api-Version", "1.44")
        self.send_header("Ostype", "linux")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def daemon(folder: Path) -> Iterator[Daemon]:
    with Daemon(folder / "docker.sock") as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_make_writes_the_requirements() -> None:
    [command] = [command for command in commands_of(PAGE) if command.startswith("make ")]
    done = subprocess.run([*shlex.split(command), "--dry-run"], cwd=ROOT, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert "--output-file deploy/requirements.txt" in done.stdout


@pytest.mark.skipif(shutil.which("docker") is None, reason="Docker's command is not installed")
def test_docker_takes_the_documented_commands(tmp_path: Path) -> None:
    commands = [command for command in commands_of(PAGE) if not command.startswith("make ")]
    environment = {
        **os.environ,
        "DOCKER_HOST": f"unix://{tmp_path / 'docker.sock'}",
        "DOCKER_CONFIG": str(tmp_path),
        # Its other builder is a program of its own, which asks the daemon for more.
        "DOCKER_BUILDKIT": "0",
    }

    # Docker's older builder reads no file of its own for what to leave out.
    shutil.copytree(ROOT / "deploy", tmp_path / "checkout" / "deploy")
    with daemon(tmp_path) as server:
        script = "\n".join(["set -e", *commands])
        done = subprocess.run(
            ["sh", "-c", script],
            cwd=tmp_path / "checkout",
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )

    assert done.returncode == 0, done.stdout + done.stderr
    assert server.pulled == ["docker.io/library/python:3.11-slim"]
    assert json.loads(server.built["buildargs"][0]) == {"BASE": REFERENCE}
    assert server.built["dockerfile"] == ["deploy/Containerfile"]
    assert "deploy/requirements.txt" in server.context
    assert server.built["t"] == server.pushed == [IMAGE]
    assert done.stdout.splitlines()[-1] == f"{IMAGE.rpartition(':')[0]}@{REFERENCE.rpartition('@')[2]}"
