"""The process that forks commands for `tests.support.commands`: `python -W error -m tests.support.fork_server SOCKET`.

It has imported all that the product imports, has delivered once (`tests.support.rehearsal`), and has no thread, no
event loop and no open file but its socket. A start comes as a length, three descriptors (stdin, stdout, stderr) and
JSON; the answer is the process id. Each command is forked by a process that then ends at once, so that the one who
asked can take it as a child. It becomes what an interpreter is before the first line of its module: its own
environment, folder, path, streams and filters of warnings, no other file, and a new seed (`random` sees to that at each
fork). What the module does is not touched. Two things are as in the server: the seed of string hashes, and `sys.flags`.
At its end, only what the command itself made is freed.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import pkgutil
import resource
import runpy
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

import structlog
from pydantic import BaseModel

import controller
from controller.cli.lazy import import_alone
from tests.support.forks import finish
from tests.support.rehearsal import rehearse

IMPORTED_LATER = (
    "alembic.command",
    "alembic.config",
    "anyio._backends._asyncio",
    "concurrent.futures.thread",
    "encodings.cp437",
    "encodings.idna",
    "encodings.unicode_escape",
    "git",
    "httpcore",
    "importlib.readers",
    "pwd",
    "pydantic.v1",
    "typer._adapters",
    "typer._click.decorators",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.websockets.auto",
    "websockets.asyncio.client",
)
"""What Penstock and libraries import at first use."""
LENGTH = struct.Struct("!Q")
_NOT_IMPORTED = ("controller.__main__", "controller.store.migrations.")
_ENDING_S = 60.0
_FAIL = ("error", None, Warning, None, 0)
"""What `-W error` adds to the filters of warnings."""


@dataclass(frozen=True)
class Start:
    """What is to run, and where; JSON between the processes."""

    module: str
    arguments: list[str]
    folder: str
    environment: Mapping[str, str]
    strict: bool
    """Whether a warning is an error."""
    limits: Mapping[str, tuple[int, int]]
    """Resource limits by their number: those of the process that asks are inherited."""
    interruptible: bool
    """Whether the process that asks heeds SIGINT: whether it is ignored is inherited."""


def warm_up() -> None:
    """Import what commands need, do once what they do at first use, and freeze it; no thread is left."""
    gc.disable()  # the collector would look through what is imported time and again
    import_all()
    rehearse()
    # What reads git's objects waits for another operation for a moment.
    while others := [each for each in threading.enumerate() if each is not threading.main_thread()]:
        others[0].join(_ENDING_S)
        assert not others[0].is_alive()
    gc.freeze()
    gc.enable()


def import_all() -> None:
    """Import what commands need, and build their validators."""
    with warnings.catch_warnings():  # Authlib adds a filter when it is imported, which an interpreter begins without
        for found in pkgutil.walk_packages(controller.__path__, "controller."):
            if not found.name.startswith(_NOT_IMPORTED):
                importlib.import_module(found.name)
        for name in IMPORTED_LATER:
            importlib.import_module(name)
    import_alone()
    _complete(BaseModel)


def _complete(model: type[BaseModel]) -> None:
    """Build the validators that models build at their first use."""
    for each in model.__subclasses__():
        if not each.__pydantic_complete__:
            each.model_rebuild(raise_errors=False)
        _complete(each)


def serve(end: socket.socket) -> Start | None:
    """Fork a command for each start until nobody can ask any more. Returns in the commands, and None in the end."""
    while True:
        head, descriptors, _, _ = socket.recv_fds(end, LENGTH.size, 3)
        if not head:
            return None
        body = end.recv(LENGTH.unpack(head)[0], socket.MSG_WAITALL)
        reader, writer = os.pipe()
        middle = os.fork()
        if not middle and not _fork_between(writer):
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, number)
            for descriptor in (*descriptors, reader, writer, end.detach()):
                os.close(descriptor)
            return Start(**json.loads(body))
        for descriptor in (*descriptors, writer):
            os.close(descriptor)
        os.waitpid(middle, 0)
        end.sendall(os.read(reader, LENGTH.size))
        os.close(reader)


def _fork_between(writer: int) -> bool:
    """Fork the command, tell its process id, and end. Returns False in the command, once it is somebody else's."""
    middle = os.getpid()
    if command := os.fork():
        os.write(writer, LENGTH.pack(command))
        os._exit(0)
    while os.getppid() == middle:
        time.sleep(0)
    return False


def _lower(one: int, other: int) -> int:
    return min((each for each in (one, other) if each != resource.RLIM_INFINITY), default=resource.RLIM_INFINITY)


def become(start: Start) -> None:
    """Make this process what an interpreter is when the module's first line runs, and run the module."""
    for number, (soft, hard) in start.limits.items():
        # A test may have lowered the limits of the command already (prlimit), and nobody can raise a hard one again.
        most = _lower(hard, resource.getrlimit(int(number))[1])
        resource.setrlimit(int(number), (_lower(soft, most), most))
    signal.signal(signal.SIGINT, signal.default_int_handler if start.interruptible else signal.SIG_IGN)
    os.chdir(start.folder)
    os.environ.clear()
    os.environ.update(start.environment)
    time.tzset()
    tempfile.tempdir = None
    sys.path[0] = os.getcwd()  # noqa: PTH109
    sys.argv[1:] = start.arguments
    if not start.strict:
        sys.warnoptions.clear()
        warnings.filters.remove(_FAIL)
    sys.stdin = sys.__stdin__ = _stream(0, "r", sys.stdin)
    sys.stdout = sys.__stdout__ = _stream(1, "w", sys.stdout)
    sys.stderr = sys.__stderr__ = _stream(2, "w", sys.stderr)
    code = 0
    try:
        runpy.run_module(start.module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        code = end.code or 0
    finish(code)


def _stream(descriptor: int, mode: str, like: TextIO) -> TextIO:
    """A stream as Python makes them when it starts: it depends on what the descriptor is how it is buffered."""
    unbuffered = like.write_through
    return io.TextIOWrapper(
        open(descriptor, f"{mode}b", 0 if unbuffered and mode == "w" else -1, closefd=False),
        like.encoding,
        like.errors,
        newline=None if mode == "r" else "\n",
        line_buffering=(descriptor == 2 or os.isatty(descriptor)) and not unbuffered,
        write_through=unbuffered,
    )


def main(descriptor: int) -> None:
    """Serve at this end of a pair of sockets."""
    warm_up()
    assert not structlog.is_configured()
    assert "typer.rich_utils" not in sys.modules  # it reads what CI services and terminals set
    with socket.socket(fileno=descriptor) as end:
        start = serve(end)
    if start is not None:
        become(start)


if __name__ == "__main__":
    main(int(sys.argv[1]))
