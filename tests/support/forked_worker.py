"""What execnet starts in place of an interpreter: see `tests.support.forked_workers`.

Its arguments are the socket of the process that forks, and those of an interpreter: it becomes one where nobody forks.
"""

import os
import socket
import sys


def _forked(path: str, line: str) -> bool:
    """Wait for the end of the worker that is forked to run this line of Python. False where none is."""
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.connect(path)
            socket.send_fds(server, [line.encode()], [0, 1, 2])
            begun = server.recv(1)
            if begun:
                os.close(0)  # execnet sees that a worker has died when nobody holds its pipes any more
                os.close(1)
                server.recv(1)
            return bool(begun)
    except OSError:
        return False


if not _forked(sys.argv[1], sys.argv[-1]):
    os.execv(sys.executable, [sys.executable, *sys.argv[2:]])  # noqa: S606
