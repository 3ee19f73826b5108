"""The processes of git that are kept for a moment because another operation may read objects, too."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from tests.support.service import eventually


def object_readers() -> dict[int, Path]:
    """Those of this process that run, and the folder that each reads in."""
    found = {}
    for each in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, parent = (each / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z" and b"cat-file" in (each / "cmdline").read_bytes():
                found[int(each.name)] = (each / "cwd").readlink()
    return found


def end_object_readers() -> None:
    """End them, as if no operation had followed for a while."""
    for each in object_readers():
        with contextlib.suppress(ProcessLookupError):  # its time was over just now
            os.kill(each, signal.SIGKILL)
    eventually(lambda: not object_readers(), "all of them end")
