"""Runs git as a program: bounded in time, never interactive, without hooks and without the caller's git variables."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Collection, Generator, Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from controller.domain.errors.repository import RepositoryFailed
from controller.domain.foreign_errors import out_of_resources
from controller.domain.redaction import SECRETS
from controller.repository.environment import Setting, settings_in, without_programs
from controller.repository.environment import environment as variables
from controller.repository.place import FilesState, GitFolders

LOCAL_TIMEOUT_S = 120.0
_CHUNK_BYTES = 64 * 1024
TIMED_OUT = -1
_RECENT_S = 1.0
_LISTING = ("config", "--list", "--show-scope", "-z")

ALLOWED_PROTOCOLS = "file:http:https:ssh"
"""Not `ext`, which runs a command, nor other remote helpers that a URL could name."""


@dataclass(frozen=True, slots=True)
class GitAnswer:
    """The result of one git command."""

    status: int
    """Its exit status; TIMED_OUT if it exceeded its time limit."""
    output: bytes
    complaint: str
    """Its error output, with secrets masked."""

    @property
    def ok(self) -> bool:
        return self.status == 0


@lru_cache(maxsize=16)
def _last_answer(_question: Hashable) -> list[tuple[FilesState, float, GitAnswer]]:
    """Where the last answer to a question is kept, with the state of the settings and the time."""
    return []


class GitCommand:
    """git in one directory. Every call has a time limit, after which the process and its children are killed.

    `pass_on` are patterns of variables that git gets in addition to the usual ones.
    """

    def __init__(self, place: GitFolders, pass_on: Collection[str] = ()) -> None:
        self.place = place
        self.directory = place.top
        self.pass_on = tuple(pass_on)
        self._undone: tuple[Setting, ...] | None = None
        """Settings that disable the programs in the repository's own settings; None until they were read."""
        self._undoing = threading.RLock()
        self._listing = False

    def run(
        self,
        *arguments: str,
        given: bytes = b"",
        environment: Mapping[str, str] | None = None,
        ok: Collection[int] = (0,),
    ) -> bytes:
        """The output of a local command. Raises RepositoryFailed for any exit status outside `ok`."""
        answer = self.attempt(*arguments, given=given, environment=environment)
        return self._output(answer, arguments[0], ok)

    def _output(self, answer: GitAnswer, command: str, ok: Collection[int]) -> bytes:
        if answer.status in ok:
            return answer.output
        raise RepositoryFailed(
            f"{self.directory}: git {command} failed: {answer.complaint or f'exit status {answer.status}'}",
            hint=_hint(answer.complaint),
        )

    def text(self, *arguments: str, ok: Collection[int] = (0,)) -> str:
        """The output of a local command as text, without surrounding white space; raises RepositoryFailed."""
        return self.run(*arguments, ok=ok).decode("utf-8", "surrogateescape").strip()

    def settings(self) -> Mapping[str, str]:
        """All settings; the last value of those that are set several times. Raises RepositoryFailed."""
        return {key: value for _, key, value in settings_in(self._output(self._remembered(*_LISTING), "config", (0,)))}

    def checked_out(self) -> str:
        """The checked-out branch; empty for a detached HEAD. Raises RepositoryFailed."""
        self._undo_programs()
        if (branch := self.place.checked_out()) is not None:
            return branch
        answer = self._remembered("symbolic-ref", "--quiet", "--short", "HEAD")
        return self._output(answer, "symbolic-ref", (0, 1, 128)).decode("utf-8", "surrogateescape").strip()

    def _remembered(self, *arguments: str) -> GitAnswer:
        """The answer of a command that reads nothing but HEAD and settings: a pass needs it several times.

        The command runs again when HEAD, the repository's settings or variables change. As the user's settings may
        change, too, an answer is at most a second old. Whoever opens the same repository meanwhile has it as well.
        """
        self._undo_programs()
        question = self.place, frozenset(variables(os.environ, self.pass_on, {}, ()).items()), arguments
        state, now, known = self.place.settings_state(), time.monotonic(), _last_answer(question)
        for before, at, answer in known:
            if before == state and now - at < _RECENT_S:
                return answer
        answer = self.attempt(*arguments)
        if answer.status in (0, 1):
            known[:] = [(state, now, answer)]
        return answer

    def attempt(
        self,
        *arguments: str,
        given: bytes = b"",
        environment: Mapping[str, str] | None = None,
        timeout_s: float = LOCAL_TIMEOUT_S,
    ) -> GitAnswer:
        """The answer of a command, with any exit status. Raises RepositoryFailed only when git cannot be run."""
        process = self.start(*arguments, environment=environment)
        try:
            output, complaint = process.communicate(given, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return GitAnswer(TIMED_OUT, b"", f"it did not finish within {timeout_s:g} s")
        finally:
            end(process)
        shown = SECRETS.text(complaint.decode("utf-8", "replace").strip())
        return GitAnswer(process.returncode, output, shown)

    def start(
        self, *arguments: str, environment: Mapping[str, str] | None = None, keep_errors: bool = True
    ) -> subprocess.Popen[bytes]:
        """A running git process, in a process group of its own; the caller ends it. Raises RepositoryFailed.

        Its error output is dropped unless `keep_errors`.
        """
        self._undo_programs()
        if not self.directory.is_dir():
            raise RepositoryFailed(f"{self.directory} is not a folder")
        own = {"GIT_ALLOW_PROTOCOL": ALLOWED_PROTOCOLS, **(environment or {})}
        try:
            return subprocess.Popen(
                ["git", *arguments],  # noqa: S607 - the user's PATH says which git
                cwd=self.directory,
                env=variables(os.environ, self.pass_on, own, self._undone or ()),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE if keep_errors else subprocess.DEVNULL,
                # A process group of its own, so that a time limit ends ssh and helpers with it.
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise RepositoryFailed("the git program was not found", hint="install git 2.39 or newer") from error
        except OSError as error:
            if (fault := out_of_resources(error, "git cannot be started")) is not None:
                raise fault from error
            raise RepositoryFailed(f"git cannot be started: {error.strerror or type(error).__name__}") from error

    def _undo_programs(self) -> None:
        """Read once which programs the repository's own settings name. Raises RepositoryFailed."""
        if self._undone is not None:
            return
        with self._undoing:
            # The call that lists the settings comes back here; other threads wait for it.
            if self._listing or self._undone is not None:
                return
            self._listing = True
            try:
                listing = self._remembered(*_LISTING)
            finally:
                self._listing = False
            # Where git cannot read its settings, no other command can run, nor any program that the settings name.
            if listing.ok:
                self._undone = without_programs(listing.output, os.environ.get("GIT_SSH"))

    def entries(self, *arguments: str) -> Generator[bytes]:
        """The output of a command with `-z`, entry by entry, of any size; the process ends with the iterator.

        Raises RepositoryFailed when it fails or takes too long.
        """
        process = self.start(*arguments, keep_errors=False)
        watchdog = threading.Timer(LOCAL_TIMEOUT_S, kill, [process])
        watchdog.daemon = True
        watchdog.start()
        rest = b""
        try:
            while chunk := _some(process):
                *whole, rest = (rest + chunk).split(b"\0")
                yield from whole
            if process.wait() != 0:
                raise RepositoryFailed(f"{self.directory}: git {arguments[0]} failed: exit status {process.returncode}")
        finally:
            watchdog.cancel()
            end(process)


def _some(process: subprocess.Popen[bytes]) -> bytes:
    return os.read(process.stdout.fileno(), _CHUNK_BYTES) if process.stdout is not None else b""


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the process group of a running process, because git starts ssh and remote helpers that would outlive it."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill the rest of a process, and close its pipes."""
    kill(process)
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def _hint(complaint: str) -> str | None:
    if "dubious ownership" in complaint:
        return "the folder belongs to another user: git config --global --add safe.directory FOLDER"
    if ".lock" in complaint and "File exists" in complaint:
        return "another git program is at work there, or one was killed: remove the lock file once none runs"
    if "No space left" in complaint or "Disk quota exceeded" in complaint:
        return "free some disk space"
    if "File too large" in complaint:
        return "raise the limit of file sizes"
    return None
