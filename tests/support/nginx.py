"""A real nginx that serves git repositories over HTTPS with a login, through git's own http-backend (fcgiwrap)."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.certificates import own_certificate
from tests.support.patience import PATIENCE_S
from tests.support.shell import free_port

PROGRAMS = ("nginx", "fcgiwrap")
_ELSEWHERE = "/usr/sbin:/usr/local/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class GitOverHttps:
    url: str
    """The folder of the repositories; it ends without a slash."""
    authority: Path
    """The certificate that signs the server's, as PEM."""
    access_log: Path
    """One line for each request: status, person, request."""


@contextlib.contextmanager
def git_over_https(repositories: Path, folder: Path, *, login: tuple[str, str]) -> Iterator[GitOverHttps]:
    """Serve the bare repositories in that folder to the one who knows the login; the server's files go to `folder`."""
    programs = _programs()
    folder.mkdir()
    port = free_port()
    own_certificate(folder)
    (folder / "users").write_text(f"{login[0]}:{{SHA}}{_sha1(login[1])}\n")
    with (
        # The name of a socket has at most 107 characters, which a test's own folder may have alone.
        tempfile.TemporaryDirectory(prefix="cgi-") as short,
        _running([programs["fcgiwrap"], "-s", f"unix:{short}/cgi.sock"], folder / "cgi.log"),
    ):
        (folder / "nginx.conf").write_text(_configuration(folder, repositories, port, Path(short) / "cgi.sock"))
        _wait_for((Path(short) / "cgi.sock").exists, "fcgiwrap listens")
        words = [
            programs["nginx"],
            "-p",
            str(folder),
            "-c",
            str(folder / "nginx.conf"),
            "-e",
            str(folder / "error.log"),
        ]
        with _running(words, folder / "nginx.log"):
            _wait_for(lambda: _listens(port), "nginx listens")
            yield GitOverHttps(f"https://127.0.0.1:{port}", folder / "authority.pem", folder / "access.log")


def _programs() -> dict[str, str]:
    found = {name: shutil.which(name) or shutil.which(name, path=_ELSEWHERE) for name in PROGRAMS}
    missing = [name for name, path in found.items() if path is None]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"{', '.join(missing)} must be there in CI")
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")
    return {name: str(path) for name, path in found.items()}


def _configuration(folder: Path, repositories: Path, port: int, cgi: Path) -> str:
    # As git-http-backend(1) recommends, with the buffers of a usual installation.
    backend = Path(subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True).stdout.strip())
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = "".join(
        f"  {kind}_temp_path {folder / kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""daemon off;
{user}
worker_processes 1;
pid {folder / "nginx.pid"};
events {{}}
http {{
  log_format short '$status $remote_user $request';
  access_log {folder / "access.log"} short;
{temporary}
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder / "authority.pem"};
    ssl_certificate_key {folder / "key.pem"};
    client_max_body_size 0;
    auth_basic git;
    auth_basic_user_file {folder / "users"};
    location / {{
      fastcgi_pass unix:{cgi};
      fastcgi_param SCRIPT_FILENAME {backend / "git-http-backend"};
      fastcgi_param GIT_PROJECT_ROOT {repositories};
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param GIT_PROTOCOL $http_git_protocol;
      fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
      fastcgi_param PATH_INFO $uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param REMOTE_USER $remote_user;
    }}
  }}
}}
"""


@contextlib.contextmanager
def _running(words: list[str], log: Path) -> Iterator[None]:
    with log.open("wb") as out, subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)


def _wait_for(check: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not check():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def _sha1(password: str) -> str:
    """The form `{SHA}` of a password, which nginx reads everywhere; it guards a test only."""
    return base64.b64encode(hashlib.sha1(password.encode(), usedforsecurity=False).digest()).decode()
