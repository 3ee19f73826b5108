"""Where new desired states come from: a branch of a git remote, or a folder on this machine during development."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Protocol

from controller.domain.clock import Clock
from controller.domain.errors import PenstockError, Transient
from controller.reconcile import Settings, Workspace, open_folder
from controller.repository import FollowSettings, Repository, follow, watch
from controller.service.checkouts import Checkouts


class Feed(Protocol):
    """Yields each new desired state. What cannot be read is told to `on_fault`, and the next one is waited for."""

    def workspaces(self, on_fault: Callable[[PenstockError], None]) -> AsyncIterator[Workspace]: ...


class GitFeed:
    """Follows a branch; a commit that only brought artifacts back is not a new desired state."""

    def __init__(
        self, open_repository: Callable[[], Repository], folder: Path, settings: Settings, clock: Clock
    ) -> None:
        self._open_repository = open_repository
        self._folder = folder
        self._settings = settings
        self._clock = clock

    async def workspaces(self, on_fault: Callable[[PenstockError], None]) -> AsyncIterator[Workspace]:
        """Each revision that asks for something else than the one before."""
        repository = await self._reached(on_fault)
        checkouts = Checkouts(repository, self._folder, self._settings)
        last: Workspace | None = None
        follow_settings = FollowSettings(interval_s=self._settings.poll_interval)
        async for sha in follow(
            repository, self._settings.branch, clock=self._clock, settings=follow_settings, on_failure=on_fault
        ):
            try:
                if last is not None and await asyncio.to_thread(_only_artifacts, repository, last, sha):
                    continue
                workspace = await asyncio.to_thread(checkouts.open, sha)
            except PenstockError as error:
                on_fault(error)
                continue
            last = workspace
            yield workspace

    async def _reached(self, on_fault: Callable[[PenstockError], None]) -> Repository:
        """The clone, however long its remote takes to answer for the first time."""
        while True:
            try:
                return await asyncio.to_thread(self._open_repository)
            except Transient as error:
                on_fault(error)
                await self._clock.sleep(self._settings.poll_interval)


def _only_artifacts(repository: Repository, last: Workspace, sha: str) -> bool:
    paths = {organization.artifacts.path for organization in last.desired.organizations}
    return repository.only_artifacts_changed(last.revision, sha, sorted(paths))


class FolderFeed:
    """Watches a folder; every saved file may be a new desired state."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self._settings = settings

    async def workspaces(self, on_fault: Callable[[PenstockError], None]) -> AsyncIterator[Workspace]:
        """The folder as it is, then again after each change."""
        first = self._open(on_fault)
        if first is not None:
            yield first
        async for _ in watch(self._folder):
            workspace = self._open(on_fault)
            if workspace is not None:
                yield workspace

    def _open(self, on_fault: Callable[[PenstockError], None]) -> Workspace | None:
        try:
            return open_folder(self._folder, self._settings)
        except PenstockError as error:
            on_fault(error)
            return None
