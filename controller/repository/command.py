"""Running git as a program: bounded in time, never interactive, deaf to hooks and to the caller's own git variables."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # a plain folder needs no git program, so its absence may not hurt

from git import Git, GitCommandNotFound

from controller.domain.errors import RepositoryFailed
from controller.domain.redaction import Redactor
from controller.repository.place import Place

LOCAL_TIMEOUT_S = 120.0
TIMED_OUT = -1

ALLOWED_PROTOCOLS = "file:http:https:ssh"
"""Never `ext`, which runs a command, nor remote helpers that a URL could name."""

_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "advice.detachedHead": "false",
    "gc.autoDetach": "false",
    "maintenance.autoDetach": "false",
    "commit.gpgSign": "false",
    "push.gpgSign": "false",
    "push.followTags": "false",
    "push.recurseSubmodules": "no",
    "fetch.recurseSubmodules": "false",
    "submodule.recurse": "false",
    "http.lowSpeedLimit": "100",
    "http.lowSpeedTime": "60",
}

_VARIABLES = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ALLOW_PROTOCOL": ALLOWED_PROTOCOLS,
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_EDITOR": "false",
    "GCM_INTERACTIVE": "never",
    "SSH_ASKPASS_REQUIRE": "never",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one git command said."""

    status: int
    """Its exit status; TIMED_OUT when it was ended because it took too long."""
    output: bytes
    complaint: str
    """Its error output, with secrets masked."""

    @property
    def ok(self) -> bool:
        return self.status == 0


class GitCommand:
    """git in one directory. Every call has a time limit, after which the process and its children are ended."""

    def __init__(
        self, place: Place, environment: Mapping[str, str] | None = None, redactor: Redactor | None = None
    ) -> None:
        self.place = place
        self.directory = place.top
        self._environment = dict(environment or {})
        self.redactor = redactor or Redactor()

    def run(
        self,
        *arguments: str,
        given: bytes = b"",
        environment: Mapping[str, str] | None = None,
        ok: Collection[int] = (0,),
    ) -> bytes:
        """The output of a local command. Raises RepositoryFailed for any exit status that is not in `ok`."""
        answer = self.attempt(*arguments, given=given, environment=environment)
        if answer.status in ok:
            return answer.output
        raise RepositoryFailed(
            f"{self.directory}: git {arguments[0]} failed: {answer.complaint or f'exit status {answer.status}'}",
            hint=_hint(answer.complaint),
        )

    def text(self, *arguments: str, ok: Collection[int] = (0,)) -> str:
        """The output of a local command as text, without surrounding white space; raises RepositoryFailed."""
        return self.run(*arguments, ok=ok).decode("utf-8", "surrogateescape").strip()

    def attempt(
        self,
        *arguments: str,
        given: bytes = b"",
        environment: Mapping[str, str] | None = None,
        timeout_s: float = LOCAL_TIMEOUT_S,
    ) -> Answer:
        """The answer of a command, whatever its exit status. Raises RepositoryFailed only when git cannot be run."""
        if not self.directory.is_dir():
            raise RepositoryFailed(f"{self.directory} is not a folder")
        variables = _inherited_overrides(self.place) | _VARIABLES | self._environment | dict(environment or {})
        try:
            process = Git(str(self.directory)).execute(
                ["git", *arguments],
                istream=subprocess.PIPE,
                as_process=True,
                env=_with_settings(variables),
                start_new_session=True,
            )
        except GitCommandNotFound as error:
            raise RepositoryFailed("the git program was not found", hint="install git 2.39 or newer") from error
        try:
            output, complaint = process.communicate(given, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return Answer(TIMED_OUT, b"", f"it did not finish within {timeout_s:g} s")
        finally:
            _end(process.pid, running=process.poll() is None)
        shown = self.redactor.text(complaint.decode("utf-8", "replace").strip())
        return Answer(process.returncode, output, shown)


def _end(process_id: int, *, running: bool) -> None:
    """End the whole process group: git starts ssh and remote helpers, which would outlive it."""
    if running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process_id, signal.SIGKILL)


def _with_settings(variables: Mapping[str, str]) -> dict[str, str]:
    """Append our git settings to those that the environment carries already; the environment outranks every file."""
    settings = _SETTINGS | {
        key.removeprefix("config:"): value for key, value in variables.items() if key.startswith("config:")
    }
    first = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    numbered = {"GIT_CONFIG_COUNT": str(first + len(settings))}
    for number, (key, value) in enumerate(settings.items(), start=first):
        numbered |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return {key: value for key, value in variables.items() if not key.startswith("config:")} | numbered


def _inherited_overrides(place: Place) -> dict[str, str]:
    """Point git's own variables back at this repository, where we run inside another git command such as a hook."""
    own = {
        "GIT_DIR": str(place.git_directory),
        "GIT_WORK_TREE": str(place.top),
        "GIT_INDEX_FILE": str(place.git_directory / "index"),
        "GIT_OBJECT_DIRECTORY": str(place.common_directory / "objects"),
        "GIT_COMMON_DIR": str(place.common_directory),
        "GIT_NAMESPACE": "",
        "GIT_PREFIX": "",
    }
    return {name: value for name, value in own.items() if name in os.environ}


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
