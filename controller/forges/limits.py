"""How long a forge is waited for, and how much of its answers is read."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeLimits:
    """Times in seconds, sizes in bytes."""

    attempts: int = 3
    """Tries of one call, the first included. A write that may have taken effect is never sent again."""
    retry_base_s: float = 1.0
    retry_cap_s: float = 10.0
    """Backoff with full jitter."""
    longest_wait_s: float = 60.0
    """A longer wait for a request limit is left to the caller."""
    secondary_wait_s: float = 60.0
    """The wait after a limit that names no time; GitHub asks for a minute at least."""

    connect_timeout_s: float = 10.0
    read_timeout_s: float = 20.0
    deadline_s: float = 45.0
    """Deadline of one exchange, from the first byte sent to the last byte read."""

    answer_limit_bytes: int = 32 * MIB
    listing_limit_bytes: int = 96 * MIB
    """All pages of one listing together."""
    pages: int = 200
    redirects: int = 3
