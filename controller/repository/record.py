"""Commits artifacts: builds a commit with plumbing on the tip of the branch and pushes it without force.

A rejected push is not an error: the new tip is fetched and the same edits are applied to it. What cannot be pushed is
kept (see `pending`) and goes first the next time.
"""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from controller.domain.errors.repository import GitRemoteFailed, RepositoryFailed
from controller.domain.recorded import RecordedState
from controller.repository.artifacts import Edit
from controller.repository.branches import Branches
from controller.repository.command import GitCommand
from controller.repository.discovery import discover
from controller.repository.here import Here
from controller.repository.new_objects import write_commit
from controller.repository.objects import Signature, is_ancestor
from controller.repository.pending import Pending, edits_of, forget, keep, pending_for
from controller.repository.place import GitFolders
from controller.repository.recorded import apply_edit, lock_bytes, state_in_commit, state_in_folder
from controller.repository.remote import NETWORK_TIMEOUT_S, Push, PushAnswer, Remote


def fast_forward(here: Here, branch: str, sha: str, *, create: bool = False, expected: str | None = None) -> str | None:
    """Move a branch forward to the commit. None if it was done or not needed, else the reason why it was impossible.

    A checked-out branch is merged with --ff-only in its work tree; git then refuses to overwrite uncommitted work. A
    branch that is not checked out moves only with `create`, from `expected`.
    """
    git = here.git
    holder = _work_tree_on(git, branch)
    ref = f"refs/heads/{branch}"
    if holder is None:
        if not create:
            return None
        # Zeros, as many as an id has, mean that the ref must not exist yet.
        moved = git.attempt("update-ref", ref, sha, expected or "0" * len(sha))
        return None if moved.ok else f"the branch {branch} could not be moved: {moved.complaint}"
    current = here.commit(ref)
    if current is not None and not is_ancestor(git, current, sha):
        return f"the branch {branch} in {holder.top} has commits that the remote does not; pull when it suits"
    # The user's settings may ask for a stash or for signatures, and git overwrites ignored files by default.
    options = ("--ff-only", "--quiet", "--no-autostash", "--no-verify-signatures", "--no-overwrite-ignore")
    there = git if holder == git.place else GitCommand(holder, git.pass_on)
    merged = there.attempt("merge", *options, "--end-of-options", sha)
    if merged.ok:
        return None
    return f"the branch {branch} in {holder.top} could not follow: {merged.complaint or 'git merge --ff-only failed'}"


def _work_tree_on(git: GitCommand, branch: str) -> GitFolders | None:
    """The work tree, linked ones included, that has the branch checked out."""
    if not git.place.has_linked_work_trees:
        return git.place if not git.place.bare and git.checked_out() == branch else None
    listing = git.run("worktree", "list", "--porcelain", "-z").decode("utf-8", "surrogateescape")
    for block in listing.split("\0\0"):
        facts = dict(line.partition(" ")[::2] for line in block.split("\0"))
        if facts.get("branch") == f"refs/heads/{branch}" and "bare" not in facts and "prunable" not in facts:
            return discover(Path(facts["worktree"]))
    return None


_log = structlog.get_logger()
Permit = Callable[[], None]
"""Raises if nothing may be pushed any more; called in the thread of git, just before every push."""


def always() -> None:
    """The permit where no other process writes."""


@dataclass(frozen=True, slots=True)
class RecordedCommit:
    """The place of a record."""

    sha: str | None
    """The commit that contains it; None in a folder without git."""
    branch: str | None
    """Its branch; None in a folder without git."""
    pushed: bool
    """Whether the remote has it."""
    changed: bool = True
    """False if everything was recorded already, so that no commit was made."""
    note: str | None = None
    """A warning for people, such as that their branch could not follow."""


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """How often a record is pushed, the pauses between, and the author of its commits."""

    signature: Signature = field(default_factory=Signature)
    tries: int = 12
    pause_s: float = 0.1
    """Upper bound of the first random pause after a lost race; doubled each time up to `pause_ceiling_s`."""
    pause_ceiling_s: float = 5.0
    pause: Callable[[float], None] = time.sleep
    network_timeout_s: float = NETWORK_TIMEOUT_S
    """The time limit of a fetch or push."""


