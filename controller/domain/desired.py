"""The desired state: what the manifests of one revision specify for one organisation. Values only.

`manifests` reads YAML into these, `planning` compares them with live and recorded state, `delivery` honours their
policies. Durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from controller.domain.identity import FlowKey
from controller.domain.notification import NotificationRule
from controller.domain.references import BINDING_TYPES, MODULE_TYPES, FlowReference, ResourceReference
from controller.domain.resources import ResourcePolicy


class SyncMode(StrEnum):
    AUTO = "auto"
    MANUAL = "manual"
    OBSERVE = "observe"


class OnFailure(StrEnum):
    ROLLBACK_ALL = "rollback-all"
    ROLLBACK_FLOW = "rollback-flow"
    HALT = "halt"


class OnLocked(StrEnum):
    FAIL = "fail"
    WAIT = "wait"
    UNLOCK = "unlock"


class CyclePolicy(StrEnum):
    BLOCK = "block"
    GROUP = "group"


class BotCallers(StrEnum):
    """What happens to the callers of a bot or a digital bot that has another version."""

    REPUBLISH = "republish"
    """They are published again, as the callers of a common module are."""
    KEEP = "keep"
    """They are left as they are: the organisation calls the version that is live."""


class OnNoData(StrEnum):
    WAIT = "wait"
    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    PROBE = "probe"


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """The origin of a value: file (relative to the repository), line and column, both from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class SecretSource:
    """The source of a credential, never the credential itself. Exactly one field is set."""

    env: str | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    client_id: SecretSource
    client_secret: SecretSource
    scopes: tuple[str, ...] = ()
    """Scopes to request for tokens; empty for all scopes of the client."""


class Removal(StrEnum):
    """The action of pruning on a flow without a manifest."""

    UNPUBLISH = "unpublish"
    """The flow and its versions remain, and it can be published again."""
    DELETE = "delete"
    """The flow is deleted irreversibly."""


@dataclass(frozen=True, slots=True)
class SyncPolicy:
    mode: SyncMode = SyncMode.AUTO
    heal: bool = False
    prune: bool = False
    on_failure: OnFailure = OnFailure.ROLLBACK_ALL
    concurrency: int | None = None
    """How many flows are deployed at the same time; None for as many as the organisation carries."""
    max_concurrency: int = 32
    """The most at the same time where `concurrency` is None."""
    removal: Removal = Removal.UNPUBLISH


class WindowKind(StrEnum):
    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Window:
    kind: WindowKind
    schedule: str
    """Five-field cron expression of the window's start."""
    duration_s: float
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Safety:
    max_update_percent: float = 30.0
    max_delete_percent: float = 30.0
    minimum_existing: int = 10
    """The thresholds apply only to organisations with at least this many managed flows."""
    max_active_versions: int = 5


@dataclass(frozen=True, slots=True)
class ArtifactsPolicy:
    path: str = "artifacts"
    branch: str = "penstock/records"
    """A separate branch: records must not cause rejected pushes, and the people's branch may be protected."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of an organisation. Only the operator decides where credentials go (see DESIGN invariant 7)."""

    region: str | None
    """The Genesys domain, or None if explicit URLs replace it."""
    api_url: str
    login_url: str


class SourceText(Protocol):
    """The rendered Archy YAML of a flow file. It is read when it is needed, and not kept."""

    def read(self) -> str:
        """The text that is uploaded. It may carry substituted secrets: never log or store it.

        Blocks while git runs. Raises RepositoryFailed when it cannot be read, or is another text by now.
        """


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A flow file after substitution, with the facts that planning needs."""

    file: str
    """Path relative to the repository."""
    text: SourceText = field(repr=False)
    digest: str
    """`sha256:...` over the canonical form."""
    references: tuple[FlowReference, ...] = ()
    resources: tuple[ResourceReference, ...] = ()


@dataclass(frozen=True, slots=True)
class PinnedVersion:
    """A version that the organisation already has, pinned by the manifest."""

    version: str


@dataclass(frozen=True, slots=True)
class Stage:
    percentage: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class Rollout:
    bake_s: float = 0.0
    stages: tuple[Stage, ...] = ()
    timeout_s: float | None = None
    """Seconds that a publish may take, beyond its stages; None for the operator's limit."""


@dataclass(frozen=True, slots=True)
class ErrorRateGate:
    window_s: float
    minimum_samples: int
    max_rate: float
    """A fraction from 0 to 1."""
    on_no_data: OnNoData = OnNoData.WAIT
    baseline: bool = False
    """Compare with the previous version's rate instead of zero: `max_rate` is then the allowed increase."""


@dataclass(frozen=True, slots=True)
class HttpGate:
    url: str
    status: int = 200
    json_path: str | None = None
    equals: object = None
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class ExecutionGate:
    """Launch the flow once with the given input and require it to end without an error."""

    inputs: Mapping[str, object] = field(default_factory=dict)
    timeout_s: float = 120.0


Gate = ErrorRateGate | HttpGate | ExecutionGate


@dataclass(frozen=True, slots=True)
class DesiredFlow:
    """One `Flow` manifest."""

    id: str
    """`metadata.name`: the name of the flow in manifests, plans and the command line."""
    key: FlowKey
    source: SourceFile | PinnedVersion
    origin: Origin
    labels: Mapping[str, str] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    """`metadata.name`s of other flows, for dependencies that the content does not show."""
    rollout: Rollout = Rollout()
    gates: tuple[Gate, ...] = ()
    automatic_rollback: bool = True
    suspended: bool = False
    previous_name: str | None = None
    """`spec.renamedFrom`: the previous name. It turns a change of name into a rename instead of a second flow."""
    release_version: str | None = None
    """The release to name in a publish; None for the commit."""
    flow_id: str | None = None
    """`spec.id`: the organisation's id of the flow (versioned dialect); None to find it by name."""

    @property
    def wanted(self) -> str:
        """The desired content as a key that changes if and only if the desired content changes."""
        return self.source.version if isinstance(self.source, PinnedVersion) else self.source.digest


@dataclass(frozen=True, slots=True)
class Organization:
    """One `Organization` manifest with the flows that it owns, ordered by `id`."""

    name: str
    endpoint: Endpoint
    dialect: str
    """`architect` or `versioned`."""
    credentials: Credentials
    origin: Origin
    flows: tuple[DesiredFlow, ...] = ()
    sync: SyncPolicy = SyncPolicy()
    windows: tuple[Window, ...] = ()
    safety: Safety = Safety()
    on_locked: OnLocked = OnLocked.FAIL
    cycles: CyclePolicy = CyclePolicy.BLOCK
    resources: ResourcePolicy = ResourcePolicy.BLOCK
    bot_callers: BotCallers = BotCallers.REPUBLISH
    artifacts: ArtifactsPolicy = ArtifactsPolicy()
    suspended: bool = False
    environment: str | None = None
    """The environment to name in a publish; None for the organisation's name."""
    notifications: tuple[NotificationRule, ...] = ()
    """Who is told of what happens to it, besides what the operator says."""

    @property
    def binding_types(self) -> frozenset[str]:
        """The types of flows whose callers keep the version that was live when they were published."""
        return BINDING_TYPES if self.bot_callers is BotCallers.REPUBLISH else MODULE_TYPES
