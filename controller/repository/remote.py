"""The git remote: its branches, fetching, and pushing without force."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from controller.domain.errors.process import SettingsInvalid
from controller.domain.errors.repository import GitRemoteFailed, RepositoryFailed
from controller.domain.redaction import SECRETS
from controller.repository.command import TIMED_OUT, GitAnswer
from controller.repository.credentials import GitCredentials
from controller.repository.here import Here
from controller.repository.names import checked_branch, checked_ref, ref_component

NETWORK_TIMEOUT_S = 300.0
_FETCH_TRIES = 3
# FETCH_HEAD, tags and the packing of a person's clone are theirs.
_FETCH_OPTIONS = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance")
_RACE = re.compile(r"fetch first|non-fast-forward|stale info|cannot lock ref|failed to update ref|incorrect old value")
_LOGIN = re.compile(
    r"Authentication failed|could not read (?:Username|Password)|Permission denied|terminal prompts disabled"
    r"|returned error: 40[13]|Host key verification failed"
)


_HINTS = (
    (re.compile(r"proxy|CONNECT tunnel failed", re.IGNORECASE), "check HTTPS_PROXY, its login and NO_PROXY"),
    (re.compile(r"certificate"), "name the authority that signed it in PENSTOCK_CA_FILE"),
    (
        re.compile(r"Host key verification failed"),
        "see that it is the right server, and put its host key into PENSTOCK_GIT_KNOWN_HOSTS",
    ),
    (_LOGIN, "check the token or the SSH key, its rights and the host's key"),
)
"""By git's words: what to do. The first that fits counts."""


class Push(StrEnum):
    """The result of a push."""

    DONE = "done"
    RACED = "raced"
    """The branch moved meanwhile: fetch and try again."""
    DECLINED = "declined"
    """The remote refuses the commit, for example because the branch is protected."""


@dataclass(frozen=True, slots=True)
class PushAnswer:
    outcome: Push
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Heads:
    """The branches of a remote at one moment."""

    head: str | None
    """The branch of its HEAD, if any."""
    tips: Mapping[str, str]
    """The commits of the requested branches that exist, and of the HEAD's branch."""


