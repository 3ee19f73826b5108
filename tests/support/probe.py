"""`python -m tests.support.probe` tells what its process is when its first line runs, and ends as it is told to.

The first argument is a file for what it tells, the second a way to end.
"""

from __future__ import annotations

import atexit
import gc
import json
import locale
import logging
import os
import random
import resource
import signal
import socket
import sys
import tempfile
import threading
import time
import uuid
import warnings
from pathlib import Path

import structlog

from controller.domain.redaction import SECRETS


def _stream(stream: object) -> list[object]:
    names = ("encoding", "errors", "line_buffering", "write_through", "newlines")
    return [type(stream).__name__, *(getattr(stream, name) for name in names)]


def _filters() -> list[str]:
    """The filters of Python's own warnings. For its own ones a library adds a filter when it is imported."""
    return [str(entry) for entry in warnings.filters if entry[2].__module__ == "builtins"]


def surroundings() -> dict[str, object]:
    """What a program can see of its start, without what is different each time."""
    standard = (sys.stdin, sys.stdout, sys.stderr)
    return {
        "arguments": sys.argv,
        "module": [__name__, vars(sys.modules["__main__"]).get("__package__"), __file__],
        "warnings": [sys.warnoptions, _filters()],
        "folder": str(Path.cwd()),
        "path": sys.path,
        "environment": dict(os.environ),
        "temporary": tempfile.gettempdir(),
        "zone": time.strftime("%Z"),
        "signals": {number.name: str(signal.getsignal(number)) for number in signal.Signals},
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "streams": [_stream(stream) for stream in standard],
        "first streams": standard == (sys.__stdin__, sys.__stdout__, sys.__stderr__),
        "files": sorted(file.name for file in Path("/proc/self/fd").iterdir()),
        "threads": threading.active_count(),
        "family": [os.getppid(), os.getpgid(0), os.getsid(0)],
        "limits": [resource.getrlimit(number) for number in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE)],
        "collector": [gc.isenabled(), gc.get_threshold()],
        "locale": locale.setlocale(locale.LC_CTYPE),
        "logs": [structlog.is_configured(), logging.root.handlers, logging.root.level],
        "secrets": SECRETS.text("nothing"),
        "unhandled": [sys.excepthook is sys.__excepthook__, sys.unraisablehook is sys.__unraisablehook__],
        "flags": str(sys.flags),
    }


def main(file: str, end: str) -> None:
    told = surroundings()
    told["imported"] = sum(name.startswith("controller.") for name in sys.modules)
    told["random"] = [random.random(), str(uuid.uuid4())]
    Path(file).write_text(json.dumps(told), encoding="utf-8")
    atexit.register(print, "at the end")
    sys.stdout.write("written and not flushed")
    if end == "exit":
        sys.exit(7)
    if end == "words":
        sys.exit("why it ended")
    if end == "raise":
        raise ValueError("of the module")
    if end == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if end == "interrupt":
        signal.raise_signal(signal.SIGINT)
    if end == "warn":
        warnings.warn("of the module", DeprecationWarning, stacklevel=1)
    if end == "thread":
        threading.Thread(target=lambda: (time.sleep(0.2), sys.stdout.write("of the thread"))).start()
    if end == "unclosed":
        socket.socket()
    if end == "orphan":
        _leave_an_orphan(Path(f"{file}.orphan"))


def _leave_an_orphan(file: Path) -> None:
    """Have a grandchild tell whose child it is when its parent has ended."""
    reader, writer = os.pipe()
    if child := os.fork():
        os.waitpid(child, 0)
        os.close(writer)
        os.read(reader, 1)
        return
    parent = os.getpid()
    if not os.fork():
        while os.getppid() == parent:
            time.sleep(0)
        file.write_text(str(os.getppid()), encoding="utf-8")
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
