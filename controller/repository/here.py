"""The local repository during one operation: its settings, and its commits and files through one git process."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from threading import Lock, Timer

from controller.domain.errors.repository import RepositoryFailed
from controller.domain.files import Kind, Limits
from controller.domain.recorded import RecordedState
from controller.repository.command import GitCommand
from controller.repository.commit_files import CommitFiles, KeptTrees
from controller.repository.objects import ObjectInfo, ObjectReader, OpeningAgain, opening_alone, resolve

_IDLE_S = 1.0
"""For so long the process that reads objects waits for another operation, such as the pass over what was read."""
Decoded = MutableMapping[str, tuple[str, RecordedState]]
"""By path of a lock file, the id of the content that was read last, and its state."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was read of git's objects, which never change, and is kept for later operations."""

    decoded: Decoded = field(default_factory=dict)
    trees: KeptTrees = field(default_factory=KeptTrees)


class Here:
    """Facts about the local repository, each read only when needed. Close it after use."""

    def __init__(self, git: GitCommand, known: Known, again: OpeningAgain, reader: ObjectReader | None = None) -> None:
        """`again` reads objects after this is closed."""
        self.git = git
        self.decoded = known.decoded
        self._trees = known.trees
        self._again = again
        self._reader = reader

    def close(self) -> None:
        """End the process that reads commits and files."""
        reader = self.leave()
        if reader is not None:
            reader.close()

    def leave(self) -> ObjectReader | None:
        """Give the process away, if there is one; who takes it ends it."""
        reader, self._reader = self._reader, None
        return reader

    @cached_property
    def settings(self) -> Mapping[str, str]:
        """All settings; the last value of those that are set several times."""
        return self.git.settings()

    @cached_property
    def checked_out(self) -> str:
        """The checked-out branch; empty for a detached HEAD."""
        return self.git.checked_out()

    @property
    def upstream(self) -> str | None:
        """The upstream of the checked-out branch; by default the branch's own name."""
        merge = self.settings.get(f"branch.{self.checked_out}.merge", "")
        return merge.removeprefix("refs/heads/") or self.checked_out or None

    def remote_name(self, *branches: str) -> str | None:
        """The remote configured for the first of these branches or for the checked-out one.

        Else `origin`, else the only remote; None if there is none. Raises RepositoryFailed if several remotes are
        possible.
        """
        keys = (key.split(".", 1)[1] for key in self.settings if key.startswith("remote."))
        names = sorted({key.rpartition(".")[0] for key in keys} - {""})
        if len(names) < 2:
            return next(iter(names), None)
        own = [self.settings.get(f"branch.{branch}.remote") for branch in (*branches, self.checked_out)]
        for name in (*own, "origin"):
            if name in names:
                return name
        branch = next(filter(None, (*branches, self.checked_out)), "NAME")
        raise RepositoryFailed(
            f"{self.git.directory}: none of the remotes {', '.join(names)} is meant",
            hint=f"git config branch.{branch}.remote REMOTE",
        )

    def commit(self, name: str) -> str | None:
        """The commit that a full ref or an id names now; None when there is none. Raises RepositoryFailed."""
        try:
            found = self._objects.info(f"{name}^{{commit}}")
        except RepositoryFailed:
            # The reader does not say why git ended.
            self.close()
            return resolve(self.git, name)
        return found.object_id if found is not None else None

    def content_of(self, name: str) -> bytes | None:
        """The content of the object that a name means, of any size; None when it is not here. Raises RepositoryFailed.

        That of a commit is its header and message, that of a tree its entries.
        """
        found = self._objects.info(name)
        return None if found is None else self.content(found)

    def tree(self, commit: str) -> str:
        """The id of a commit's tree. Raises RepositoryFailed."""
        found = self._objects.info(f"{commit}^{{tree}}")
        if found is None:
            raise RepositoryFailed(f"{self.git.directory}: the commit {commit[:12]} is not here", hint="fetch it")
        return found.object_id

    def files(self, commit: str, limits: Limits | None = None) -> CommitFiles:
        """The files of a commit, to be read before this is closed."""
        return CommitFiles(self._objects, commit, limits, self._trees)

    def file(self, commit: str, path: str) -> ObjectInfo | None:
        """The object at a path of a commit; None when the commit does not have it. Raises RepositoryFailed."""
        return self._objects.info(f"{commit}:{path}")

    def folders(self, commit: str, folder: str) -> tuple[str, ...]:
        """The names of the folders in a folder of a commit. Raises RepositoryFailed."""
        listing = self.files(commit).listing(folder)
        return tuple(sorted(name for name, kind in listing.items() if kind is Kind.FOLDER))

    def opening(self, object_id: str, most: int) -> bytes:
        """The first bytes of an object. Raises RepositoryFailed."""
        return self._objects.opening(object_id, most)

    def content(self, found: ObjectInfo) -> bytes:
        """The content of an object, of any size. Raises RepositoryFailed."""
        return self._objects.content(found.object_id, found.size) or b""

    @property
    def _objects(self) -> ObjectReader:
        if self._reader is not None and self._reader.ended:
            self.close()
        if self._reader is None:
            self._reader = ObjectReader(self.git, again=self._again)
        return self._reader


class Readers:
    """Keeps a process that reads objects from one operation to the next: while anybody is at work, and a moment longer.

    Operations that overlap have a process each.
    """

    def __init__(self) -> None:
        self._known = Known()
        self._lock = Lock()
        self._at_work = 0
        self._idle: ObjectReader | None = None
        self._idle_since = 0.0
        self._closing = False
        """Whether a timer is set that ends the idle process."""

    @property
    def busy(self) -> bool:
        """Whether several operations follow each other."""
        return self._at_work > 0

    @contextmanager
    def here(self, git: GitCommand) -> Iterator[Here]:
        """The local repository for one operation."""
        with self._lock:
            reader, self._idle = self._idle, None
        if reader is not None and not reader.usable:
            reader.close()
            reader = None
        here = Here(git, self._known, partial(self._opening, git), reader)
        try:
            yield here
        finally:
            self._put_back(here)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Several operations follow each other."""
        with self._lock:
            self._at_work += 1
        try:
            yield
        finally:
            with self._lock:
                self._at_work -= 1
                self._close_after(_IDLE_S)

    def _opening(self, git: GitCommand, object_id: str, most: int) -> bytes:
        """The first bytes of an object, by the kept process if there is one: a delivery reads each flow file again."""
        try:
            with self.here(git) as here:
                return here.opening(object_id, most)
        except RepositoryFailed:
            # The kept process ends when its time is over.
            return opening_alone(git, object_id, most)

    def _put_back(self, here: Here) -> None:
        with self._lock:
            if self._idle is None:
                self._idle, self._idle_since = here.leave(), time.monotonic()
                self._close_after(_IDLE_S)
        here.close()

    def _close_after(self, seconds: float) -> None:
        """Let the idle process end unless it is used again, or anybody is at work."""
        if self._idle is None or self._at_work or self._closing:
            return
        self._closing = True
        timer = Timer(seconds, self._close_idle)
        timer.daemon = True
        timer.start()

    def _close_idle(self) -> None:
        with self._lock:
            self._closing = False
            rest = self._idle_since + _IDLE_S - time.monotonic()
            if self._at_work or rest > 0:
                self._close_after(rest)
                return
            idle, self._idle = self._idle, None
        if idle is not None:
            idle.close()
