"""Settings of the transport: limits, waits and sizes, in seconds and bytes."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSettings:
    """The values that an operator may want to tune; the defaults are Genesys Cloud's own limits."""

    rate_limit_per_minute: int = 300
    """Requests per minute of one credential; the organisation's headers can only lower it."""
    reserve: float = 0.1
    """Share of that limit that is reserved for people and rollbacks."""
    concurrency: int = 16
    """Requests in flight at once."""

    retries: int = 3
    """Repetitions after the first attempt, only of calls that are safe to repeat."""
    retry_base_s: float = 2.0
    retry_cap_s: float = 30.0
    """Backoff with full jitter: a random wait between 0 and `min(cap, base * 2**attempt)`."""
    longest_wait_s: float = 120.0
    """A longer `Retry-After` is passed to the caller without waiting."""

    connect_timeout_s: float = 10.0
    read_timeout_s: float = 30.0
    write_timeout_s: float = 30.0
    pool_timeout_s: float = 30.0
    deadline_s: float = 120.0
    """Deadline of one exchange, from the first byte sent to the last byte read."""

    json_limit_bytes: int = 16 * MIB
    export_limit_bytes: int = 64 * MIB
    execution_limit_bytes: int = 1024 * MIB
    """Execution files go to disk; this limit only prevents an endless answer from filling it."""

    page_size: int = 1_000
    """Flows in a page of a listing, or the dialect's largest page if that is smaller."""
    cache_ttl_s: float = 300.0
    """Seconds for which the versioned dialect's listing is reused; any write drops it."""

    outage_s: float = 300.0
    """Seconds with only 502, 503, 504 or no answers until the circuit opens."""
    probe_after_s: float = 30.0
    """Seconds between probes while the circuit is open."""

    poll_s: float = 2.0
    """Seconds before the first read of an export job of one flow, and before the second read of a validation or of
    execution data; later waits grow."""
    job_timeout_s: float = 90.0
    export_gather_s: float = 1.0
    """Seconds that an export waits for others to share its job; 0 gives every flow its own job."""
    export_flows: int = 50
    """The most flows in one export job. An export can take 15 s for each flow."""
    export_jobs: int = 10
    """Export jobs at once, as many as Genesys' Terraform provider starts by default."""
    export_retries: int = 5
    export_retry_step_s: float = 15.0
    """An export job that failed on a hidden 429 is repeated after 15 s, 30 s, 45 s, ..."""

    scope: str | None = None
    """OAuth scopes to request, separated by spaces; only versioned has scopes for client credentials."""
