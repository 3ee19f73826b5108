"""Calls about one repository: its name in paths, its renames, pages, and what a 404 means."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import quote

import structlog

from controller.domain.errors.forge import ForgeNotFound, ForgeRejected, ForgeTooLarge
from controller.domain.errors.process import SettingsInvalid
from controller.domain.excerpt import excerpt
from controller.forges.call import ForgeAnswer, ForgeCall
from controller.forges.port import ForgeKind, PullRequest
from controller.forges.transport import ForgeTransport, RepositoryMoved
from controller.forges.wire import ForgeModel, many, one

log = structlog.get_logger()

Model = TypeVar("Model", bound=ForgeModel)

_NAME = re.compile(r"[\w.-]{1,100}(?:/[\w.-]{1,100}){1,20}", re.ASCII)
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SMALLER_PAGES = {100: 10, 50: 10, 10: 1}
"""When a page has too many bytes, the listing begins anew with pages of this size."""


def checked_repository(name: str, kind: ForgeKind) -> str:
    """The name, if it is `OWNER/NAME`, or a path of groups on GitLab. Raises SettingsInvalid."""
    parts = name.split("/")
    deep_enough = len(parts) == 2 or (kind is ForgeKind.GITLAB and len(parts) > 2)
    if not _NAME.fullmatch(name) or not deep_enough or {".", ".."}.intersection(parts):
        raise SettingsInvalid(f"{name!r} is not the name of a repository", hint="write OWNER/NAME")
    return name


def checked_sha(sha: str) -> str:
    """The commit id, if it is a whole one in hexadecimal. Raises ForgeRejected."""
    if not _SHA.fullmatch(sha):
        raise ForgeRejected(f"{sha!r} is not a whole commit id")
    return sha


def leads(pull_request: PullRequest, head: str, base: str) -> bool:
    """Whether it leads from the one branch of the repository to the other, and comes from no fork."""
    branches = (pull_request.head_branch, pull_request.base_branch)
    return branches == (head, base) and not pull_request.from_fork


class NamedRepository(ForgeModel):
    """A repository as each of the forges names it."""

    full_name: str | None = None
    path_with_namespace: str | None = None

    @property
    def name(self) -> str:
        """`OWNER/NAME`; empty when the forge did not tell."""
        return self.full_name or self.path_with_namespace or ""


@dataclass(frozen=True, slots=True)
class Paging:
    """How a forge counts pages."""

    size_parameter: str
    size: int


class RepositoryCalls:
    """Sends calls about a repository, which keeps its place when it is renamed."""

    def __init__(self, transport: ForgeTransport, repository: str, *, route: str, paging: Paging) -> None:
        """`route` is the repository's own route, such as `/repos/{repository}`."""
        self.transport = transport
        self.repository = repository
        self._route = route
        self._paging = paging
        self._seen = False

    async def send(self, call: ForgeCall) -> ForgeAnswer:
        """A successful answer. A renamed repository is found again, once. Raises the errors of the port."""
        try:
            answer = await self._sent(call)
        except RepositoryMoved:
            await self._locate()
            try:
                answer = await self._sent(call)
            except RepositoryMoved:
                raise ForgeRejected(f"{call.name}: {self.repository} is redirected to itself") from None
        except ForgeNotFound:
            if call.what and not self._seen:
                await self._locate()  # raises when the repository is what is missing
            raise
        self._seen = True
        return answer

    async def fetch(self, call: ForgeCall, model: type[Model]) -> Model:
        """The answer as a model."""
        return one(call, await self.send(call), model)

    async def whole_list(self, call: ForgeCall, model: type[Model]) -> list[Model]:
        """All items of a list that has no pages."""
        return many(call, await self.send(call), model)

    async def listing(self, call: ForgeCall, model: type[Model]) -> list[Model]:
        """All items of all pages. Raises ForgeTooLarge beyond the limits."""
        size = self._paging.size
        while True:
            try:
                return await self._pages(call, model, size)
            except ForgeTooLarge:
                if size not in _SMALLER_PAGES:
                    raise
                size = _SMALLER_PAGES[size]

    async def _pages(self, call: ForgeCall, model: type[Model], size: int) -> list[Model]:
        limits, found, bytes_read = self.transport.limits, list[Model](), 0
        for page in range(1, limits.pages + 1):
            query = {**call.query, self._paging.size_parameter: size, "page": page}
            answer = await self.send(replace(call, query=query))
            bytes_read += len(answer.content)
            if bytes_read > limits.listing_limit_bytes:
                raise ForgeTooLarge(f"{call.name}: more than {limits.listing_limit_bytes:,} bytes on all pages")
            items = many(call, answer, model)
            found += items
            if not items or not has_next(answer, len(found)):
                return found
        raise ForgeTooLarge(f"{call.name}: more than {limits.pages} pages of {size}")

    async def _sent(self, call: ForgeCall) -> ForgeAnswer:
        kind = self.transport.kind
        name = quote(self.repository, safe="" if kind is ForgeKind.GITLAB else "/")
        return await self.transport.send(replace(call, route=call.route.replace("{repository}", name)), self.repository)

    async def _locate(self) -> None:
        """Ask for the repository's present name. Raises ForgeNotFound when there is no such repository."""
        name = quote(self.repository, safe="" if self.transport.kind is ForgeKind.GITLAB else "/")
        call = ForgeCall("GET", self._route.replace("{repository}", name))
        found = one(call, await self.transport.follow(call, self.repository), NamedRepository).name
        try:
            checked_repository(found, self.transport.kind)
        except SettingsInvalid:
            raise ForgeRejected(f"{call.name}: the forge calls the repository {excerpt(found, limit=100)!r}") from None
        if found != self.repository:
            log.warning("forge.renamed", old=self.repository, new=found, hint="correct the repository's name")
            self.repository = found


def has_next(answer: ForgeAnswer, seen: int) -> bool:
    """Whether there is another page: by `Link`, GitLab's `x-next-page` or Gitea's count of all entries.

    The addresses of the header are not used: the page's number is enough.
    """
    if "x-next-page" in answer.headers:
        return bool(answer.headers["x-next-page"].strip())
    if "link" in answer.headers:
        return 'rel="next"' in answer.headers["link"]
    total = answer.headers.get("x-total-count", "")
    return total.isascii() and total.isdecimal() and len(total) <= 9 and seen < int(total)
