"""The operator's settings from the environment: place of the state, allowed hosts, intervals.

The repository cannot change them, so that no pull request changes where credentials go.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import platformdirs
import structlog
from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.process import SettingsInvalid
from controller.domain.files import Limits
from controller.domain.lease_times import usual_lease_s
from controller.domain.redaction import SECRETS
from controller.domain.wording import advised
from controller.forges.port import ForgeKind
from controller.manifests.substitutions import VALUE_PREFIX
from controller.reconcile.access_settings import AccessSettings
from controller.reconcile.secret_files import secret_in_file
from controller.reconcile.surroundings import mask_proxies, trust
from controller.repository.names import checked_branch, checked_url
from controller.repository.signers import Signers

log = structlog.get_logger()

LONGEST_S = 31 * 24 * 3600
Seconds = Annotated[float, Field(gt=0, le=LONGEST_S, allow_inf_nan=False)]
"""A duration that clocks can add."""
_RENAMED = "it is read as PENSTOCK_ORGANIZATION_HOSTS; hosts that gates and webhooks ask are PENSTOCK_GATE_HOSTS"


def default_store_url() -> str:
    """SQLite in the user's state folder (`$XDG_STATE_HOME/penstock`)."""
    return f"sqlite:///{platformdirs.user_state_path('penstock') / 'penstock.db'}"


def _usual_lease_ttl(known: Mapping[str, Any]) -> float:
    return usual_lease_s(server=known["store"].startswith("postgres"))


