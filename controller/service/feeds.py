"""Where new desired states come from: a branch of a git remote, or a folder on this machine during development."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Protocol

import structlog

from controller.domain.clock import Clock
from controller.domain.errors import InternalFault, Invalid, PenstockError, SettingsInvalid, as_fault
from controller.reconcile import Settings, Workspace, open_folder, open_revision
from controller.repository.follow import FollowSettings, follow, watch
from controller.repository.repository import Repository

log = structlog.get_logger()

OnFault = Callable[[PenstockError | None], None]
"""Told why no new desired state can be read, and None when that has passed."""


class Feed(Protocol):
    """Yields each new desired state. What cannot be read is told to `on_fault`, and the next one is waited for."""

    def workspaces(self, on_fault: OnFault) -> AsyncIterator[Workspace]: ...


class GitFeed:
    """Follows a branch; a commit that only brought artifacts back is not a new desired state."""

    def __init__(self, open_repository: Callable[[], Repository], settings: Settings, clock: Clock) -> None:
        self._open_repository = open_repository
        self._settings = settings
        self._clock = clock
        self._last: Workspace | None = None
        self._sound = True
        """Whether the newest commit could be read, or was the same as one that could."""

    async def workspaces(self, on_fault: OnFault) -> AsyncIterator[Workspace]:
        """Each revision that asks for something else than the one before.

        Raises SettingsInvalid at the start, where the operator's settings lead to no repository.
        """
        repository = await self._reached(on_fault)
        while True:
            async with contextlib.aclosing(self._commits(repository, on_fault)) as commits:
                async for sha in commits:
                    try:
                        workspace = await asyncio.to_thread(self._read, repository, sha)
                    except Exception as error:  # noqa: BLE001 - told as a fault
                        # A revision may hold anything: whatever goes wrong with one, the last good one stays.
                        self._sound = False
                        fault = _told(error, f"revision {sha[:12]} cannot be read", on_fault)
                        if isinstance(fault, Invalid):
                            continue
                        break  # what is in the way may pass, so the newest commit is read again
                    self._sound = True
                    if workspace is not None:
                        self._last = workspace
                        yield workspace
            await self._clock.sleep(self._settings.poll_interval)

    def _commits(self, repository: Repository, on_fault: OnFault) -> AsyncGenerator[str]:
        def recovered() -> None:
            if self._sound:
                on_fault(None)

        return follow(
            repository,
            repository.followed,
            clock=self._clock,
            settings=FollowSettings(interval_s=self._settings.poll_interval),
            on_failure=on_fault,
            on_recovery=recovered,
        )

    def _read(self, repository: Repository, sha: str) -> Workspace | None:
        """The desired state of a commit; None when it asks for just what the last one did."""
        if self._sound and self._last is not None and _only_artifacts(repository, self._last, sha):
            return None
        return open_revision(repository, sha, self._settings)

    async def _reached(self, on_fault: OnFault) -> Repository:
        """The clone, however long its remote takes to answer for the first time."""
        while True:
            try:
                return await asyncio.to_thread(self._open_repository)
            except SettingsInvalid:
                raise
            except Exception as error:  # noqa: BLE001 - told as a fault
                _told(error, "the repository cannot be opened", on_fault)
            await self._clock.sleep(self._settings.poll_interval)


def _only_artifacts(repository: Repository, last: Workspace, sha: str) -> bool:
    """Whether nothing that was read differs; a flow file may stand among the artifacts, as an export to go back to."""
    paths = sorted({organization.artifacts.path for organization in last.desired.organizations})
    if not repository.is_ancestor(last.revision, sha):
        return False  # the branch was rewritten: what it does not hold any more is not delivered from
    return repository.only_artifacts_changed(last.revision, sha, paths, last.desired.files)


def _told(error: Exception, what: str, on_fault: OnFault) -> PenstockError:
    """The error as a fault that was told; what nobody foresaw is in the log with its place."""
    fault = as_fault(error, what)
    if isinstance(fault, InternalFault):
        log.error("feed.broke", fault=fault.message, exc_info=error)
    on_fault(fault)
    return fault


class FolderFeed:
    """Watches a folder; every saved file may be a new desired state."""

    def __init__(self, folder: Path, settings: Settings, clock: Clock, *, loopback: bool = False) -> None:
        """`loopback` lets credentials go to organisations on this machine that the operator does not list."""
        self._folder = folder
        self._settings = settings
        self._clock = clock
        self._loopback = loopback

    async def workspaces(self, on_fault: OnFault) -> AsyncIterator[Workspace]:
        """The folder as it is, then again after each change. Raises SettingsInvalid when there is no such folder."""
        if not self._folder.is_dir():
            raise SettingsInvalid(f"{self._folder} is not a folder", hint="name the folder that holds the manifests")
        while True:
            workspace = await self._open(on_fault)
            if workspace is not None:
                yield workspace
            try:
                async for _ in watch(self._folder):
                    workspace = await self._open(on_fault)
                    if workspace is not None:
                        yield workspace
            except Exception as error:  # noqa: BLE001 - told as a fault
                # The folder may be gone, or the system may have no watch left: it is looked at again all the same.
                _told(error, f"{self._folder} cannot be watched", on_fault)
            await self._clock.sleep(self._settings.poll_interval)

    async def _open(self, on_fault: OnFault) -> Workspace | None:
        try:
            return await asyncio.to_thread(open_folder, self._folder, self._settings, loopback=self._loopback)
        except Exception as error:  # noqa: BLE001 - told as a fault
            _told(error, f"{self._folder} cannot be read", on_fault)
            return None
