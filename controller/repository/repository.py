"""The repository for the rest of Penstock: reads revisions, reads and writes the recorded state."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from controller.domain.desired import ArtifactsPolicy
from controller.domain.errors import BranchGone, RepositoryFailed, Unpushed
from controller.domain.files import Limits
from controller.domain.recorded import NO_REVISION, RecordedState
from controller.repository.artifacts import ArtifactCommit, edit_of, lock_path
from controller.repository.branches import NOWHERE, Branches, Look
from controller.repository.clone import ORIGIN, followed_branch, known_branches, maintain, prepare_clone
from controller.repository.command import GitCommand
from controller.repository.commit_files import CommitFiles
from controller.repository.credentials import GitCredentials
from controller.repository.discovery import discover
from controller.repository.disk import DiskFiles
from controller.repository.here import Here, Readers
from controller.repository.merging import merged
from controller.repository.names import checked_branch, checked_folder, checked_revision
from controller.repository.objects import ObjectReader, is_ancestor, resolve
from controller.repository.pending import Pending, all_pending, edits_of, pending_for
from controller.repository.place import GitFolders
from controller.repository.record import Permit, RecordedCommit, Recorder, RecordSettings, always, record_in_folder
from controller.repository.recorded import apply_edit, moved_over, state_in_commit, state_in_folder, states_in_commit
from controller.repository.remote import Remote
from controller.repository.revision import author, commit_named, last_change, only_below
from controller.repository.work_tree_files import WorkTreeFiles, left_out


class Repository:
    """A person's clone, the service's own clone, or a plain folder. Thread-safe.

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
        self._begun: set[tuple[str, str]] = set()
        """Branches and lock files without any older records to copy."""
        self._readers = Readers()
        self._settled: tuple[int, int] | None = None
        """The writes and the passes after which no commit was seen that waits to be pushed."""
        self._passes = 0
        """How many passes began; always 0 for the service's own clone, where no other process keeps commits."""
        self._writes = 0
        """How many times records may have been written: what was read of branches before does not count any more."""
        self._authors: dict[str, str | None] = {}
        """The author of the last requested commit."""
        self._lock = threading.RLock()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        credentials: GitCredentials | None = None,
        settings: RecordSettings | None = None,
        pass_on: Collection[str] = (),
        followed: str | None = None,
    ) -> Repository:
        """The repository of a folder; without git above it, the folder itself.

        `pass_on` are patterns of further variables for git, `followed` the remote's branch to deliver from (HEAD's).
        """
        place = discover(path)
        return cls(place.top if place else path.resolve(), place, credentials, settings, pass_on, followed)

    @classmethod
    def clone(
        cls,
        url: str,
        into: Path,
        *,
        branch: str | None = None,
        credentials: GitCredentials | None = None,
        settings: RecordSettings | None = None,
        pass_on: Collection[str] = (),
    ) -> Repository:
        """The service's clone of a remote with the branch fetched; an existing clone is updated.

        The default branch is the one that the remote's HEAD names at first; it stays the same when HEAD changes later.
        The folder belongs to one process. Raises SettingsInvalid for an unacceptable URL, and BranchGone.
        """
        named = None if branch is None else checked_branch(branch)
        place = prepare_clone(url, into)
        repository = cls(place.top, place, credentials, settings, pass_on, named)
        with repository._here() as here:
            heads = repository._named_remote(here, ORIGIN).heads(*known_branches(here, named))
            repository._followed = followed_branch(here, heads, named)
            branches = repository._branches(here)
            branches.require_followed(Look(repository._followed, heads.tips.get(repository._followed or ""), None))
            repository._fetch(here, repository.followed, heads.tips[repository.followed])
        return repository

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
        """The files that a merge of the commit `head` into `base` would leave, as `merging.merged` says."""
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
            self._authors = {sha: author(self._git(), checked_revision(sha))}
        return self._authors[sha]

    def only_artifacts_changed(
        self, before: str, after: str, artifacts: Collection[str] = ("artifacts",), read: Collection[str] = ()
    ) -> bool:
        """Whether only artifacts differ, and none that was `read`, because a flow file may be among them.

        Also False if one of the revisions is not here or too many paths differ, so that a sync runs.
        """
        return only_below(self._git(), (checked_revision(before), checked_revision(after)), artifacts, read)

    # --- The recorded state ---------------------------------------------------------------------------------------

    def recorded_state(self, organization: str, policy: ArtifactsPolicy, look: Look | None = None) -> RecordedState:
        """The recorded state: from the remote's tip, else the local branch, else the folder.

        If the records branch never had anything of the organisation, the followed branch counts. Pending commits are
        included. Raises RepositoryFailed naming file and line for a broken lock file, and BranchGone for a missing
        branch; neither ever counts as empty.
        """
        path = lock_path(organization, policy)
        if self._place is None:
            return state_in_folder(self.top, path, organization)
        with self._lock, self._here() as here:
            branches = self._branches(here, checked_branch(policy.branch))
            look = self._still(look, policy.branch) or branches.look(policy.branch)
            tip = branches.records_tip(policy.branch, look)
            begun = (policy.branch, path) in self._begun
            begun_from = None if begun else branches.earlier_records(path, policy.branch, tip, look)
            state = state_in_commit(here, begun_from or tip, path, organization)
            waiting = pending_for(here, organization, policy.branch)
            for edit in edits_of(here, waiting, tip) if waiting else ():
                state = apply_edit(state, edit)
            return state

    def _still(self, look: Look | None, records: str) -> Look | None:
        """The look, if it is one at this branch and nothing was written since."""
        return look if look is not None and (look.branch, look.after) == (records, self._writes) else None

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether the history of `newer` contains `older`."""
        return is_ancestor(self._git(), checked_revision(older), checked_revision(newer))

    def recorded_states(self, policy: ArtifactsPolicy) -> tuple[RecordedState, ...]:
        """The recorded states of all organisations in the policy's folder that were fetched and are readable."""
        if self._place is None:
            return ()
        with self._here() as here:
            remote = self._remote(here, checked_branch(policy.branch))
            tip = remote.last_known(policy.branch) if remote else here.commit(f"refs/heads/{policy.branch}")
            return () if tip is None else states_in_commit(here, tip, checked_folder(policy.path))

    def begin_records(
        self, organization: str, policy: ArtifactsPolicy, permit: Permit = always, look: Look | None = None
    ) -> str | None:
        """Move the organisation's artifacts over from the followed branch, where records were kept before.

        One commit does so, only if the branch never had anything of the organisation. Commits that wait for another
        branch move here as well. Returns the commit of the branch; None without one, or when this was done before.
        Raises as `record` does.
        """
        path = lock_path(organization, policy)
        if self._place is None or (policy.branch, path) in self._begun:
            return None
        with self._lock, self._here() as here:
            branches = self._branches(here, checked_branch(policy.branch))
            look = self._still(look, policy.branch) or branches.look(policy.branch)
            branches.require_followed(look)
            tip = branches.records_tip(policy.branch, look)
            begun_from = branches.earlier_records(path, policy.branch, tip, look)
            if begun_from is not None and pending_for(here, organization, policy.branch) is None:
                edit = moved_over(here, begun_from, path, organization, f"{look.followed or 'HEAD'}@{begun_from[:12]}")
                tip = self._recorder(here, policy.branch, permit).record(edit).sha
            for pending in self.pending():
                if pending.organization == organization and pending.branch != policy.branch:
                    tip = self._recorder(here, policy.branch, permit).take_over(pending).sha
            self._begun.add((policy.branch, path))
            return tip

    def record(self, commit: ArtifactCommit, permit: Permit = always) -> RecordedCommit:
        """Commit artifacts: one commit on the artifacts branch, pushed where there is a remote.

        An exception of `permit` just before a push prevents that push. A commit that cannot be pushed is kept,
        recorded_state() counts it, and GitRemoteFailed says so.
        """
        edit = edit_of(commit)
        if self._place is None:
            permit()
            return RecordedCommit(None, None, pushed=False, changed=record_in_folder(self.top, edit))
        with self._lock, self._here() as here:
            return self._recorder(here, commit.policy.branch, permit).record(edit)

    def pending(self) -> tuple[Pending, ...]:
        """All commits that wait to be pushed."""
        state = (self._writes, self._passes)
        if self._place is None or self._settled == state:
            return ()
        waiting = tuple(all_pending(self._git()))
        self._settled = state if not waiting and (self._place.bare or self._readers.busy) else None
        return waiting

    def flush_pending(self, permit: Permit = always) -> tuple[RecordedCommit, ...]:
        """Push all waiting commits; raises at the first that cannot or must not be pushed, and keeps it."""
        if self._place is None:
            return ()
        with self._lock, self._here() as here:
            waiting = self.pending()
            return tuple(self._recorder(here, pending.branch, permit).flush(pending) for pending in waiting)

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

    def _recorder(self, here: Here, branch: str, permit: Permit) -> Recorder:
        self._writes += 1
        return Recorder(branch, self._branches(here, branch), self._settings, permit)
