"""What the clients of all three forges do alike: their repository, their own login, comments and commit statuses."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from controller.domain.errors.forge import ForgeNotFound
from controller.forges.call import ForgeCall
from controller.forges.calls import Paging, RepositoryCalls, checked_sha
from controller.forges.port import Checks, Comment, CommitStatus
from controller.forges.text import inert
from controller.forges.transport import ForgeTransport
from controller.forges.wire import ForgeModel


class CommentModel(ForgeModel, ABC):
    """A comment as a forge answers it."""

    @abstractmethod
    def value(self) -> Comment:
        """As the port's value."""


class CollaboratorPermission(ForgeModel):
    """What GitHub and Gitea tell of a user in a repository."""

    permission: str


@dataclass(frozen=True, slots=True)
class CommentApi:
    """How a forge takes comments."""

    every: str
    """The route of all comments of a pull request, with `{number}`."""
    one: str
    """The route of one comment, with `{comment}`."""
    update_method: str
    model: type[CommentModel]
    permission: str
    """What the token needs to write them, in the forge's words."""
    noun: str
    """What the forge calls a pull request."""


class RepositoryForge(ABC):
    """One repository on one forge: the parts of `Forge` in which the forges differ by names only."""

    comment_api: ClassVar[CommentApi]
    route: ClassVar[str]
    """The repository's own route, with `{repository}`."""
    paging: ClassVar[Paging]

    def __init__(self, transport: ForgeTransport, repository: str) -> None:
        self._transport = transport
        self._calls = RepositoryCalls(transport, repository, route=self.route, paging=self.paging)
        self._asking = asyncio.Lock()
        self._asked = False
        self._login: str | None = None

    @property
    def repository(self) -> str:
        return self._calls.repository

    @property
    def checks(self) -> Checks | None:
        return None

    async def login(self) -> str | None:
        """Asked once; a failure is not kept."""
        async with self._asking:
            if not self._asked:
                self._login, self._asked = await self._find_login(), True
            return self._login

    @abstractmethod
    async def _find_login(self) -> str | None:
        """The login; None when the forge does not tell."""

    async def add_comment(self, number: int, body: str) -> Comment:
        api = self.comment_api
        call = ForgeCall(
            "POST",
            api.every,
            {"number": number},
            body={"body": inert(body)},
            permission=api.permission,
            what=self._named(number),
            repeatable=False,
        )
        return (await self._calls.fetch(call, api.model)).value()

    async def update_comment(self, number: int, comment_id: int, body: str) -> Comment:
        api = self.comment_api
        call = self._of_comment(api.update_method, number, comment_id, {"body": inert(body)})
        return (await self._calls.fetch(call, api.model)).value()

    async def delete_comment(self, number: int, comment_id: int) -> None:
        try:
            await self._calls.send(self._of_comment("DELETE", number, comment_id))
        except ForgeNotFound:
            return

    def _of_comment(self, method: str, number: int, comment_id: int, body: object = None) -> ForgeCall:
        return ForgeCall(
            method,
            self.comment_api.one,
            {"number": number, "comment": comment_id},
            body=body,
            permission=self.comment_api.permission,
            what=f"comment {comment_id} at {self._named(number)}",
        )

    async def aclose(self) -> None:
        await self._transport.aclose()

    def _named(self, number: int) -> str:
        return f"{self.comment_api.noun} {number}"

    async def _send_status(
        self, sha: str, status: CommitStatus, content: Mapping[str, str], *, permission: str
    ) -> None:
        """Set a status; `content` is what the forges name differently."""
        target = {"target_url": status.target_url} if status.target_url else {}
        route, path = f"{self.route}/statuses/{{sha}}", {"sha": checked_sha(sha)}
        call = ForgeCall("POST", route, path, body={**content, **target}, permission=permission, what=f"commit {sha}")
        await self._calls.send(call)

    async def _has_permission(self, user: str, permissions: tuple[str, ...], *, needs: str) -> bool:
        """Whether a user of GitHub or Gitea has one of the permissions; `needs` is what the token needs to ask."""
        route = f"{self.route}/collaborators/{{user}}/permission"
        call = ForgeCall("GET", route, {"user": user}, permission=needs, what=f"user {user}")
        try:
            return (await self._calls.fetch(call, CollaboratorPermission)).permission in permissions
        except ForgeNotFound as error:
            if error.of_repository:
                raise
            return False
