"""What live versions refer to: read once from the organisation, and kept for ever, because a version never changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from controller.domain.capabilities import VERSIONED
from controller.domain.desired import Organization
from controller.domain.errors import BadAnswer, NotFound, PenstockError, PermissionMissing
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.references import FlowReference, ResourceReference
from controller.reconcile.services import Services

T = TypeVar("T")

CONCURRENCY = 8
"""Flows that are read at once; the request budget limits them further."""

Advance = Callable[[int, int], None]
"""Told how many of how many are done."""


def unwatched(_done: int, _total: int) -> None:
    """Nobody watches."""


async def each_of(items: Iterable[T], work: Callable[[T], Awaitable[None]], advance: Advance = unwatched) -> None:
    """Do the work for every item, a few at a time. The first error stops all."""
    waiting = list(items)
    total, done = len(waiting), 0
    queue = iter(waiting)

    async def worker() -> None:
        nonlocal done
        for item in queue:
            await work(item)
            done += 1
            advance(done, total)

    advance(0, total)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(CONCURRENCY, total)):
                group.create_task(worker())
    except* PenstockError as errors:
        raise errors.exceptions[0] from None


class VersionContent:
    """Reads the content of versions of one organisation. `unread` says, in words, what could not be read."""

    def __init__(self, services: Services, organization: Organization) -> None:
        self._facts = services.store.facts
        self._platform = services.platform(organization)
        self._organization = organization.name
        self.unread: list[str] = []

    async def references(
        self, versions: Iterable[tuple[LiveFlow, str]], advance: Advance = unwatched
    ) -> dict[FlowKey, tuple[FlowReference, ...]]:
        """What each of these versions refers to."""
        return await self._read(versions, self._references_of, advance)

    async def resources(
        self, versions: Iterable[tuple[LiveFlow, str]], advance: Advance = unwatched
    ) -> dict[FlowKey, tuple[ResourceReference, ...]]:
        """What each of these versions uses besides flows; nothing where the dialect does not tell."""
        if self._platform.resources is None:
            self.unread.append(
                f"the {self._platform.dialect} dialect does not tell what live versions use beside flows"
            )
            return {}
        return await self._read(versions, self._resources_of, advance)

    async def _read(
        self,
        versions: Iterable[tuple[LiveFlow, str]],
        read: Callable[[LiveFlow, str], Coroutine[Any, Any, tuple[T, ...]]],
        advance: Advance,
    ) -> dict[FlowKey, tuple[T, ...]]:
        found: dict[FlowKey, tuple[T, ...]] = {}

        async def one(asked: tuple[LiveFlow, str]) -> None:
            live, version = asked
            try:
                found[live.key] = await read(live, version)
            except (NotFound, BadAnswer, PermissionMissing) as error:
                # In the versioned dialect listing flows is a right of its own, and its definitions tell most of it.
                if isinstance(error, PermissionMissing) and self._platform.dialect != VERSIONED:
                    raise
                self.unread.append(f"{live.key}: version {version} could not be read ({error.message})")

        await each_of(versions, one, advance)
        return found

    async def _references_of(self, live: LiveFlow, version: str) -> tuple[FlowReference, ...]:
        known = self._facts.references(self._organization, live.id, version)
        if known is None:
            known = tuple(await self._platform.versions.references(live.id, version))
            self._facts.remember_references(self._organization, live.id, version, known)
        return known

    async def _resources_of(self, live: LiveFlow, version: str) -> tuple[ResourceReference, ...]:
        known = self._facts.resources(self._organization, live.id, version)
        if known is None:
            if self._platform.resources is None:
                return ()
            known = tuple(await self._platform.resources.of(live.id, version))
            self._facts.remember_resources(self._organization, live.id, version, known)
        return known