class Recorder:
    """Applies edits to one branch of one repository."""

    def __init__(self, branch: str, branches: Branches, settings: RecordSettings, permit: Permit = always) -> None:
        self._here = branches.here
        self._git = branches.here.git
        self._branch = branch
        self._remote = branches.remote
        self._branches = branches
        self._settings = settings
        self._permit = permit

    def record(self, edit: Edit) -> RecordedCommit:
        """Commit one edit, after the pending ones of the same organisation, and push them.

        Raises GitRemoteFailed when they could not be pushed, and BranchGone when the followed branch, or this one, is
        missing; both keep the commits. Raises RepositoryFailed when the branch's lock file is broken, and the
        exceptions of the permit; then nothing is pushed or kept.
        """
        return self._bring(edit.organization, [edit])

    def take_over(self, pending: Pending) -> RecordedCommit:
        """Move the waiting commits of another branch to this one. Raises as `record` does, and keeps them then."""
        other = self._remote.last_known(pending.branch) if self._remote else None
        base = other or self._here.commit(f"refs/heads/{pending.branch}")
        landed = self._bring(pending.organization, edits_of(self._here, pending, base))
        forget(self._git, pending)
        return landed

    def flush(self, pending: Pending) -> RecordedCommit:
        """Push the waiting commits. Raises as `record` does; what waits stays kept."""
        return self._bring(pending.organization, [])

    def _bring(self, organization: str, new: Sequence[Edit]) -> RecordedCommit:
        waiting = pending_for(self._here, organization, self._branch)
        try:
            landed = self._land(waiting, new)
        except (GitRemoteFailed, RepositoryFailed) as error:
            note = self._keep(organization, waiting, new)
            raise type(error)(f"{error.message}{note}", hint=error.hint) from error
        # Last: a process that dies before this line pushes the same edits again, and they change nothing then.
        if waiting is not None:
            forget(self._git, waiting)
        return landed

    def _land(self, waiting: Pending | None, new: Sequence[Edit]) -> RecordedCommit:
        reason = ""
        for attempt in range(self._settings.tries):
            if attempt:
                self._pause(attempt)
            look = self._branches.look(self._branch)
            self._branches.require_followed(look)
            base = self._branches.records_tip(self._branch, look)
            older = edits_of(self._here, waiting, base) if waiting else []
            head = self._commit_all(base, [*older, *new])
            # The edits change nothing on this tip: another controller, or an earlier try, pushed them.
            if head is None or head == base:
                on_remote = self._remote is not None and look.records is not None
                return RecordedCommit(head, self._branch, pushed=on_remote, changed=False)
            # The lease may be lost while the commit is made, so this check comes directly before the push.
            self._permit()
            answer = self._put(base, head, look.records)
            if answer.outcome is Push.DONE:
                note = fast_forward(self._here, self._branch, head) if self._remote else None
                return RecordedCommit(head, self._branch, pushed=self._remote is not None, note=note)
            reason = answer.reason
            if answer.outcome is Push.DECLINED:
                raise self._declined(reason)
            _log.info("push.raced", branch=self._branch, attempt=attempt + 1, reason=reason)
        raise GitRemoteFailed(f"{self._branches.where}: lost {self._settings.tries} races for {self._branch}: {reason}")

    def _put(self, base: str | None, head: str, on_remote: str | None) -> PushAnswer:
        """Move the branch to the new commit: on the remote, if it is at `on_remote`, or here without a remote."""
        if self._remote is not None:
            return self._remote.push(head, self._branch, on_remote)
        reason = fast_forward(self._here, self._branch, head, create=True, expected=base)
        if reason is None:
            self._git.run("update-ref", Remote.kept_ref(self._branch), head)
            return PushAnswer(Push.DONE)
        moved = self._here.commit(f"refs/heads/{self._branch}") != base
        return PushAnswer(Push.RACED if moved else Push.DECLINED, reason)

    def _declined(self, reason: str) -> GitRemoteFailed | RepositoryFailed:
        if self._remote is None:
            hint = "commit or move aside the changes below the artifacts folder"
            return RepositoryFailed(f"{self._branches.where}: {reason}", hint=hint)
        hint = "let the controller's account push to the branch, or set artifacts.branch to another one"
        return GitRemoteFailed(f"{self._branches.where} declines commits on {self._branch}: {reason}", hint=hint)

    def _commit_all(self, base: str | None, edits: Sequence[Edit]) -> str | None:
        """Commit the edits on top of the base. Returns the last commit, or the base if no edit changes anything."""
        for edit in edits:
            base = self._commit(base, edit)
        return base

    def _commit(self, base: str | None, edit: Edit) -> str | None:
        files = _files(state_in_commit(self._here, base, edit.lock_path, edit.organization), edit)
        if not files:
            return base
        return write_commit(self._here, base, files, edit.message, self._settings.signature)

    def _keep(self, organization: str, waiting: Pending | None, new: Sequence[Edit]) -> str:
        """Keep the new edits on top of the pending ones and return the ref."""
        known = self._remote.last_known(self._branch) if self._remote else None
        base = waiting.tip if waiting else known or self._here.commit(f"refs/heads/{self._branch}")
        try:
            head = self._commit_all(base, new)
        except RepositoryFailed:
            # The lock file at the base is broken: the edits are kept on their own until a person has repaired it.
            base, head = None, self._commit_all(None, [replace(edit, dropped=frozenset()) for edit in new])
        if head is None or (waiting is None and head == base):
            return ""
        ref = keep(self._git, organization, self._branch, head).ref
        _log.warning("push.kept", organization=organization, branch=self._branch, sha=head, ref=ref)
        return f"; the commit {head[:12]} is kept on {ref} and goes out the next time"

    def _pause(self, attempt: int) -> None:
        ceiling = min(self._settings.pause_ceiling_s, self._settings.pause_s * 2 ** (attempt - 1))
        self._settings.pause(random.uniform(0, ceiling))  # noqa: S311 - spreads retries, guards nothing