class Remote:
    """One named remote of a repository."""

    KEPT = "refs/penstock/remote"

    def __init__(
        self,
        here: Here,
        name: str,
        credentials: GitCredentials | None = None,
        timeout_s: float = NETWORK_TIMEOUT_S,
    ) -> None:
        self._timeout_s = timeout_s
        self._git = here.git
        self._here = here
        self.name = name
        self._credentials = credentials or GitCredentials()

    @property
    def url(self) -> str:
        """The URL of the remote for people, without user and password."""
        return SECRETS.text(self._raw_url)

    def tip(self, branch: str) -> str | None:
        """The current commit of a remote branch; None if there is no such branch. Raises GitRemoteFailed."""
        return self.heads(branch).tips.get(branch)

    def heads(self, *branches: str) -> Heads:
        """The branch that the remote's HEAD names, and the commits of the branches, at constant cost.

        Raises GitRemoteFailed when the remote does not answer.
        """
        refs = {f"refs/heads/{checked_branch(branch)}": branch for branch in branches}
        answer = self._ask("ls-remote", "--quiet", "--symref", "--end-of-options", self.name, "HEAD", *refs)
        head, tips = None, {}
        for line in answer.output.decode("utf-8", "replace").splitlines():
            value, _, name = line.partition("\t")
            if name == "HEAD" and value.startswith("ref: refs/heads/"):
                head = value.removeprefix("ref: refs/heads/")
            elif name == "HEAD" and head is not None:
                tips[head] = value
            elif name in refs:
                tips[refs[name]] = value
        # The HEAD of an empty repository names a branch that does not exist.
        return Heads(head if head in tips else None, tips)

    def fetch(self, branch: str, tip: str | None = None) -> str | None:
        """The commit of a remote branch with its objects fetched; None if there is no such branch.

        `tip` is its commit by a reading just before. Raises GitRemoteFailed.
        """
        kept = self.kept_ref(branch)
        for _ in range(_FETCH_TRIES):
            tip = tip or self.tip(branch)
            if tip is None:
                return None
            known = self._here.commit(kept)
            if known == tip:
                return tip  # it is noted only once its objects are here
            if known is None and self._here.commit(self._tracked(branch)) == tip:
                known = tip  # a fetch or push of a person brought its objects
            if known is None or self._here.commit(tip) is None:
                self._ask("fetch", *_FETCH_OPTIONS, "--end-of-options", self.name, _refspec(branch))
                if self._here.commit(kept) == tip:
                    return tip
            if self._here.commit(tip) is not None:
                self._git.run("update-ref", kept, tip)
                return tip
            # The branch moved between the look and the fetch: look again.
            tip = None
        raise GitRemoteFailed(f"{self.url}: the branch {branch} moves faster than it can be fetched")

    def fetch_ref(self, ref: str) -> None:
        """Fetch the objects of a ref that is no branch. Nothing refers to them, so git removes them some day.

        Raises GitRemoteFailed.
        """
        self._ask("fetch", *_FETCH_OPTIONS, "--end-of-options", self.name, checked_ref(ref))

    def deepen(self, branch: str, commits: int) -> None:
        """Fetch this many more commits of a branch into a shallow clone. Raises GitRemoteFailed."""
        options = (*_FETCH_OPTIONS, f"--deepen={commits}")
        self._ask("fetch", *options, "--end-of-options", self.name, _refspec(branch))

    def last_known(self, branch: str) -> str | None:
        """The commit of a remote branch at the last reading."""
        return self._here.commit(self.kept_ref(branch)) or self._here.commit(self._tracked(branch))

    def _tracked(self, branch: str) -> str:
        """The ref that a person's own fetch moves."""
        return f"refs/remotes/{self.name}/{branch}"

    def push(self, sha: str, branch: str, expected: str | None) -> PushAnswer:
        """Push a commit that follows `expected` to a branch; None for a new branch.

        Git refuses if the branch is at any other commit or was deleted (a lease), so nothing is overwritten. Raises
        GitRemoteFailed when the remote does not answer.
        """
        ref = f"refs/heads/{checked_branch(branch)}"
        # This never forces: the new commit follows `expected`, and git only checks that the branch is still there.
        options = ("--porcelain", "--no-verify", f"--force-with-lease={ref}:{expected or ''}")
        answer = self._attempt("push", *options, "--end-of-options", self.name, f"{sha}:{ref}")
        if answer.ok:
            self._git.run("update-ref", self.kept_ref(branch), sha)
            return PushAnswer(Push.DONE)
        lines = answer.output.decode("utf-8", "replace").splitlines()
        status = next((line for line in lines if line.startswith("!")), "")
        if not status:
            raise self._failed(answer)
        reason = SECRETS.text(status.rpartition("\t")[2])
        # "[rejected]" means that the branch moved; "[remote rejected]" is a refusal, unless its words name a race.
        raced = "[rejected]" in reason or _RACE.search(reason)
        details = reason if raced else f"{reason}: {_last_lines(answer.complaint)}"
        return PushAnswer(Push.RACED if raced else Push.DECLINED, details)

    @staticmethod
    def kept_ref(branch: str) -> str:
        """The ref for our copy of the remote branch, independent of the configured fetch."""
        return f"{Remote.KEPT}/{ref_component(checked_branch(branch))}"

    def _ask(self, *arguments: str) -> GitAnswer:
        answer = self._attempt(*arguments)
        if not answer.ok:
            raise self._failed(answer)
        return answer

    def _attempt(self, *arguments: str) -> GitAnswer:
        environment = self._credentials.environment(self._raw_url)
        return self._git.attempt(*arguments, environment=environment, timeout_s=self._timeout_s)

    @property
    def _raw_url(self) -> str:
        return self._here.settings.get(f"remote.{self.name}.url", "")

    def _failed(self, answer: GitAnswer) -> GitRemoteFailed | RepositoryFailed | SettingsInvalid:
        last_lines = _last_lines(answer.complaint) or f"exit status {answer.status}"
        message = f"{self.url}: {last_lines}"
        if "transport '" in answer.complaint and "not allowed" in answer.complaint:
            return RepositoryFailed(message, hint="only https, http, ssh and file remotes are used")
        if answer.status == TIMED_OUT:
            return GitRemoteFailed(message, hint="is the remote reachable from here?")
        if _LOGIN.search(answer.complaint):
            self._credentials.refused()
        hint = next((hint for pattern, hint in _HINTS if pattern.search(answer.complaint)), None)
        return GitRemoteFailed(message, hint=hint)


def _refspec(branch: str) -> str:
    # Forced, because our copy follows a rewritten history, too.
    return f"+refs/heads/{branch}:{Remote.kept_ref(branch)}"


def _last_lines(complaint: str, count: int = 4) -> str:
    """The last part of git's output, on one line: the remote's own message comes last."""
    lines = [line.removeprefix("remote: ").strip() for line in complaint.splitlines()]
    return "; ".join([line for line in lines if line][-count:])
