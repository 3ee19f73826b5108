"""The shape of the kind `Organization`: one organisation, how it is reached, and the policies for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StrictStr, WithJsonSchema, model_validator

from controller.domain.desired import (
    ArtifactsPolicy,
    BotCallers,
    Credentials,
    CyclePolicy,
    OnFailure,
    OnLocked,
    Removal,
    Safety,
    SecretSource,
    SyncMode,
    SyncPolicy,
    Window,
    WindowKind,
)
from controller.domain.resources import ResourcePolicy
from controller.manifests.endpoint import REGIONS, suggestion
from controller.manifests.fields import (
    Count,
    Percent,
    PositiveCount,
    PositiveDuration,
    Schedule,
    Slug,
    Switch,
    Text,
    TimeZone,
    mistaken,
)
from controller.manifests.notifications import NotificationShape
from controller.manifests.shape import Choice, Shape
from controller.manifests.substitutions import SubstitutionValue
from controller.manifests.wording import quoted

_SYNC = SyncPolicy()
_SAFETY = Safety()
_ARTIFACTS = ArtifactsPolicy()
_AUTO = "auto"
_MOST_AT_ONCE = 64


def _concurrency(value: object) -> object:
    number = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST_AT_ONCE
    if value != _AUTO and not number:
        raise mistaken(f"must be {_AUTO} or a whole number from 1 to {_MOST_AT_ONCE}")
    return value


AtOnce = Annotated[
    int | str,
    BeforeValidator(_concurrency),
    WithJsonSchema({"anyOf": [{"const": _AUTO}, {"type": "integer", "minimum": 1, "maximum": _MOST_AT_ONCE}]}),
]


def _variable(value: str) -> str:
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", value):
        raise mistaken(
            "must be the name of an environment variable: capital letters, digits and _",
            "a manifest must not hold the credential itself",
        )
    if value.startswith("PENSTOCK_"):
        hint = "name a variable of its own, such as GENESYS_CLIENT_SECRET"
        raise mistaken("must not be a setting of Penstock itself", hint)
    return value


def _scope(value: str) -> str:
    """The characters of RFC 6749, section 3.3."""
    if not re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+", value):
        raise mistaken("must be one OAuth scope, without spaces and quotes", "for example routing:flow:read")
    return value


def _absolute(value: str) -> str:
    if not PurePosixPath(value).is_absolute() or "\0" in value or ".." in PurePosixPath(value).parts:
        raise mistaken("must be an absolute path on the controller's machine", "for example /run/secrets/genesys")
    return value


def _region(value: str) -> str:
    if value not in REGIONS:
        hint = suggestion(value) or "such as mypurecloud.ie"
        raise mistaken(f"must be a Genesys domain, and not {quoted(value)}", hint)
    return value


def _inside(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in value or not value.isprintable():
        raise mistaken("must be a folder inside the repository", "for example artifacts")
    if any(part.startswith(".") for part in path.parts):
        raise mistaken("must not be a hidden folder", "for example artifacts")
    return path.as_posix()


def _branch(value: str) -> str:
    """A subset of what `git check-ref-format` accepts, without what a command line could take for an option."""
    refused = ("..", "//", "/.", "@{", ".lock/")
    plain = re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._/@+#-]*", value)
    if not plain or any(part in value for part in refused) or value.endswith((".lock", "/", ".")):
        raise mistaken("must be the name of a git branch", "for example main or penstock/artifacts")
    return value


class SecretShape(Choice):
    """Where a credential is read from when it is needed; never the credential itself."""

    choices: ClassVar[tuple[str, ...]] = ("env", "file")

    env: Annotated[StrictStr, AfterValidator(_variable)] | None = None
    """An environment variable of the controller."""
    file: Annotated[StrictStr, AfterValidator(_absolute)] | None = None
    """A file on the controller's machine, by absolute path."""

    def value(self) -> SecretSource:
        return SecretSource(self.env, Path(self.file) if self.file is not None else None)


class CredentialsShape(Shape):
    """The OAuth client (client credentials grant) that the controller works as."""

    client_id: SecretShape
    """The client's id."""
    client_secret: SecretShape
    """The client's secret."""
    scopes: tuple[Annotated[StrictStr, AfterValidator(_scope)], ...] = ()
    """The OAuth scopes that tokens are asked for (`versioned` only); all that the client has when empty."""

    def value(self) -> Credentials:
        return Credentials(self.client_id.value(), self.client_secret.value(), self.scopes)


class SyncShape(Shape):
    """When and how changes are carried out."""

    mode: SyncMode = _SYNC.mode
    """`auto` carries every plan out, `manual` waits for a person, `observe` only reports."""
    heal: Switch = _SYNC.heal
    """Whether an out-of-band change is reverted."""
    prune: Switch = _SYNC.prune
    """Whether flows whose manifest is gone are removed, after confirmation."""
    removal: Removal = _SYNC.removal
    """How: `unpublish` keeps the flow and its versions, `delete` removes it permanently."""
    on_failure: OnFailure = _SYNC.on_failure
    """What happens to a sync's other changes when one fails."""
    concurrency: AtOnce = _AUTO
    """How many flows are deployed at the same time; `auto` for as many as the organisation carries."""
    max_concurrency: Annotated[StrictInt, Field(ge=1, le=_MOST_AT_ONCE)] = _SYNC.max_concurrency
    """The most flows at the same time under `concurrency: auto`."""

    def value(self) -> SyncPolicy:
        return SyncPolicy(
            mode=self.mode,
            heal=self.heal,
            prune=self.prune,
            on_failure=self.on_failure,
            concurrency=self.concurrency if isinstance(self.concurrency, int) else None,
            max_concurrency=self.max_concurrency,
            removal=self.removal,
        )


