"""How a simulated organisation behaves. Durations are seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from controller.simulator.actor import Actor

# What may be set over `/_simulator/settings`: nothing that would stop time or flood a listener.
Duration = Annotated[float, Field(ge=0, le=1e9)]
Period = Annotated[float, Field(ge=0.01, le=1e9)]
Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True)
class SimulatedClient:
    """A client-credentials OAuth client of the organisation."""

    id: str
    secret: str = field(repr=False)
    name: str = ""
    permissions: frozenset[str] | None = None
    """Permissions such as `architect:flow:view`, and scopes of the versioned dialect; None is all of them."""

    @property
    def actor(self) -> Actor:
        return Actor(self.id, self.name or self.id)

    def holds(self, permission: str) -> bool:
        """Whether it may do what needs this permission; `architect:flow:*` in its list grants every action."""
        if self.permissions is None or permission in self.permissions:
            return True
        domain = permission.rpartition(":")[0]
        return f"{domain}:*" in self.permissions


PENSTOCK = SimulatedClient("penstock", "penstock-secret", "Penstock")
"""The client that every simulated organisation has."""


class UnclearPublish(StrEnum):
    """What a publish does where Genesys' documents do not tell."""

    WORKS = "works"
    SILENTLY_NOTHING = "silently-nothing"
    """200, and the published version does not move."""
    ERROR = "error"


class LockedUpload(StrEnum):
    """The effect of an upload on a flow that another actor has locked; undocumented."""

    FAIL = "fail"
    STEAL = "steal"


class SecondCheckout(StrEnum):
    """What a checkout answers for a flow that the same client has checked out already."""

    CONFLICT = "conflict"
    """409; Genesys' own tests of its Terraform provider take a flow for locked by it."""
    WORKS = "works"


class DebugResult(StrEnum):
    """The shape of the result of an action's trace; the document leaves it open."""

    LIST = "list"
    OBJECT = "object"
    """The steps are under `steps`, next to `totalSteps`."""
    TEXT = "text"
    """The list as JSON text."""


class DebugEnding(StrEnum):
    """The final status of an action's trace; a job that fails is always `failed`."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    organization: str = "Simulated organisation"
    clients: tuple[SimulatedClient, ...] = (PENSTOCK,)
    token_lifetime_s: Period = 86_400.0
    """The documented default; 300 to 172 800 can be set in an organisation."""
    publish_s: Duration = 2.0
    upload_s: Duration = 3.0
    queue_s: Duration = 0.5
    """How long a publish of the versioned dialect waits before it begins."""
    debug_s: Duration = 2.0
    """How long tracing an action takes."""
    trace_retention_days: Period = 30.0
    """How long the versioned dialect keeps traces; 90 on the enterprise tier."""
    absolute_location: bool = True
    """Whether `Location` headers hold a whole URL instead of a path."""
    export_s: Duration = 1.0
    validate_s: Duration = 1.0
    launch_s: Duration = 1.0
    """How long one launched execution runs."""
    index_s: Duration = 0.0
    """How long the dependency index lags behind a publish."""
    listing_lag_s: Duration = 0.0
    """How long `GET /flows` and `GET /flows/lookup` lag behind a change."""
    status_lag_s: Duration = 0.0
    """How long after a publish or an upload was accepted its status is not found."""
    time_scale: Annotated[float, Field(ge=0.001, le=1e9)] = 1.0
    """How many times faster than told everything in the organisation takes; the clock itself is not changed."""
    rate_limit_per_minute: Count = 300
    token_requests_per_minute: Count = 60
    heartbeat_s: Period = 30.0
    """How often the websocket of a notification channel says that it is alive."""
    channels_per_client: Count = 20
    """Notification channels of one client; one more takes the place of the one that was used longest ago."""
    topics_per_channel: Count = 1_000
    channel_lifetime_s: Period = 86_400.0
    """How long a notification channel lives after its last subscription."""
    upload_valid_s: Duration = 3_600.0
    """How long a presigned URL can be used."""
    download_valid_s: Duration = 3_600.0
    older_version: UnclearPublish = UnclearPublish.WORKS
    """Publishing a version older than the published one."""
    unknown_version: UnclearPublish = UnclearPublish.SILENTLY_NOTHING
    """Publishing a version that does not exist; `works` makes no sense here and counts as `error`."""
    locked_upload: LockedUpload = LockedUpload.FAIL
    second_checkout: SecondCheckout = SecondCheckout.CONFLICT
    largest_page: Count = 1_000
    """The most rows in a page of a list, also when the request asks for more."""
    nested_modules: bool = False
    """Whether a common module may use another one; Genesys' Resource Centre says that it cannot."""
    opaque_version_ids: bool = False
    """Whether the versioned dialect names versions by ids that are not their numbers; then it takes nothing else."""
    tells_types: bool = True
    """Whether the versioned dialect tells the type of a flow in its listing and after a switch."""
    bare_traces: bool = False
    """Whether the versioned dialect tells nothing of a trace but its id; its steps tell the rest."""
    debug_result: DebugResult = DebugResult.LIST
    debug_ending: DebugEnding = DebugEnding.COMPLETED
    debug_location: bool = True
    """Whether the start of an action's trace answers a `Location`; without one its body names the job."""

    def duration_s(self, seconds: float) -> float:
        """The seconds that something takes under `time_scale`."""
        return seconds / self.time_scale
