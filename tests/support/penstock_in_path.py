"""`penstock` for scripts of a shell, forked as `tests.support.commands` does it.

A small client stands in the path: it hands its arguments, folder, environment and streams to the test, passes signals
on, and ends as the command did. The command dies with it. Limits (`ulimit`) are those of the test.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.support import penstock_client
from tests.support.commands import Command
from tests.support.penstock_client import NUMBER


@contextlib.contextmanager
def penstock_in_path(path: str) -> Iterator[str]:
    """`path` with `penstock`, and the other programs of this environment, before the rest.

    At the end, commands that are still at work are killed.
    """
    with tempfile.TemporaryDirectory(prefix="penstock-") as folder, socket.socket(socket.AF_UNIX) as listening:
        program = Path(folder, "penstock")
        program.write_text(f"#!{Path(sys.executable).resolve()} -IS\n{Path(penstock_client.__file__).read_text()}")
        program.chmod(0o755)
        listening.bind(str(Path(folder, "socket")))
        listening.listen()
        thread = threading.Thread(target=_listen, args=(listening,))
        thread.start()
        try:
            yield os.pathsep.join((folder, str(Path(sys.executable).parent), path))
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _listen(listening: socket.socket) -> None:
    """Serve clients, each in a thread, until nobody listens any more."""
    served = []
    with contextlib.suppress(OSError):
        while True:
            client, _ = listening.accept()
            served.append((client, threading.Thread(target=_serve, args=(client,))))
            served[-1][1].start()
    for client, thread in served:
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(client: socket.socket) -> None:
    with client:
        head, streams, _, _ = socket.recv_fds(client, NUMBER.size, 3)
        asked = json.loads(client.recv(*NUMBER.unpack(head), socket.MSG_WAITALL))
        arguments, folder = asked.pop("arguments"), Path(asked.pop("cwd"))
        stdin, stdout, stderr = streams
        try:
            command = Command(
                *arguments, cwd=folder, env=asked["env"], strict=False, stdin=stdin, stdout=stdout, stderr=stderr
            )
        finally:
            for stream in streams:
                os.close(stream)
        with contextlib.suppress(OSError):
            client.sendall(NUMBER.pack(_followed(command, client)))


def _followed(command: Command, client: socket.socket) -> int:
    """The return code of a command that gets the signals of its client, and is killed when its client is."""
    with command, os.fdopen(os.pidfd_open(command.pid)) as ended:
        while ended not in (ready := select.select([ended, client], [], [])[0]):
            assert ready
            passed = client.recv(1)
            command.send_signal(passed[0] if passed else signal.SIGKILL)
            if not passed:
                break
        return command.wait()
