"""Processes that share nothing with the test but what was imported before: for stories in which some are killed."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path


def forked(run: Callable[[], int | None], log: Path, longest_s: int) -> int:
    """Run something in a forked process; gives its process id.

    What it returns is the exit code, 0 for None and 70 where it raises. It writes to `log`, reads nothing, and ends
    by SIGALRM after `longest_s` of the wall.
    """
    process = os.fork()
    if process:
        return process
    status = 70
    try:
        signal.alarm(longest_s)
        with log.open("a") as file, Path(os.devnull).open() as nothing:
            os.dup2(nothing.fileno(), 0)
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        status = run() or 0
    except BaseException:  # noqa: BLE001 - told to the log, and by the status
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
