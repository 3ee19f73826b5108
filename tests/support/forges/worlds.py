"""A fake forge with one repository, people and a pull request, and Penstock connected to it in the same process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from controller.forges.connect import ForgeConnection, connect_forge
from controller.forges.github_app import GitHubApp
from controller.forges.port import Forge, ForgeKind
from tests.support.clock import SteppedClock
from tests.support.forges.gitea import Gitea
from tests.support.forges.gitea_access import GiteaToken
from tests.support.forges.github import GitHub
from tests.support.forges.github_access import Token
from tests.support.forges.gitlab import GitLab
from tests.support.forges.gitlab_access import GitLabToken
from tests.support.forges.model import PullRequest, Repository

NAME = "acme/flows"
BOT = "penstock"
URL = "http://127.0.0.1:7990"
KINDS = tuple(ForgeKind)


@dataclass(slots=True)
class ForgeWorld:
    """One forge. `ada` opened the pull request and, like `grace`, may write; `carol` may read."""

    kind: ForgeKind
    server: Any
    repository: Repository
    pull: PullRequest
    clock: SteppedClock
    opened: list[Forge] = field(default_factory=list)

    def connect(self, login: str = BOT, **changes: Any) -> Forge:
        """A new connection with the token of this person."""
        credentials: str | GitHubApp = changes.pop("credentials", f"token-of-{login}")
        http = changes.pop("http", None) or httpx.ASGITransport(app=self.server)
        connection = ForgeConnection(
            kind=self.kind,
            repository=changes.pop("repository", NAME),
            credentials=credentials,
            api_url=changes.pop("api_url", URL),
            hosts=["127.0.0.1"],
        )
        made = connect_forge(connection, clock=self.clock, http=http, **changes)
        self.opened.append(made)
        return made

    def token(self, login: str, **limited: Any) -> None:
        """Give a person a token; further arguments are those of the fake's tokens."""
        kinds: dict[ForgeKind, Callable[..., Any]] = {
            ForgeKind.GITHUB: Token,
            ForgeKind.GITLAB: GitLabToken,
            ForgeKind.GITEA: GiteaToken,
        }
        self.server.tokens[f"token-of-{login}"] = kinds[self.kind](login, **limited)

    def bodies(self) -> list[str]:
        """The comments that stand, the oldest first."""
        return [each.body for each in self.pull.comments]

    @property
    def comments_path(self) -> str:
        """A part of the paths of comments, and of no others."""
        return "/notes" if self.kind is ForgeKind.GITLAB else "/comments"


def forge_world(kind: ForgeKind) -> ForgeWorld:
    """A forge of this kind."""
    clock = SteppedClock()
    server: Any = {ForgeKind.GITHUB: lambda: GitHub(enterprise=True), ForgeKind.GITLAB: GitLab, ForgeKind.GITEA: Gitea}[
        kind
    ]()
    if kind is ForgeKind.GITHUB:
        server.wall = lambda: clock.now().timestamp()
    repository = server.forge.repository(NAME)
    server.forge.grant(repository, "write", "ada", "grace")
    server.forge.grant(repository, "maintain", BOT)
    server.forge.grant(repository, "read", "carol")
    pull = server.forge.pull_request(repository, "ada", "greeting", title="Change the greeting")
    made = ForgeWorld(kind, server, repository, pull, clock)
    for login in ("ada", "grace", "carol", BOT):
        made.token(login)
    return made
