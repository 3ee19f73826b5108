"""Settings of a simulated organisation. Durations are seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from controller.simulator.flow import Actor

# Limits for `/_simulator/settings`: no value may stop time or flood a listener.
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
    """Permissions such as `architect:flow:view`, and scopes of the versioned dialect; None for all."""
    divisions: frozenset[str] | None = None
    """The names of the divisions in which it has them; None for all."""

    @property
    def actor(self) -> Actor:
        return Actor(self.id, self.name or self.id)

    def holds(self, permission: str) -> bool:
        """Whether the client has this permission. `architect:flow:*` in its list grants every action."""
        if self.permissions is None or permission in self.permissions:
            return True
        domain = permission.rpartition(":")[0]
        return f"{domain}:*" in self.permissions

    def holds_in(self, division: str) -> bool:
        """Whether its permissions count in this division."""
        return self.divisions is None or division in self.divisions


PENSTOCK = SimulatedClient("penstock", "penstock-secret", "Penstock")
"""The client that every simulated organisation has."""


class UnclearPublish(StrEnum):
    """The behaviour of a publish that Genesys' documents leave open."""

    WORKS = "works"
    SILENTLY_NOTHING = "silently-nothing"
    """200, but the published version does not change."""
    ERROR = "error"


class LockedUpload(StrEnum):
    """The effect of an upload on a flow that another actor has locked; undocumented."""

    FAIL = "fail"
    STEAL = "steal"


class SecondCheckout(StrEnum):
    """The answer to a checkout of a flow that the same client has already checked out."""

    CONFLICT = "conflict"
    """409. Genesys' own tests of its Terraform provider detect a locked flow by it."""
    WORKS = "works"


class DebugResult(StrEnum):
    """The shape of an action trace's result, which the document leaves open."""

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
    """The documented default. An organisation can set 300 to 172,800."""
    publish_s: Duration = 2.0
    upload_s: Duration = 3.0
    queue_s: Duration = 0.5
    """Seconds that a publish of the versioned dialect stays queued."""
    debug_s: Duration = 2.0
    """Seconds that an action trace takes."""
    trace_retention_days: Period = 30.0
    """Days that the versioned dialect keeps traces; 90 on the enterprise tier."""
    absolute_location: bool = True
    """Whether `Location` headers hold a whole URL, as opposed to a path."""
    export_s: Duration = 1.0
    validate_s: Duration = 1.0
    launch_s: Duration = 1.0
    """Seconds that one launched execution runs."""
    index_s: Duration = 0.0
    """How long the dependency index lags behind a publish."""
    listing_lag_s: Duration = 0.0
    """How long `GET /flows` and `GET /flows/lookup` lag behind a change."""
    status_lag_s: Duration = 0.0
    """Seconds for which the status of an accepted publish or upload is not found."""
    time_scale: Annotated[float, Field(ge=0.001, le=1e9)] = 1.0
    """Factor by which all durations in the organisation are shortened. The clock itself is unchanged."""
    rate_limit_per_minute: Count = 300
    token_requests_per_minute: Count = 60
    heartbeat_s: Period = 30.0
    """Seconds between heartbeats on the websocket of a notification channel."""
    channels_per_client: Count = 20
    """Notification channels per client. A further one displaces the least recently used one."""
    topics_per_channel: Count = 1_000
    channel_lifetime_s: Period = 86_400.0
    """Seconds that a notification channel lives after its last subscription."""
    upload_valid_s: Duration = 3_600.0
    """Seconds that a presigned URL is valid."""
    download_valid_s: Duration = 3_600.0
    older_version: UnclearPublish = UnclearPublish.WORKS
    """Behaviour for a version that is older than the published one."""
    unknown_version: UnclearPublish = UnclearPublish.SILENTLY_NOTHING
    """Behaviour for a version that does not exist; `works` counts as `error` here."""
    locked_upload: LockedUpload = LockedUpload.FAIL
    second_checkout: SecondCheckout = SecondCheckout.CONFLICT
    largest_page: Count = 1_000
    """The most rows in a page of a list, also when the request asks for more."""
    strict_resources: bool = False
    """Whether a publish needs every resource that its flow names, also of kinds of which none was loaded."""
    nested_modules: bool = False
    """Whether a common module may use another one. Genesys' Resource Centre says that it cannot."""
    opaque_version_ids: bool = False
    """Whether version ids of the versioned dialect differ from version numbers. It then accepts only ids."""
    tells_types: bool = True
    """Whether the versioned dialect reports the type of a flow in its listing and after a switch."""
    bare_traces: bool = False
    """Whether the versioned dialect reports only the id of a trace; its steps give the rest."""
    debug_result: DebugResult = DebugResult.LIST
    debug_ending: DebugEnding = DebugEnding.COMPLETED
    debug_location: bool = True
    """Whether the start of an action trace answers with a `Location`. Otherwise its body names the job."""

    def duration_s(self, seconds: float) -> float:
        """The duration in seconds after applying `time_scale`."""
        return seconds / self.time_scale
