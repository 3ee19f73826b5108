"""A real HTTP proxy (tinyproxy) with a login."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE_S
from tests.support.shell import free_port

LOGIN = ("worker", "a-proxy-password-that-nobody-may-see")


@dataclass(frozen=True, slots=True)
class HttpProxy:
    url: str
    """With the login."""
    log: Path

    def asked(self, request: str) -> int:
        """How many requests have this in their first line."""
        return sum("Request" in line and request in line for line in self.log.read_text().splitlines())


@contextlib.contextmanager
def http_proxy(folder: Path) -> Iterator[HttpProxy]:
    """Run it until the end of the block; its files go to `folder`."""
    program = shutil.which("tinyproxy")
    if program is None and os.environ.get("CI") == "true":
        pytest.fail("tinyproxy must be there in CI")
    if program is None:
        pytest.skip("tinyproxy is not installed")
    folder.mkdir()
    port, log = free_port(), folder / "proxy.log"
    log.touch()
    (folder / "proxy.conf").write_text(
        f'Port {port}\nListen 127.0.0.1\nTimeout 60\nLogFile "{log}"\nLogLevel Connect\nMaxClients 100\n'
        f"BasicAuth {LOGIN[0]} {LOGIN[1]}\n"
    )
    words = [program, "-d", "-c", str(folder / "proxy.conf")]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + PATIENCE_S
            while not _listens(port):
                assert time.monotonic() < deadline, "the proxy does not listen"
                time.sleep(0.05)
            yield HttpProxy(f"http://{LOGIN[0]}:{LOGIN[1]}@127.0.0.1:{port}", log)
        finally:
            process.terminate()
            process.wait(60)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False