class Settings(AccessSettings):
    """All settings, each from the variable `PENSTOCK_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="PENSTOCK_", frozen=True, extra="ignore")

    config: Path | None = Field(
        default=None, description="The operator's configuration file: repositories, and more than variables can say"
    )
    store: str = Field(default_factory=default_store_url, description="SQLAlchemy URL of the store")
    store_file: Path | None = Field(
        default=None, description="File with that URL, for one that has a password; PENSTOCK_STORE is not used then"
    )
    credential_variables: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("GENESYS_*",), description="Patterns of the variables that manifests may name, separated by commas"
    )
    credential_folders: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(Path("/run/secrets"), Path("/var/run/secrets")),
        description="Folders of the files that manifests may name, separated by colons",
    )
    organization_hosts: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset(),
        description="Further hosts, next to Genesys' own, that get credentials, separated by commas",
    )
    gate_hosts: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset(), description="Internal hosts that gates may ask, and webhooks' hosts, separated by commas"
    )
    allowed_hosts: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset(), description="The former name of PENSTOCK_ORGANIZATION_HOSTS"
    )
    repository_url: str | None = Field(default=None, description="Git remote that the service follows")
    branch: str | None = Field(
        default=None, description="Branch that deliveries come from; else the one that the remote's HEAD names"
    )
    manifests: str = Field(default=".", description="Folder of the manifests within the repository")
    organizations: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Patterns of the organisations that the repository may describe, separated by commas"
    )
    work_dir: Path | None = Field(default=None, description="Where the service keeps its clone")
    ca_file: Path | None = Field(
        default=None, description="Certificates of authorities that are trusted besides the system's, as PEM"
    )
    poll_interval: Seconds = Field(default=30.0, description="Seconds between looks at the git remote")
    drift_interval: Seconds = Field(default=300.0, description="Seconds between looks at the organisations")
    full_look_interval: Seconds = Field(
        default=3600.0, description="Seconds after which a look reads all flows, not only the recently published ones"
    )
    insecure_servers: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset(),
        description="Hosts that commands with --server may ask without TLS, separated by commas; the token is readable",
    )
    rate_limit: int = Field(
        default=300, gt=0, le=1_000_000, description="Requests a minute that an organisation allows"
    )
    page_size: int = Field(
        default=1000, ge=1, le=1000, description="Flows to a page of a listing, up to the dialect's largest page"
    )
    list_ttl: Seconds = Field(
        default=300.0, description="Seconds for which a listing of resources, or of the versioned dialect, is reused"
    )
    publish_poll: Seconds = Field(default=5.0, description="Seconds before the first look at a running publish")
    publish_timeout: Seconds = Field(
        default=600.0, description="Seconds that a publish may take before it counts as undetermined"
    )
    upload_timeout: Seconds = Field(
        default=960.0, description="Seconds that the upload of a file may take before it counts as undetermined"
    )
    rollback_timeout: Seconds = Field(
        default=300.0, description="Seconds for one attempt to bring a previous version back"
    )
    conflict_timeout: Seconds = Field(
        default=300.0, description="Seconds that a lock, or another operation on the flow, is waited for"
    )
    conflict_poll: Seconds = Field(default=15.0, description="Seconds between looks meanwhile")
    cache_dir: Path = Field(
        default_factory=lambda: platformdirs.user_cache_path("penstock"),
        description="Folder that keeps what flow files say between runs",
    )
    cache_mib: int = Field(default=64, ge=0, le=65_536, description="MiB that are kept there at most; 0 keeps nothing")
    notifications: bool = Field(
        default=True, description="Whether organisations that can are asked to announce what happens to flows"
    )
    job_poll: Seconds = Field(
        default=2.0, description="Seconds between looks at a validation, and before the first one at an export"
    )
    export_flows: int = Field(default=50, ge=1, le=1000, description="Flows in one export job at most")
    lease_ttl: Seconds = Field(
        default_factory=_usual_lease_ttl,
        ge=1,
        description="Seconds after which another controller may take over from one that is silent",
    )
    holder: str | None = Field(default=None, description="This controller's name in leases; host and process id")
    audit_dir: Path | None = Field(default=None, description="Folder for daily audit files, in addition to the store")
    audit: Literal["stdout"] | None = Field(
        default=None, description="Write audit entries to standard output as well, as JSON lines"
    )
    history_days: int = Field(
        default=400,
        gt=0,
        le=36_500,
        description="Days for which finished deliveries and replaced facts are kept, except what is still needed",
    )
    audit_days: int = Field(
        default=90, gt=0, le=36_500, description="Days for which audit entries are kept, in store and files"
    )
    webhook_url: str | None = Field(
        default=None, repr=False, description="Receiver that is told of every migration of a flow's version"
    )
    webhook_secret_file: Path | None = Field(
        default=None, description="File with the secret that signs its messages; else PENSTOCK_WEBHOOK_SECRET"
    )
    incoming_webhook_secret_file: Path | None = Field(
        default=None,
        description="File with the secret that the forge's webhooks know; else PENSTOCK_INCOMING_WEBHOOK_SECRET",
    )
    incoming_webhook_secret_variable: str = Field(
        default="PENSTOCK_INCOMING_WEBHOOK_SECRET", description="Name of the variable with this secret"
    )
    forge: ForgeKind | None = Field(
        default=None, description="Forge that the service plans pull requests on: github, gitlab or gitea"
    )
    forge_url: str | None = Field(default=None, description="Address of a self-hosted forge")
    forge_repository: str | None = Field(
        default=None, description="OWNER/NAME on the forge; else the path of the repository's URL"
    )
    forge_ca_file: Path | None = Field(
        default=None, description="Certificates of authorities that the forge's certificate may come from, as PEM"
    )
    forge_token_file: Path | None = Field(
        default=None, description="File with the forge's token; else PENSTOCK_FORGE_TOKEN"
    )
    forge_token_variable: str = Field(
        default="PENSTOCK_FORGE_TOKEN", description="Name of the variable with the forge's token"
    )
    forge_app_id: str | None = Field(default=None, description="Id of a GitHub App, instead of a token")
    forge_app_key_file: Path | None = Field(default=None, description="The app's private key, as PEM")
    forge_app_installation: int | None = Field(
        default=None, description="The app's installation; else the one that has the repository"
    )
    approvals: Literal["review"] | None = Field(
        default=None, description="review: approving reviews of a merged pull request approve its plan"
    )
    git_token_file: Path | None = Field(
        default=None, description="File with the token for HTTP git remotes; else PENSTOCK_GIT_TOKEN"
    )
    git_token_variable: str = Field(
        default="PENSTOCK_GIT_TOKEN", description="Name of the variable with the token for HTTP git remotes"
    )
    git_username: str = Field(default="x-access-token", description="User name that goes with this token")
    git_app_id: str | None = Field(default=None, description="Id of a GitHub App as which git logs in")
    git_app_key_file: Path | None = Field(default=None, description="The app's private key, as PEM")
    git_app_installation: int | None = Field(
        default=None, description="The app's installation; else the one that has the repository"
    )
    git_ssh_key: Path | None = Field(default=None, description="Private key file for SSH git remotes")
    git_known_hosts: Path | None = Field(default=None, description="Host keys to trust for SSH git remotes")
    commit_signers: Path | None = Field(
        default=None, description="File of the SSH keys that may sign the commits that are used, as allowed signers"
    )
    commit_keyring: Path | None = Field(
        default=None, description="Exported OpenPGP keys that may sign them: a file, or a folder of files"
    )
    git_environment: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Further variables that git is given, as patterns separated by commas"
    )

    repository_entries: int = Field(
        default=Limits().entries, gt=0, description="Files and folders that are searched for manifests at most"
    )
    repository_mib: int = Field(
        default=Limits().total_bytes // 1024**2, gt=0, description="MiB of manifests and flow files at most"
    )

    @property
    def limits(self) -> Limits:
        """Limits for reading a repository."""
        return Limits(self.repository_entries, self.repository_mib * 1024**2)

    @property
    def signers(self) -> Signers | None:
        """The keys of which one must have signed each commit that is used; None where no signature is needed."""
        found = Signers(self.commit_signers, self.commit_keyring)
        return found if found.settings else None

    @field_validator("repository_url", "branch")
    @classmethod
    def _of_git(cls, value: str | None, field: ValidationInfo) -> str | None:
        check = checked_url if field.field_name == "repository_url" else checked_branch
        try:
            return None if value is None else check(value)
        except PenstockError as error:
            raise ValueError(advised(error.message, error.hint)) from error

    @field_validator("manifests")
    @classmethod
    def _within(cls, value: str) -> str:
        path = PurePosixPath(value)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError("it must be a folder within the repository, such as manifests")
        return value

    @field_validator("branch", "audit", "forge", "approvals", "commit_signers", "commit_keyring", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        return value or None

    @field_validator("commit_signers", "commit_keyring")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_absolute():
            raise ValueError(f"{value} must be an absolute path")
        return value

    @field_validator("organization_hosts", "gate_hosts", "allowed_hosts", "insecure_servers", mode="before")
    @classmethod
    def _hosts(cls, value: object) -> object:
        if isinstance(value, str):
            return frozenset(host.strip().lower() for host in value.split(",") if host.strip())
        return value

    @field_validator("credential_variables", "git_environment", "organizations", mode="before")
    @classmethod
    def _patterns(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(pattern.strip() for pattern in value.split(",") if pattern.strip())
        return value

    @field_validator("credential_folders", mode="before")
    @classmethod
    def _folders(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        folders = tuple(Path(folder) for folder in value.split(os.pathsep) if folder)
        relative = [str(folder) for folder in folders if not folder.is_absolute() or ".." in folder.parts]
        if relative:
            raise ValueError(f"{', '.join(relative)} must be an absolute path")
        return folders


def load_settings(*, service: bool = False) -> Settings:
    """Read the environment, for the service or for a person's command.

    A command may also read credentials below the user's own configuration folder. Raises SettingsInvalid that names
    each variable and its mistake.
    """
    settings = _from_environment()
    if settings.store_file is not None:
        found = {"store": secret_in_file(settings.store_file, "PENSTOCK_STORE_FILE")}
        usual = {} if "lease_ttl" in settings.model_fields_set else {"lease_ttl": _usual_lease_ttl(found)}
        settings = settings.model_copy(update=found | usual)
    mask_proxies()
    trust(settings.ca_file, settings.cache_dir)
    # A value of flow files may be secret even if no manifest refers to it now.
    for name, value in os.environ.items():
        if name == settings.git_token_variable or name.startswith(VALUE_PREFIX):
            SECRETS.register(value)
    if settings.allowed_hosts:
        log.warning("settings.renamed", old="PENSTOCK_ALLOWED_HOSTS", hint=_RENAMED)
        hosts = settings.organization_hosts | settings.allowed_hosts
        settings = settings.model_copy(update={"organization_hosts": hosts})
    own = () if service else (platformdirs.user_config_path("penstock"),)
    return settings.model_copy(update={"credential_folders": (*settings.credential_folders, *own)})


def _from_environment() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(
            f"PENSTOCK_{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors(include_input=False)
        )
        raise SettingsInvalid(f"the settings in the environment are wrong: {faults}") from None