class WindowShape(Shape):
    """A recurring time in which changes are allowed or denied."""

    kind: WindowKind
    """`deny` closes this time, also inside an `allow`; with any `allow`, all times outside of them are closed."""
    schedule: Schedule
    """When the window opens: a cron expression of five fields."""
    duration: PositiveDuration
    """How long it stays open."""
    timezone: TimeZone = "UTC"
    """The IANA time zone that the schedule is read in."""

    def value(self) -> Window:
        return Window(self.kind, self.schedule, self.duration, self.timezone)


class SafetyShape(Shape):
    """Limits beyond which a plan is refused until a person forces it."""

    max_update_percent: Percent = _SAFETY.max_update_percent
    """The highest share of the managed flows that one plan may change."""
    max_delete_percent: Percent = _SAFETY.max_delete_percent
    """The highest share of the managed flows that one plan may delete."""
    minimum_existing: Count = _SAFETY.minimum_existing
    """With fewer managed flows than this the percentages do not apply."""
    max_active_versions: PositiveCount = _SAFETY.max_active_versions
    """How many versions of a flow may be active at once; a switch to one more is blocked (`architect` has just one)."""

    def value(self) -> Safety:
        return Safety(self.max_update_percent, self.max_delete_percent, self.minimum_existing, self.max_active_versions)


class ArtifactsShape(Shape):
    """Where the controller commits the lock file and the exports."""

    path: Annotated[StrictStr, AfterValidator(_inside)] = _ARTIFACTS.path
    """A folder of the repository, from its root; each organisation gets a folder of its name in it."""
    branch: Annotated[StrictStr, AfterValidator(_branch)] = _ARTIFACTS.branch
    """The branch that is committed to."""

    def value(self) -> ArtifactsPolicy:
        return ArtifactsPolicy(self.path, self.branch)


class OrganizationSpec(Shape):
    """The desired state of an organisation."""

    region: Annotated[StrictStr, AfterValidator(_region), Field(json_schema_extra={"enum": list(REGIONS)})] | None = (
        None
    )
    """The Genesys domain, such as `mypurecloud.ie`; or `apiUrl` and `loginUrl` for a host that the operator allows."""
    api_url: StrictStr | None = None
    """Instead of `region`: where the API answers; only loopback and hosts that the operator allows."""
    login_url: StrictStr | None = None
    """Instead of `region`: where tokens are issued; only loopback and hosts that the operator allows."""
    api: Literal["architect", "versioned"] = "architect"
    """The dialect of the API."""
    credentials: CredentialsShape
    """The OAuth client, by reference."""
    sync: SyncShape = Field(default_factory=SyncShape)
    """When and how changes are carried out."""
    windows: tuple[WindowShape, ...] = ()
    """When changes are allowed or denied; at any time when empty."""
    safety: SafetyShape = Field(default_factory=SafetyShape)
    """Limits beyond which a plan is refused."""
    on_locked: OnLocked = OnLocked.FAIL
    """What to do when a person holds a flow's lock; `wait` looks every 15 seconds for five minutes, `unlock` exports
    and commits the draft first.
    """
    cycles: CyclePolicy = CyclePolicy.BLOCK
    """Whether flows that refer to each other block the deployment or are deployed as one group."""
    resources: ResourcePolicy = ResourcePolicy.BLOCK
    """What happens to a change whose flow needs a queue, a data action or another resource that the organisation lacks;
    `ignore` looks nothing up.
    """
    bot_callers: BotCallers = BotCallers.REPUBLISH
    """Whether the callers of a bot or a digital bot are published again when it has another version, as those of a
    common module are.
    """
    artifacts: ArtifactsShape = Field(default_factory=ArtifactsShape)
    """Where lock file and exports are committed."""
    include: tuple[Text, ...] = ()
    """Folders or files of `Flow` manifests outside this organisation's folder, relative to this file."""
    substitutions: Mapping[str, SubstitutionValue] = Field(default_factory=dict)
    """Values for `{{name}}` in the flow files of this organisation; a flow's own value comes first."""
    notifications: tuple[NotificationShape, ...] = ()
    """Who is told of what happens to this organisation, besides what the operator configures."""
    suspend: Switch = False
    """Whether the organisation is left alone."""
    environment: Text | None = None
    """The environment that publishes name, such as `production`; the organisation's name when left out."""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        urls = [url for url in (self.api_url, self.login_url) if url is not None]
        if self.region is not None and urls:
            raise mistaken("must hold either region or apiUrl and loginUrl, and not both")
        if self.region is None and len(urls) != 2:
            raise mistaken("must hold region, or both apiUrl and loginUrl", "for example region: mypurecloud.ie")
        return self

    @model_validator(mode="after")
    def _scoped(self) -> Self:
        if self.credentials.scopes and self.api != "versioned":
            raise mistaken(
                f"must not hold credentials.scopes, which do not apply to api: {self.api}",
                "leave them out, and give the client's role the permissions that it needs and no others",
            )
        return self


class OrganizationMetadata(Shape):
    """What the organisation is called."""

    name: Slug
    """How plans, commands and artifacts name the organisation."""


class OrganizationShape(Shape):
    """One Genesys Cloud organisation, with the flows below this file's folder."""

    api_version: Literal["penstock/v1"] = Field(description="The version of this format.")
    kind: Literal["Organization"] = Field(description="What this document describes.")
    metadata: OrganizationMetadata
    """What the organisation is called."""
    spec: OrganizationSpec
    """The desired state of the organisation."""
