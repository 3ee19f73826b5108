"""How long leases last, where the operator does not say."""

from __future__ import annotations

from typing import Final

_FILE_S: Final = 60.0
"""Of a file: nobody waits to take over."""
_SERVER_S: Final = 12.0
"""Of a server: another replica takes over within 15 s."""


def usual_lease_s(*, server: bool) -> float:
    """Seconds of silence after which a controller counts as dead; `server` says that one keeps the store."""
    return _SERVER_S if server else _FILE_S
