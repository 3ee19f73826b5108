"""`python -m controller`, without its half second of imports: forked from a process that has them behind it.

Each process of the tests has one `fork_server` from its first command on. What is forked there is a child of the test,
which waits for it and kills it as any other, and is like an interpreter that was just started, in all that
tests/cli/test_forked_commands.py compares.

Where an interpreter would begin otherwise than the server did, because of a variable that Python or a library reads
when it is imported, and on systems other than Linux, a command is an interpreter of its own. Tests of starting, of
what happens to output at the end of a process, and of its memory start one themselves.
"""

from __future__ import annotations

import atexit
import ctypes
import dataclasses
import inspect
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.fork_server import LENGTH, Start

_ROOT = Path(__file__).parents[2]
_READ_AT_IMPORT = ("PYTHON", "LANG", "LC_", "LD_", "GIT_PYTHON_", "TYPER_", "_TYPER_", "WEBSOCKETS_")
_ALSO_READ_AT_IMPORT = frozenset({"FORCE_COLOR", "NO_COLOR", "PATH"})
"""GitPython looks for git in `PATH`, of which only the folders with one matter; the others are read for colours."""
_SET_BY_PENSTOCK = ("GIT_PYTHON_REFRESH", "quiet")
"""Before it imports GitPython: a process in which a pass ran has it, and it changes nothing where git is found."""
_LIMITS = frozenset(number for name, number in vars(resource).items() if name.startswith("RLIMIT_"))
_ADOPT_ORPHANS = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2): a process whose parent ends becomes a child of this one, its ancestor."""


class Command(subprocess.Popen[str]):
    """A module as `python -m` runs it, with text on its pipes; `strict` is `-W error`.

    `streams` are Popen's `stdin`, `stdout` and `stderr`.
    """

    def __init__(
        self,
        *arguments: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        strict: bool = True,
        module: str = "controller",
        **streams: Any,
    ) -> None:
        limits = {str(number): resource.getrlimit(number) for number in _LIMITS}
        environment = dict(os.environ if env is None else env)
        self._start = Start(
            module=module,
            arguments=list(arguments),
            folder=str(Path.cwd() / (cwd or "")),
            environment=environment,
            strict=strict,
            limits=limits,
            interruptible=signal.getsignal(signal.SIGINT) is not signal.SIG_IGN,
        )
        words = [sys.executable, *(("-W", "error") if strict else ()), "-m", module, *arguments]
        super().__init__(words, cwd=cwd, env=environment, text=True, **streams)

    def _execute_child(self, *arguments: object) -> None:
        """Popen's step from the pipes that it made to a process id, after which it closes the process' ends of them."""
        if not _SERVER.fits(self._start.environment):
            super()._execute_child(*arguments)
            return
        given = inspect.signature(super()._execute_child).bind(*arguments).arguments
        ends = (given["p2cread"], given["c2pwrite"], given["errwrite"])
        own = [standard if end == -1 else end for standard, end in enumerate(ends)]
        self.pid = _SERVER.start(self._start, own)
        self._child_created = True
        pipes = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(given[pipe] for pipe in pipes))


def run(*arguments: str, timeout: float = 300, **options: Any) -> subprocess.CompletedProcess[str]:
    """A command to its end, and what it wrote; `options` as of `Command`."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    with Command(*arguments, **streams) as process:
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


class _Server:
    """Started at the first command; it ends when this process does."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._end: socket.socket | None = None
        self._variables: dict[str, str] = {}

    def fits(self, environment: Mapping[str, str]) -> bool:
        """Whether an interpreter with this environment would begin as the server did."""
        with self._turn:
            if self._process is None:
                self._variables = _read_at_import(os.environ)
            return sys.platform == "linux" and self._variables == _read_at_import(environment)

    def start(self, start: Start, streams: list[int]) -> int:
        """Fork a command with these descriptors as stdin, stdout and stderr; gives its process id."""
        body = json.dumps(dataclasses.asdict(start)).encode()
        with self._turn:
            end = self._begun()
            _adopt_orphans(True)
            try:
                socket.send_fds(end, [LENGTH.pack(len(body))], streams)
                end.sendall(body)
                answer = end.recv(LENGTH.size, socket.MSG_WAITALL)
            finally:
                _adopt_orphans(False)
        if not answer:
            raise RuntimeError("the server that forks commands has ended; what it wrote is on stderr")
        process: int = LENGTH.unpack(answer)[0]
        os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT)  # ChildProcessError if it is no child
        return process

    def _begun(self) -> socket.socket:
        if self._end is None:
            self._end, other = socket.socketpair()
            words = [sys.executable, "-W", "error", "-m", "tests.support.fork_server", str(other.fileno())]
            with other:
                self._process = subprocess.Popen(
                    words, cwd=_ROOT, pass_fds=(other.fileno(),), stdin=subprocess.DEVNULL, stdout=2
                )
            atexit.register(self._ended)
        return self._end

    def _ended(self) -> None:
        if self._end is not None and self._process is not None:
            self._end.close()
            self._process.wait()


def _read_at_import(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: _with_git(value) if name == "PATH" else value
        for name, value in environment.items()
        if (name.startswith(_READ_AT_IMPORT) or name in _ALSO_READ_AT_IMPORT) and (name, value) != _SET_BY_PENSTOCK
    }


def _with_git(path: str) -> str:
    return os.pathsep.join(folder for folder in path.split(os.pathsep) if Path(folder, "git").exists())


def _adopt_orphans(wanted: bool) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(_ADOPT_ORPHANS, int(wanted), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


_SERVER = _Server()
