"""The end of a process that was forked."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from typing import NoReturn


def finish(code: int) -> NoReturn:
    """End as an interpreter does, but keep what was imported before the fork.

    To free that takes longer than most commands.
    Threads are waited for, functions of `atexit` are called, and what came after the fork is collected.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    gc.collect()
    try:
        for stream in (sys.stdout, sys.stderr):
            if not stream.closed:
                stream.flush()
    except OSError:
        sys.exit(code)  # the interpreter says so, and has a status for it
    os._exit(code)
