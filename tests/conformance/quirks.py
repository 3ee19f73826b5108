"""How the organisation behaves where the rows leave it open, or where it is in trouble. Durations are seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Quirks:
    """Set by tests; names that the other server of the dialect has too mean the same there."""

    versions_page: int = 0
    """How many versions of a flow one page holds; 0 is all of them."""
    newest_first: bool = False
    publish_s: float = 2.0
    """From the 202 until the version is live, or until its first stage begins."""
    minute_s: float = 60.0
    """How long a minute of a stage takes."""
    publish_result: str = "completed"
    """How a publish ends: `completed`, `failed` or `cancelled`."""
    fail_stage: int | None = None
    """The stage, counted from 1, in which a staged rollout fails."""
    keeps_split: bool = False
    """A rollout that failed goes on sending its share of the calls to the new version."""
    publish_409: int = 0
    """So many publishes are refused with 409, as while another one runs."""
    put_409: int = 0
    """So many switches are refused with 409."""
    put_silent: bool = False
    """A switch answers as one that worked, and does nothing."""
    status_404: int = 0
    """So many looks at a publish answer 404, as while it is not visible yet."""
    listing_lag_s: float = 0.0
    """How far the listing of flows is behind."""
    validate: str = "ok"
    """What a validation tells: `ok`, nothing; `mixed`, errors and warnings."""
    eta: bool = True
    """Whether a publish that runs tells how long it will take."""
