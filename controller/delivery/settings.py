"""The settings of a delivery that operators and tests choose; other limits are constants beside their use."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

MINUTE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings:
    poll_base_s: float = 5.0
    """First interval between polls of a running publish; it grows by half each time."""
    listens: bool = False
    """Whether to subscribe to the events of the flows that a sync publishes."""
    publish_timeout_s: float = 600.0
    """How long the publish of an existing version may take; a flow's `rollout.timeout` goes before."""
    upload_timeout_s: float = 960.0
    """How long the publish of a file may take, which includes its validation."""
    rollback_timeout_s: float = 300.0
    """For one attempt of a rollback."""

    lock_wait_s: float = 15.0
    lock_attempts: int = 20
    """How often a locked flow is read under `onLocked: wait`, and a write refused by a conflict is repeated."""

    verify_wait_s: float = 5.0
    """Between two reads that wait for a publish to show."""
    gate_attempts: int = 3
    """Attempts of a gate that could not be evaluated, or of an HTTP check that failed."""
    gate_transport: httpx.AsyncBaseTransport | None = None
    """A transport for HTTP checks in place of the network."""
    allowed_hosts: frozenset[str] = frozenset()
    """Hosts in the controller's own network that HTTP checks may ask; the operator's list."""

    lease_ttl_s: float = MINUTE
    """The lease is renewed three times in this span."""
    stop_check_s: float = 1.0
    """Interval at which the caller is asked whether to stop."""
    stop_grace_s: float = 20.0
    """How long a running publish is followed after a shutdown signal; then it is parked."""

    client_name: str | None = None
    """Our client's id or name in the organisation: its own locks are no obstacle."""
    announce_to: tuple[str, ...] = ()
    """Receivers in the outbox of every migration of a flow's version."""
