"""Where tests keep their files."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

_IN_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 4 * 2**30


def roomy() -> Path:
    """Memory where there is enough: there, no commit of git, SQLite or PostgreSQL waits for a disk."""
    with contextlib.suppress(OSError):
        memory = os.statvfs(_IN_MEMORY)
        usable = os.access(_IN_MEMORY, os.W_OK) and not memory.f_flag & os.ST_NOEXEC
        if usable and memory.f_bavail * memory.f_frsize >= _ENOUGH_BYTES:
            return _IN_MEMORY
    return Path(tempfile.gettempdir())
