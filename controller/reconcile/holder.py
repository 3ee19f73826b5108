"""How a process names itself in leases, and whether the process behind such a name is still there."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def own_name() -> str:
    """`host:process@namespace`: the last part tells containers that share a host name apart."""
    return f"{socket.gethostname()}:{os.getpid()}@{_process_namespace()}"


def is_dead(holder: str) -> bool:
    """Whether the holder was a process of this machine, as seen from here, that has ended.

    False whenever that is not certain: another machine, another container, a name that the operator chose.
    """
    place, _, process = holder.partition("@")[0].rpartition(":")
    if place != socket.gethostname() or holder.partition("@")[2] != _process_namespace() or not process.isdecimal():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _process_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
    except OSError:
        return ""
