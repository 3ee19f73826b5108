"""Reads files of commits and builds commits with git's plumbing, without a work tree or an index."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from controller.domain.errors.repository import RepositoryFailed
from controller.domain.files import Reread
from controller.repository.command import GitCommand, end, kill

READ_TIMEOUT_S = 300.0
"""The time limit for reading all objects of one revision."""
_FRESH_S = 60.0
"""The age up to which enough of that time is left for another one."""
OpeningAgain = Callable[[str, int], bytes]
"""Gives the first bytes of an object by its id, as many as asked for."""
_NOT_FOUND = frozenset({"missing", "ambiguous", "submodule"})


@dataclass(frozen=True, slots=True)
class Signature:
    """The author of commits. Neither name nor address may hold an angle bracket or a line break."""

    name: str = "Penstock"
    email: str = "penstock@localhost"

    def header(self) -> str:
        """The lines of a commit that is made now, in this machine's time zone (git's `gitformat-commit`)."""
        signed = f"{self.name} <{self.email}> {int(time.time())} {time.strftime('%z')}"
        return f"author {signed}\ncommitter {signed}\n"


def resolve(git: GitCommand, name: str) -> str | None:
    """The commit that a full ref or an id names; None when there is none."""
    return git.text("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", ok=(0, 1)) or None


def is_ancestor(git: GitCommand, older: str, newer: str) -> bool:
    """Whether `newer` holds all of `older`'s history."""
    return git.attempt("merge-base", "--is-ancestor", older, newer).ok


def object_id(kind: str, content: bytes, object_format: str) -> str:
    """The id that git gives an object in a repository of this format: `sha1` or `sha256`."""
    return hashlib.new(object_format, f"{kind} {len(content)}\0".encode() + content).hexdigest()


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object of the repository."""

    object_id: str
    size: int


class ObjectReader:
    """One git process that reads many objects, each only after its size was checked. Close it after use.

    Every method raises RepositoryFailed when git ends, or when reading takes too long in total.
    """

    def __init__(
        self,
        git: GitCommand,
        timeout_s: float = READ_TIMEOUT_S,
        environment: Mapping[str, str] | None = None,
        again: OpeningAgain | None = None,
    ) -> None:
        """`again` reads for `reread` after this is closed; by default with a process of its own."""
        self._git = git
        self._environment = environment
        self._again = again or partial(opening_alone, git)
        self._began, self._state = time.monotonic(), git.place.settings_state()
        self._process = git.start("cat-file", "--batch-command", environment=environment, keep_errors=False)
        self._watchdog = threading.Timer(timeout_s, kill, [self._process])
        self._watchdog.daemon = True
        self._watchdog.start()
        # Also at the end of the interpreter, when it may be waiting for another operation.
        self.close = weakref.finalize(self, _end, self._process, self._watchdog)
        """Ends the process."""

    @property
    def usable(self) -> bool:
        """Whether it is young enough to read another revision, in the same repository as before."""
        fresh = time.monotonic() - self._began < _FRESH_S
        # In another folder of the same name it would find nothing, which must not count as empty.
        return fresh and self._state == self._git.place.settings_state() and not self.ended

    @property
    def ended(self) -> bool:
        """Whether the process has ended, as it does when reading took too long."""
        return self._process.poll() is not None

    def info(self, name: str) -> ObjectInfo | None:
        """The id and size of an object; None when it is not here."""
        words = self._ask(f"info {name}")
        # A name that is not here is repeated, and may have any number of words.
        return ObjectInfo(words[0], int(words[2])) if words[-1] not in _NOT_FOUND else None

    def content(self, name: str, most: int) -> bytes | None:
        """An object's content; None when it has more bytes than `most`."""
        found = self._known(name)
        if found.size > most:
            return None
        self._ask(f"contents {name}")
        return self._read(found.size + 1)[:-1]

    def opening(self, name: str, most: int) -> bytes:
        """The first bytes of an object, however large it is."""
        # `cat-file --batch-command` cannot stop in the middle of an object; a process of its own can be ended.
        if self._known(name).size <= most:
            return self.content(name, most) or b""
        process = self._git.start("cat-file", "blob", name, environment=self._environment, keep_errors=False)
        try:
            return process.stdout.read(most) if process.stdout is not None else b""
        finally:
            end(process)

    def reread(self, object_id: str, most: int) -> Reread:
        """A function that gives the first bytes of an object, also when this reader is closed.

        An object that only a merge in memory holds is read now, because it goes with the merge.
        """
        temporary = (self._environment or {}).get("GIT_OBJECT_DIRECTORY")
        if temporary is not None and _holds(Path(temporary), object_id):
            content = self.opening(object_id, most)
            return lambda: content
        return partial(self._again, object_id, most)

    def _known(self, name: str) -> ObjectInfo:
        found = self.info(name)
        if found is None:
            raise RepositoryFailed(f"{self._git.directory}: the object {name} is missing", hint="clone it again")
        return found

    def _ask(self, line: str) -> list[str]:
        answer = b""
        if self._process.stdin is not None and self._process.stdout is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(f"{line}\n".encode("utf-8", "surrogateescape"))
                self._process.stdin.flush()
                answer = self._process.stdout.readline()
        if not answer:
            raise self._ended()
        return answer.decode("utf-8", "replace").split()

    def _read(self, size: int) -> bytes:
        content = self._process.stdout.read(size) if self._process.stdout is not None else b""
        if len(content) != size:
            raise self._ended()
        return content

    def _ended(self) -> RepositoryFailed:
        return RepositoryFailed(f"{self._git.directory}: git ended before all objects were read")


def _end(process: subprocess.Popen[bytes], watchdog: threading.Timer) -> None:
    watchdog.cancel()
    end(process)


def _holds(folder: Path, object_id: str) -> bool:
    """Whether a folder of objects may hold this one: as a file of its own, or in a pack."""
    return (folder / object_id[:2] / object_id[2:]).exists() or any(folder.glob("pack/*.pack"))


def opening_alone(git: GitCommand, object_id: str, most: int) -> bytes:
    """The first bytes of an object, read by a process of its own. Raises RepositoryFailed."""
    with contextlib.closing(ObjectReader(git)) as reader:
        return reader.opening(object_id, most)
