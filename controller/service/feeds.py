"""Sources of desired states: a branch of a git remote, or a folder on this machine during development."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Protocol

import structlog

from controller.domain.clock import Clock
from controller.domain.errors.branches import Invalid, PenstockError
from controller.domain.errors.process import InternalFault, SettingsInvalid
from controller.domain.foreign_errors import as_fault
from controller.domain.waiting import first_of
from controller.reconcile.settings import Settings
from controller.reconcile.workspace import Workspace, open_folder, open_revision
from controller.repository.follow import FollowSettings, follow, watch
from controller.repository.repository import Repository
from controller.repository.revision_reader import RevisionReader

log = structlog.get_logger()

OnFault = Callable[[PenstockError | None], None]
"""Called with the reason why no new desired state can be read, and with None when it can be read again."""


class Feed(Protocol):
    """Yields each new desired state. A state that cannot be read is reported to `on_fault` and skipped."""

    def workspaces(self, on_fault: OnFault) -> AsyncIterator[Workspace]: ...

    def pushed(self, branch: str) -> bool:
        """Read again at once after a push to this branch; False when the feed does not follow it."""

    @property
    def repository(self) -> Repository | None: ...


class GitFeed:
    """Follows a branch; a commit that only records artifacts is not a new desired state."""

    def __init__(self, open_repository: Callable[[], Repository], settings: Settings, clock: Clock) -> None:
        self._open_repository = open_repository
        self._settings = settings
        self._clock = clock
        self._repository: Repository | None = None
        self._pushed = asyncio.Event()
        self._last: Workspace | None = None
        self._sound = True
        """Whether the newest commit could be read, or was the same as one that could."""

    @property
    def repository(self) -> Repository | None:
        """The clone; None until the remote answered for the first time, and in development."""
        return self._repository

    def pushed(self, branch: str) -> bool:
        """Read the remote at once after a push to this branch; False when it is another branch than the followed one.

        Any number of pushes before the next read cause one read.
        """
        if self._repository is not None and self._repository.followed != branch:
            return False
        self._pushed.set()
        return True

    async def workspaces(self, on_fault: OnFault) -> AsyncIterator[Workspace]:
        """Each revision with a new desired state. Raises SettingsInvalid when the settings name no repository."""
        repository = await self._reached(on_fault)
        self._repository = repository
        while True:
            async with contextlib.aclosing(self._commits(repository, on_fault)) as commits:
                async for sha in commits:
                    try:
                        workspace = await asyncio.to_thread(self._read, repository, sha)
                    except Exception as error:  # noqa: BLE001 - reported as a fault
                        # A revision may hold anything: after any error the last good one stays.
                        self._sound = False
                        fault = _reported(error, f"revision {sha[:12]} cannot be read", on_fault)
                        if isinstance(fault, Invalid):
                            continue
                        break  # the fault may pass, so the newest commit is read again
                    self._sound = True
                    if workspace is not None:
                        self._last = workspace
                        yield workspace
                    # Later than the delivery begins: to pack a large clone takes long.
                    await asyncio.to_thread(repository.maintain)
            await first_of(self._clock, self._settings.poll_interval, self._pushed)

    def _commits(self, repository: Repository, on_fault: OnFault) -> AsyncGenerator[str]:
        def recovered() -> None:
            if self._sound:
                on_fault(None)

        return follow(
            repository,
            repository.followed,
            clock=self._clock,
            settings=FollowSettings(interval_s=self._settings.poll_interval, wake=self._pushed),
            on_failure=on_fault,
            on_recovery=recovered,
        )

    def _read(self, repository: Repository, sha: str) -> Workspace | None:
        """The desired state of a commit; None when it equals the last one. Raises CommitUnverified."""
        if self._sound and self._last is not None and _only_artifacts(repository, self._last, sha):
            return None
        if (refused := repository.unverified(sha, self._settings.signers)) is not None:
            raise refused
        return open_revision(repository, sha, self._settings)

    async def _reached(self, on_fault: OnFault) -> Repository:
        """The clone; retries until the remote answers for the first time."""
        while True:
            try:
                return await asyncio.to_thread(self._open_repository)
            except SettingsInvalid:
                raise
            except Exception as error:  # noqa: BLE001 - reported as a fault
                _reported(error, "the repository cannot be opened", on_fault)
            await first_of(self._clock, self._settings.poll_interval, self._pushed)
            self._pushed.clear()


def _only_artifacts(repository: RevisionReader, last: Workspace, sha: str) -> bool:
    """Whether no file that was read differs. A flow file may be among the artifacts: a manifest may name an export."""
    paths = sorted({organization.artifacts.path for organization in last.desired.organizations})
    if not repository.is_ancestor(last.revision, sha):
        return False  # the branch was rewritten: a commit that it lost is not delivered
    return repository.only_artifacts_changed(last.revision, sha, paths, last.desired.files)


def _reported(error: Exception, what: str, on_fault: OnFault) -> PenstockError:
    """Report the error as a fault; an unexpected one is logged with its traceback."""
    fault = as_fault(error, what)
    if isinstance(fault, InternalFault):
        log.error("feed.broke", fault=fault.message, exc_info=error)
    on_fault(fault)
    return fault


class FolderFeed:
    """Watches a folder; every saved file may be a new desired state."""

    def __init__(self, folder: Path, settings: Settings, clock: Clock, *, loopback: bool = False) -> None:
        """`loopback` allows credentials to go to organisations on this machine that the operator does not list."""
        self._folder = folder
        self._settings = settings
        self._clock = clock
        self._loopback = loopback

    @property
    def repository(self) -> Repository | None:
        return None

    def pushed(self, branch: str) -> bool:  # noqa: ARG002 - a folder has no branches
        return False

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
            except Exception as error:  # noqa: BLE001 - reported as a fault
                # The folder may be gone, or the system out of watches: look again later.
                _reported(error, f"{self._folder} cannot be watched", on_fault)
            await self._clock.sleep(self._settings.poll_interval)

    async def _open(self, on_fault: OnFault) -> Workspace | None:
        try:
            return await asyncio.to_thread(open_folder, self._folder, self._settings, loopback=self._loopback)
        except Exception as error:  # noqa: BLE001 - reported as a fault
            _reported(error, f"{self._folder} cannot be read", on_fault)
            return None
