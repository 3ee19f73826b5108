"""How the transport behaves: limits, waits and sizes. Seconds and bytes throughout."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSettings:
    """The values that an operator may want to tune; the defaults are Genesys Cloud's own limits."""

    rate_limit_per_minute: int = 300
    """Requests a minute that one credential may send; headers of the organisation can only lower it."""
    reserve: float = 0.1
    """Share of that limit which is left for people and for rollbacks: no other call uses it."""
    concurrency: int = 16
    """Requests in flight at once."""

    retries: int = 3
    """Repetitions after the first attempt, only of calls that are safe to repeat."""
    retry_base_s: float = 2.0
    retry_cap_s: float = 30.0
    """Backoff with full jitter: a random wait between 0 and `min(cap, base * 2**attempt)`."""
    longest_wait_s: float = 120.0
    """A `Retry-After` beyond this is handed to the caller instead of being waited for."""

    connect_timeout_s: float = 10.0
    read_timeout_s: float = 30.0
    write_timeout_s: float = 30.0
    pool_timeout_s: float = 30.0
    deadline_s: float = 120.0
    """One exchange from the first byte sent to the last byte read, however slowly they drip."""

    json_limit_bytes: int = 16 * MIB
    export_limit_bytes: int = 64 * MIB
    execution_limit_bytes: int = 1024 * MIB
    """Execution files go to disk: this only keeps an answer that never ends from filling it."""

    page_size: int = 500
    """Flows to a page of a listing; the dialect's largest page where that is smaller."""
    cache_ttl_s: float = 300.0
    """How long the versioned dialect's listing may be reused; any write drops it."""

    outage_s: float = 300.0
    """This long without anything but 502, 503, 504 or no answer at all opens the circuit."""
    probe_after_s: float = 30.0
    """While it is open, one call is let through this often."""

    poll_s: float = 2.0
    """Before the second look at a job of the organisation (export, validation, execution data); the waits grow."""
    job_timeout_s: float = 90.0
    export_gather_s: float = 1.0
    """How long an export waits for others to share its job; 0 gives every flow a job of its own."""
    export_retries: int = 5
    export_retry_step_s: float = 15.0
    """An export job that failed over a hidden 429 is started again after 15 s, 30 s, 45 s, ..."""

    scope: str | None = None
    """OAuth scopes to ask for, separated by spaces; only the versioned dialect knows scopes for client credentials."""