def record_in_folder(top: Path, edit: Edit) -> bool:
    """Write the files of an edit, the lock file last. Returns whether anything changed. Raises RepositoryFailed."""
    files = _files(state_in_folder(top, edit.lock_path, edit.organization), edit)
    try:
        written = [path for path, content in files.items() if _put(top, path, content)]
    except OSError as error:
        raise RepositoryFailed(f"{top}: an artifact cannot be written: {error}") from error
    return bool(written)


def _files(before: RecordedState, edit: Edit) -> dict[str, bytes]:
    """The files that an edit writes, the lock file last and only where it changes."""
    after = apply_edit(before, edit)
    return {**edit.files, **({edit.lock_path: lock_bytes(after)} if after != before else {})}


def _put(top: Path, path: str, content: bytes) -> bool:
    """Replace one file atomically. Returns whether it differed."""
    target = top / path
    root = os.path.realpath(top)
    if os.path.commonpath([root, os.path.realpath(target)]) != root:
        raise RepositoryFailed(f"{target} leads out of the folder", hint="remove the link")
    with contextlib.suppress(FileNotFoundError):
        if target.read_bytes() == content:
            return False
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".penstock-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            # Before the rename: a power cut could otherwise leave an empty file under the final name.
            os.fsync(file.fileno())
        # mkstemp makes a file for its owner alone.
        Path(name).chmod(0o644)
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)
    return True
