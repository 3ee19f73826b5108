"""Git servers on loopback: git's own http-backend behind a login, and a private sshd."""

from __future__ import annotations

import base64
import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.shell import free_port

GIT = shutil.which("git") or "git"
BACKEND = Path(subprocess.run([GIT, "--exec-path"], check=True, capture_output=True, text=True).stdout.strip())


@dataclass
class HttpRemote:
    """A running server: its URL, and the logins that reached it."""

    url: str
    logins: list[str] = field(default_factory=list)
    broken: bool = False


@contextlib.contextmanager
def http_remote(root: Path, *, login: tuple[str, str] | None = None) -> Iterator[HttpRemote]:
    """Serve the bare repositories below `root` over HTTP; with `login`, only to who knows it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    remote = HttpRemote(f"http://127.0.0.1:{server.server_port}")
    server.root, server.login, server.remote = root, login, remote  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield remote
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        """Tests read no access log."""

    def _serve(self) -> None:
        server = self.server
        given = self.headers.get("Authorization", "")
        login = server.login  # type: ignore[attr-defined]
        if given:
            server.remote.logins.append(base64.b64decode(given.partition(" ")[2]).decode())  # type: ignore[attr-defined]
        if server.remote.broken:  # type: ignore[attr-defined]
            self.send_error(503)
        elif login and given != "Basic " + base64.b64encode(":".join(login).encode()).decode():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._run_backend(server.root)  # type: ignore[attr-defined]

    def _run_backend(self, root: Path) -> None:
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": "someone",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        answer = subprocess.run(
            [BACKEND / "git-http-backend"], input=body, env=environment, capture_output=True, check=True
        )
        head, _, content = answer.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@dataclass
class SshRemote:
    """A running sshd: how to reach it."""

    url: str
    """`ssh://user@127.0.0.1:port`; the path of a repository follows."""
    key: Path
    known_hosts: Path


def sshd_program() -> str | None:
    return shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def ssh_remote(folder: Path) -> Iterator[SshRemote]:
    """Run a private sshd with keys of its own."""
    folder.mkdir(mode=0o700)
    keygen = shutil.which("ssh-keygen") or "ssh-keygen"
    for name in ("host", "client"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copy(folder / "client.pub", folder / "authorized_keys")
    port = free_port()
    configuration = folder / "sshd_config"
    configuration.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\nPidFile none\n"
        f"AuthorizedKeysFile {folder / 'authorized_keys'}\nStrictModes no\nUsePAM no\n"
        # The exchange of keys that is the default takes ten times as long; so does what a shell reads at home.
        f"KexAlgorithms curve25519-sha256\nSetEnv HOME={folder}\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    known_hosts = folder / "known_hosts"
    known_hosts.write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    program = sshd_program()
    assert program is not None
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "-D", "-e", "-f", configuration], stdout=log, stderr=log)
        try:
            _wait_for(port, process, folder / "log")
            yield SshRemote(f"ssh://{getpass.getuser()}@127.0.0.1:{port}", folder / "client", known_hosts)
        finally:
            process.terminate()
            process.wait(60)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the port answers; a server that ended or takes over a minute is a failure."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            if connection.recv(4) == b"SSH-":
                return
    raise AssertionError(f"sshd does not answer: {log.read_text()}")
