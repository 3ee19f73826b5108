"""Names this process in leases, and checks whether the process behind such a name still runs."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def own_name() -> str:
    """`host:process@namespace`. The last part distinguishes containers with the same host name."""
    return f"{socket.gethostname()}:{os.getpid()}@{_process_namespace()}"


def is_dead(holder: str) -> bool:
    """Whether the holder was a process on this machine that has ended.

    False if that is uncertain: another machine, another container, a name from the operator.
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


def may_have_replaced(holder: str) -> bool:
    """Whether the holder was on this host in another process namespace, as before a restart of this container.

    Where several machines share a store, that says nothing: hosts of two machines may have the same name.
    """
    host, _, _ = holder.partition("@")[0].rpartition(":")
    return host == socket.gethostname() and holder.partition("@")[2] != _process_namespace()


def _process_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
    except OSError:
        return ""
