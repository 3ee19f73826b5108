"""The shape of a repository in the configuration file."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, StrictInt, model_validator

from controller.forges.port import ForgeKind
from controller.manifests.fields import Slug, Text, Url, mistaken
from controller.manifests.shape import Shape
from controller.reconcile.configuration.fields import (
    AbsolutePath,
    BranchName,
    FolderWithin,
    OrganizationPattern,
    RepositoryUrl,
    SecretReferenceShape,
    VariablePattern,
)


class GitHubAppShape(Shape):
    """A GitHub App, whose tokens the controller renews."""

    id: Text
    """The app's id."""
    key: AbsolutePath
    """File with the app's private key, as PEM."""
    installation: StrictInt | None = Field(default=None, ge=1)
    """The app's installation; else the one that has the repository."""


class GitAccessShape(Shape):
    """How git logs in: with a token, with an SSH key, or as a GitHub App."""

    token: SecretReferenceShape | None = None
    """The token, or the password, for a remote over HTTPS."""
    username: Text | None = None
    """The user name that goes with it; `x-access-token` if left out, which GitHub takes. GitLab takes `oauth2`."""
    ssh_key: AbsolutePath | None = None
    """File with the private key for a remote over SSH."""
    known_hosts: AbsolutePath | None = None
    """File with the host keys to trust for a remote over SSH; the user's own if left out."""
    github_app: GitHubAppShape | None = None
    """The GitHub App whose installation tokens git uses."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = {"token": self.token, "sshKey": self.ssh_key, "githubApp": self.github_app}
        given = [name for name, value in ways.items() if value is not None]
        if len(given) > 1:
            raise mistaken(f"must hold only one of token, sshKey or githubApp; it holds {' and '.join(given)}")
        if self.username is not None and self.token is None:
            raise mistaken("names a username without a token")
        return self


class ForgeShape(Shape):
    """The forge on which the controller plans pull requests."""

    kind: ForgeKind
    """The kind of forge."""
    url: Url | None = None
    """Address of a self-hosted forge."""
    repository: Text | None = None
    """OWNER/NAME on the forge; else the path of the repository's URL."""
    token: SecretReferenceShape | None = None
    """The forge's token."""
    app: GitHubAppShape | None = None
    """A GitHub App instead of a token."""
    approvals: Literal["review"] | None = None
    """`review`: approving reviews of a merged pull request approve its plan."""

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if (self.token is None) == (self.app is None):
            raise mistaken("must hold exactly one of token or app")
        if self.app is not None and self.kind is not ForgeKind.GITHUB:
            raise mistaken("cannot hold app: only GitHub has apps", "give it a token")
        return self


class RepositoryShape(Shape):
    """A repository that the controller follows."""

    name: Slug
    """Its name in logs, metrics and on the pages."""
    url: RepositoryUrl
    """The git remote: HTTPS, SSH, or a path; without a password."""
    branch: BranchName | None = None
    """The branch that deliveries come from; else the one that the remote's HEAD names."""
    path: FolderWithin = "."
    """Folder of the manifests within the repository."""
    organizations: tuple[OrganizationPattern, ...] = ()
    """Patterns of the organisations that it may describe; all when empty."""
    credentials: GitAccessShape | None = None
    """How git logs in."""
    credential_variables: tuple[VariablePattern, ...] | None = None
    """Patterns of the variables that its manifests may name as credentials; else those of the process."""
    credential_folders: tuple[AbsolutePath, ...] | None = None
    """Folders of the files that its manifests may name as credentials; else those of the process."""
    forge: ForgeShape | None = None
    """Where pull requests are planned."""
    commit_signers: AbsolutePath | None = None
    """File of the SSH keys that may sign the commits that are used, as allowed signers."""
    commit_keyring: AbsolutePath | None = None
    """Exported OpenPGP keys that may sign them: a file, or a folder of files."""
    webhook_secret: SecretReferenceShape | None = None
    """The secret that the forge's webhooks know."""
