"""The part of a repository that only reads: the followed branch, revisions and their files."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from controller.domain.errors.repository import BranchGone, CommitUnverified, RepositoryFailed, Unpushed
from controller.domain.files import Limits
from controller.domain.recorded import NO_REVISION
from controller.repository.branches import NOWHERE, Branches, Look
from controller.repository.clone import maintain
from controller.repository.command import GitCommand
from controller.repository.commit_files import CommitFiles
from controller.repository.credentials import GitCredentials
from controller.repository.disk import DiskFiles
from controller.repository.here import Here, Readers
from controller.repository.names import checked_branch, checked_revision
from controller.repository.objects import ObjectReader, is_ancestor, resolve
from controller.repository.place import GitFolders
from controller.repository.record import RecordSettings
from controller.repository.remote import Remote
from controller.repository.revision import author, commit_named, last_change, merged, only_below
from controller.repository.signatures import unverified
from controller.repository.signers import Signers
from controller.repository.work_tree_files import WorkTreeFiles, left_out


class RevisionReader:
    """Reads a person's clone, the service's own clone, or a plain folder. Thread-safe.

    Every method blocks while git runs. All raise RepositoryFailed when the repository is not usable, and those that
    talk to the remote raise GitRemoteFailed when it does not answer.
    """

    def __init__(
        self,
        top: Path,
        place: GitFolders | None,
        credentials: GitCredentials | None = None,
        settings: RecordSettings | None = None,
        pass_on: Collection[str] = (),
        followed: str | None = None,
    ) -> None:
        self.top = top
        self.has_git = place is not None
        self._place = place
        self._credentials = credentials
        self._settings = settings or RecordSettings()
        self._command = GitCommand(place, pass_on) if place is not None else None
        self._followed = None if followed is None else checked_branch(followed)
        self._noted: dict[str, str] = {}
        self._readers = Readers()
        self._passes = 0
        """How many passes began; always 0 for the service's own clone, where no other process keeps commits."""
        self._writes = 0
        """How many times records may have been written: what was read of branches before does not count any more."""
        self._authors: dict[str, str | None] = {}
        """The author of the last requested commit."""
        self._verified: str | None = None
        """The commit whose signature was verified last. It stays in use where its key is withdrawn later."""
        self._lock = threading.RLock()

    @contextlib.contextmanager
    def in_pass(self) -> Iterator[None]:
        """The calls of one pass, which share a process of git."""
        if self._place is not None and not self._place.bare:
            self._passes += 1
        with self._readers.at_work():
            yield

    # --- The branch that is followed ------------------------------------------------------------------------------

    @property
    def followed(self) -> str:
        """The branch that the service's clone follows."""
        if self._followed is None:
            raise RepositoryFailed(f"{self.top} follows no branch", hint="set PENSTOCK_BRANCH")
        return self._followed

    def look(self, records: str | None = None) -> Look:
        """Read the followed branch and that of the records, in one call to the remote.

        The other methods take it instead of a look of their own, unless this process has written records since.
        Raises GitRemoteFailed when the remote does not answer.
        """
        if self._place is None:
            return NOWHERE
        after = self._writes
        with self._here() as here:
            return replace(self._branches(here, *filter(None, [records])).look(records), after=after)

    def require_followed(self, look: Look | None = None) -> None:
        """Raise BranchGone if the remote lacks the followed branch. Without a remote this checks nothing.

        Raises GitRemoteFailed when the remote does not answer.
        """
        if self._place is not None:
            with self._here() as here:
                branches = self._branches(here)
                branches.require_followed(look or branches.look())

    def not_to_deliver(self, sha: str, look: Look | None = None) -> BranchGone | Unpushed | None:
        """The reason against a delivery of this commit: the followed branch lacks it or was never on the remote.

        Raises BranchGone when the branch was there and is gone, and GitRemoteFailed.
        """
        if self._place is None:
            return None
        with self._lock, self._here() as here:
            branches = self._branches(here)
            commit = None if sha == NO_REVISION else checked_revision(sha)
            return branches.not_to_deliver(commit, look or branches.look())

    def unverified(self, sha: str, signers: Signers | None) -> CommitUnverified | None:
        """Why no key of the operator's signers vouches for the commit; None where one does, or where none are set.

        Raises SettingsInvalid for keys that cannot be read.
        """
        if signers is None or self._verified == sha:
            return None
        if self._place is None or sha == NO_REVISION:
            hint = f"commit it, signed by a key of {signers.settings}"
            return CommitUnverified(f"{self.top} has no commit that could be signed", hint=hint)
        found = unverified(self._git(), checked_revision(sha), signers)
        if found is None:
            self._verified = sha
        return found

    def note(self, branch: str, sha: str) -> None:
        """Note an earlier commit of the branch, from the store: if the branch is gone, it was not empty."""
        self._noted[branch] = sha

    # --- Revisions ------------------------------------------------------------------------------------------------

    def revision(self) -> str:
        """The checked-out commit, or NO_REVISION."""
        return (resolve(self._git(), "HEAD") or NO_REVISION) if self._place else NO_REVISION

    @contextlib.contextmanager
    def commit_files(self, sha: str, limits: Limits | None = None) -> Iterator[CommitFiles]:
        """The files of a commit, read from git's objects."""
        with self._here() as here:
            yield here.files(checked_revision(sha), limits)

    def named(self, name: str) -> str:
        """The commit of a branch, tag or id, as `revision.commit_named` says. Raises RepositoryFailed."""
        return commit_named(self._git(), name)

    @contextlib.contextmanager
    def merged_files(self, base: str, head: str, limits: Limits | None = None) -> Iterator[CommitFiles]:
        """The files that a merge of the commit `head` into `base` would leave, as `revision.merged` says."""
        git = self._git()
        with (
            merged(git, checked_revision(base), checked_revision(head)) as found,
            contextlib.closing(ObjectReader(git, environment=found.environment)) as reader,
        ):
            yield CommitFiles(reader, found.tree, limits)

    @contextlib.contextmanager
    def work_tree_files(self, limits: Limits | None = None) -> Iterator[WorkTreeFiles]:
        """The files of the work tree on top of those of the checked-out commit; without git, of the folder."""
        limits = limits or Limits()
        disk = DiskFiles(self.top, limits)
        if self._place is None:
            yield WorkTreeFiles(None, disk)
            return
        with self._here() as here:
            sha = here.commit("HEAD")
            head = None if sha is None else here.files(sha, limits)
            yield WorkTreeFiles(head, disk, frozenset() if head is None else left_out(here.git, limits))

    def fetch(self, branch: str, tip: str | None = None) -> str:
        """The newest commit of a remote branch with its objects fetched. Raises BranchGone.

        `tip` is its commit by a reading just before.
        """
        with self._lock, self._here() as here:
            return self._fetch(here, checked_branch(branch), tip)

    def _fetch(self, here: Here, branch: str, tip: str | None) -> str:
        remote = self._remote(here, branch)
        found = remote.fetch(branch, tip) if remote else here.commit(f"refs/heads/{branch}")
        if found is None:
            self.require_followed()
            raise RepositoryFailed(f"{remote.url if remote else self.top} has no branch {branch}")
        return found

    def maintain(self) -> None:
        """Let git pack and prune the objects of the service's own clone; a person's clone is theirs."""
        if self._place is not None and self._place.bare:
            maintain(self._git())

    def fetch_ref(self, ref: str, sha: str) -> str:
        """The commit, fetched from this ref of the remote, such as `refs/pull/7/head`; the ref may have moved on.

        Raises GitRemoteFailed when the remote lacks the ref or does not answer, and RepositoryFailed when the commit is
        no longer there.
        """
        # Without the lock: it moves no ref, and a delivery must not wait until a large pull request was fetched.
        with self._here() as here:
            if here.commit(checked_revision(sha)) is not None:
                return sha
            remote = self._remote(here)
            if remote is not None:
                remote.fetch_ref(ref)
            if here.commit(sha) is None:
                raise RepositoryFailed(f"{ref} does not hold the commit {sha[:12]} any more", hint="poll again")
        return sha

    def merged_tree(self, base: str, head: str) -> str:
        """The id of the files that a merge of the commit `head` into `base` would leave; raises as `merged_files`."""
        git = self._git()
        with merged(git, checked_revision(base), checked_revision(head)) as found:
            if found.environment:
                return found.tree
            return git.text("rev-parse", "--verify", "--end-of-options", f"{found.tree}^{{tree}}")

    def head(self, branch: str) -> str:
        """The newest commit of a branch that is already here, without a fetch."""
        with self._here() as here:
            remote = self._remote(here, checked_branch(branch))
            tip = (remote.last_known(branch) if remote else None) or here.commit(f"refs/heads/{branch}")
        if tip is None:
            raise RepositoryFailed(f"{self.top} has no branch {branch}", hint="fetch it first")
        return tip

    def remote_head(self, branch: str) -> str:
        """The current commit of a remote branch, at constant cost. Raises BranchGone."""
        with self._here() as here:
            remote = self._remote(here, checked_branch(branch))
            tip = remote.tip(branch) if remote else here.commit(f"refs/heads/{branch}")
        if tip is None:
            self.require_followed()
            raise RepositoryFailed(f"{remote.url if remote else self.top} has no branch {branch} now")
        return tip

    def last_change(self, sha: str, paths: Collection[str]) -> str | None:
        """The short id of the newest commit that changed one of the paths; None without git or a known commit."""
        if self._place is None or sha == NO_REVISION:
            return None
        return last_change(self._git(), checked_revision(sha), paths)

    def author(self, sha: str) -> str | None:
        """The author of a commit as `name <address>`; None without git or if the commit is not here."""
        if self._place is None or sha == NO_REVISION:
            return None
        if sha not in self._authors:
            with self._here() as here:
                self._authors = {sha: author(here, checked_revision(sha))}
        return self._authors[sha]

    def only_artifacts_changed(
        self, before: str, after: str, artifacts: Collection[str] = ("artifacts",), read: Collection[str] = ()
    ) -> bool:
        """Whether only artifacts differ, and none that was `read`, because a flow file may be among them.

        Also False if one of the revisions is not here or too many paths differ, so that a sync runs.
        """
        return only_below(self._git(), (checked_revision(before), checked_revision(after)), artifacts, read)

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether the history of `newer` contains `older`."""
        return is_ancestor(self._git(), checked_revision(older), checked_revision(newer))

    # --- Inside ---------------------------------------------------------------------------------------------------

    def _git(self) -> GitCommand:
        if self._command is None:
            raise RepositoryFailed(f"{self.top} is not a git repository", hint="git init")
        return self._command

    def _here(self) -> contextlib.AbstractContextManager[Here]:
        """The local repository for one operation."""
        return self._readers.here(self._git())

    def _remote(self, here: Here, *branches: str) -> Remote | None:
        """The remote of the branches, else of the checked-out branch."""
        name = here.remote_name(*branches)
        return self._named_remote(here, name) if name else None

    def _named_remote(self, here: Here, name: str) -> Remote:
        return Remote(here, name, self._credentials, self._settings.network_timeout_s)

    def _branches(self, here: Here, *records: str) -> Branches:
        return Branches(here, self._remote(here, *records), self._followed, self._noted)
