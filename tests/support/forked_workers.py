"""Workers of pytest-xdist that are forked from one process, which has imported and rewritten all tests before.

Each worker is an interpreter that imports every test otherwise, and instruments all of Penstock where coverage is
measured. execnet, which starts the workers, cannot fork; it lets a `python=` name the program that it starts, though.
That program is `tests/support/forked_worker.py`: it hands its pipes to the process that forks, and ends when the worker
does. A worker then collects as any other, from modules that it has.

Where something hinders the process that forks (a test that cannot be imported, a system other than Linux), workers are
interpreters.
"""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from tests.support.forks import finish

if TYPE_CHECKING:
    import execnet

SHARED_FOLDER = "SHARED_FOLDER_OF_TESTS"
"""Names a variable: the folder in which workers find what one of them made. There is none where no worker is forked."""
_PROGRAM = Path(__file__).with_name("forked_worker.py")


@contextlib.contextmanager
def forking(arguments: Sequence[str], specs: Sequence[execnet.XSpec]) -> Iterator[None]:
    """Fork the workers of these specs for a run of pytest with these arguments."""
    with (
        tempfile.TemporaryDirectory(prefix="workers-") as folder,
        socket.socket(socket.AF_UNIX) as listener,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv(SHARED_FOLDER, folder)
        path = Path(folder) / "socket"
        listener.bind(str(path))
        listener.listen()
        for spec in specs:
            spec.python = shlex.join([sys.executable, "-I", "-S", str(_PROGRAM), str(path)])
        words = [sys.executable, "-m", "tests.support.forked_workers", str(listener.fileno()), *arguments]
        server = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=(listener.fileno(),)
        )
        listener.close()
        try:
            yield
        finally:
            server.communicate()


class _Workers:
    """Takes the place of the loop over the collected tests."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._started: set[int] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Fork a worker for each that asks, until the run is over."""
        if _can_fork(session):
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            while self._listener in select.select([self._listener, 0], [], [])[0]:
                self._serve()
        self._listener.close()
        for worker in self._started:
            os.waitpid(worker, 0)
        os._exit(0)

    def _serve(self) -> None:
        asking, _ = self._listener.accept()
        with asking:
            line, pipes, _, _ = socket.recv_fds(asking, 4096, 3)
            worker = os.fork()
            if not worker:
                self._listener.close()
                _work(asking, line.decode(), pipes)
            self._started.add(worker)
        for pipe in pipes:
            os.close(pipe)


def _can_fork(session: pytest.Session) -> bool:
    # What could not be imported is in `sys.modules` nevertheless: a worker would find no tests in it.
    if session.testsfailed:
        return False
    for thread in threading.enumerate()[1:]:
        thread.join(timeout=5)
    if others := threading.enumerate()[1:]:
        sys.stderr.write(f"No worker of pytest-xdist is forked, because imports of tests started threads: {others}\n")
    return not others


def _work(asking: socket.socket, line: str, pipes: Sequence[int]) -> NoReturn:
    """Be the worker that these three are stdin, stdout and stderr of; the socket is closed when it ends.

    The line of Python is what execnet has an interpreter run.
    """
    asking.sendall(b"1")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, pipe in enumerate(pipes):
        os.dup2(pipe, number)
        os.close(pipe)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
    exec(line, {"__name__": "__main__"})  # noqa: S102
    finish(0)


if __name__ == "__main__":
    pytest.main([*sys.argv[2:], "-n0", "--capture=no"], plugins=[_Workers(socket.socket(fileno=int(sys.argv[1])))])
