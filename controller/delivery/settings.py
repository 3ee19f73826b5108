"""How patient delivery is. All durations are seconds; the defaults are the documented ones."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from controller.domain.references import BINDING_TYPES

MINUTE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings:
    poll_base_s: float = 5.0
    """First interval between looks at a running publish; it grows by half each time."""
    poll_cap_s: float = 60.0
    listens: bool = False
    """Whether the organisation is asked to announce what happens to the flows that a sync publishes."""
    announced_poll_s: float = 30.0
    """How long an announcement is waited for, after a look at which the publish was still running."""
    unseen_looks: int = 3
    """Looks in a row at which the flow shows no trace of an operation, before it counts as ended."""
    publish_timeout_s: float = 600.0
    """How long a publish of a version that exists may take; a flow's `rollout.timeout` goes before."""
    upload_timeout_s: float = 960.0
    """The same for a file, which the organisation validates meanwhile."""
    upload_attempts: int = 2
    """How often a file is sent whose job failed of nothing in it: without a reason, of a request limit, of a lock."""
    upload_retry_s: float = 15.0
    rollback_timeout_s: float = 300.0
    """For one attempt to bring a previous version back."""
    rollback_attempts: int = 3
    rollback_retry_s: float = 15.0
    rollback_patience_s: float = 900.0
    """How long an outage is sat out: attempts that only did not get through are not counted."""

    write_attempts: int = 3
    """Tries of one write, where it is certain that the earlier ones had no effect."""
    write_backoff_s: float = 2.0
    """Wait before the second try; doubled for each further one."""
    lost_answer_grace_s: float = 30.0
    """How long the organisation is looked at, after an answer was lost, before the write counts as never arrived."""

    lock_wait_s: float = 15.0
    lock_attempts: int = 20
    """Looks at a locked flow under `onLocked: wait`, and at a flow on which another operation runs."""

    verify_attempts: int = 3
    verify_wait_s: float = 5.0
    """Reads may lag behind a publish that has just ended: this often, and this long apart, before it is a failure."""

    gate_interval_s: float = 30.0
    """How often the error rate is looked at while a version bakes, and while a gate waits for samples."""
    gate_pause_s: float = 5.0
    """Between two such looks at the least, whatever is announced of executions."""
    gate_attempts: int = 3
    """Tries of a gate that could not be evaluated, or of an HTTP check that failed."""
    gate_retry_s: float = 5.0

    gate_transport: httpx.AsyncBaseTransport | None = None
    """What HTTP checks are sent through, where it is not the network itself."""
    allowed_hosts: frozenset[str] = frozenset()
    """Hosts that HTTP checks may ask although they are in the controller's own network; the operator's list."""

    export_attempts: int = 3
    export_retry_s: float = 15.0

    lease_ttl_s: float = MINUTE
    """The lease is renewed three times in this span while delivery is at work."""
    stop_check_s: float = 1.0
    """How often the caller is asked whether to stop."""
    stop_grace_s: float = 20.0
    """How long a running publish may still be followed after `stop`; what is left then is parked."""

    client_name: str | None = None
    """Our client's id or name in the organisation: its own locks do not stand in the way."""
    binds_at_publish: frozenset[str] = BINDING_TYPES
    """Types whose version a caller keeps from the moment when the caller was published."""
    announce_to: tuple[str, ...] = ()
    """Receivers in the outbox that are told of every migration of a flow's version."""
