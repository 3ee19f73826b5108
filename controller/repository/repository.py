"""A repository as the rest of Penstock sees it: revisions in, the recorded state both ways."""

from __future__ import annotations

import threading
from collections.abc import Collection
from pathlib import Path

from controller.domain.desired import ArtifactsPolicy
from controller.domain.errors import RepositoryFailed
from controller.domain.recorded import NO_REVISION, RecordedState
from controller.domain.redaction import Redactor
from controller.repository.artifacts import ArtifactCommit, edit_of, lock_path
from controller.repository.checkout import export_tree
from controller.repository.clone import maintain, prepare_clone
from controller.repository.command import GitCommand
from controller.repository.credentials import GitCredentials
from controller.repository.folder import record_in_folder
from controller.repository.names import checked_branch, checked_revision
from controller.repository.objects import has_commit, resolve
from controller.repository.pending import Pending, all_pending, edits_of, pending_for
from controller.repository.place import Place, discover
from controller.repository.record import Permit, RecordedCommit, Recorder, RecordSettings, always
from controller.repository.recorded import apply_edit, state_in_commit, state_in_folder
from controller.repository.remote import Remote, remote_name
from controller.repository.revision import Revision, below, changed_paths, last_change, read_revision


class Repository:
    """A person's clone, the service's own clone, or a plain folder. Safe to use from several threads.

    Every method blocks while git runs. All raise RepositoryFailed when the repository is not usable, and those that
    talk to the remote GitRemoteFailed when it does not answer.
    """

    def __init__(
        self,
        top: Path,
        place: Place | None,
        credentials: GitCredentials | None = None,
        settings: RecordSettings | None = None,
        pass_on: Collection[str] = (),
    ) -> None:
        self.top = top
        self.has_git = place is not None
        self._place = place
        self._credentials = credentials
        self._settings = settings or RecordSettings()
        self._command = GitCommand(place, Redactor(), pass_on) if place is not None else None
        self._lock = threading.RLock()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        credentials: GitCredentials | None = None,
        settings: RecordSettings | None = None,
        pass_on: Collection[str] = (),
    ) -> Repository:
        """The repository that a folder belongs to; without git above it, the folder itself.

        `pass_on` are patterns of variables that git is given besides the usual ones.
        """
        place = discover(path)
        return cls(place.top if place else path.resolve(), place, credentials, settings, pass_on)

    @classmethod
    def clone(
        cls,
        url: str,
        into: Path,
        *,
        branch: str,
        credentials: GitCredentials | None = None,
        settings: RecordSettings | None = None,
        pass_on: Collection[str] = (),
    ) -> Repository:
        """The service's clone of a remote, with the branch fetched; one that is there already is brought up to date.

        The folder belongs to one process. Raises SettingsInvalid when the URL is not acceptable.
        """
        try:
            place = prepare_clone(url, into, checked_branch(branch))
        except OSError as error:
            raise RepositoryFailed(
                f"the clone in {into} cannot be made: {error.strerror or type(error).__name__}",
                hint="free some space, make the folder writable, or choose another PENSTOCK_WORK_DIR",
            ) from error
        repository = cls(place.top, place, credentials, settings, pass_on)
        repository.fetch(branch)
        return repository

    # --- Revisions ------------------------------------------------------------------------------------------------

    def revision(self, artifacts: Collection[str] = ("artifacts",)) -> Revision:
        """What is checked out, and what differs from it outside the artifacts folders."""
        return read_revision(self._git(), artifacts) if self._place else Revision(NO_REVISION)

    def fetch(self, branch: str) -> str:
        """The newest commit of a branch on the remote, with its objects here."""
        with self._lock:
            git = self._git()
            remote = self._remote(git, branch)
            before = remote.last_known(branch) if remote else None
            tip = remote.fetch(branch) if remote else resolve(git, f"refs/heads/{branch}")
            if tip is None:
                raise RepositoryFailed(f"{remote.url if remote else self.top} has no branch {branch}")
            if self._place is not None and self._place.bare and tip != before:
                maintain(git)
            return tip

    def head(self, branch: str) -> str:
        """The newest commit of a branch that is here already; nothing is fetched."""
        git = self._git()
        remote = self._remote(git, branch)
        tip = (remote.last_known(branch) if remote else None) or resolve(git, f"refs/heads/{branch}")
        if tip is None:
            raise RepositoryFailed(f"{self.top} has no branch {branch}", hint="fetch it first")
        return tip

    def remote_head(self, branch: str) -> str | None:
        """The commit that the remote has on a branch now, at constant cost; None when there is no such branch."""
        git = self._git()
        remote = self._remote(git, checked_branch(branch))
        return remote.tip(branch) if remote else resolve(git, f"refs/heads/{branch}")

    def export_tree(self, sha: str, into: Path, leave_out: Collection[str] = ()) -> None:
        """Write a revision's files into a folder, which is emptied first; `leave_out` names folders to skip."""
        export_tree(self._git(), checked_revision(sha), into, leave_out)

    def changed_paths(self, before: str, after: str) -> tuple[str, ...]:
        """Every path that differs between two revisions, sorted."""
        return changed_paths(self._git(), checked_revision(before), checked_revision(after))

    def last_change(self, sha: str, paths: Collection[str]) -> str | None:
        """The short id of the newest commit that changed one of the paths; None without git, or where none is here."""
        if self._place is None or sha == NO_REVISION:
            return None
        return last_change(self._git(), checked_revision(sha), paths)

    def only_artifacts_changed(self, before: str, after: str, artifacts: Collection[str] = ("artifacts",)) -> bool:
        """Whether nothing but artifacts differs; False when one of the revisions is not here, so that a sync runs."""
        git = self._git()
        if not all(has_commit(git, checked_revision(sha)) for sha in (before, after)):
            return False
        return all(below(path, artifacts) for path in self.changed_paths(before, after))

    # --- The recorded state ---------------------------------------------------------------------------------------

    def recorded_state(self, organization: str, policy: ArtifactsPolicy, *, fetch: bool = True) -> RecordedState:
        """What was last delivered: from the remote's tip, else the local branch, else the folder.

        With `fetch=False` the tip that was last fetched is taken. Commits that wait to be pushed count. A broken lock
        file raises RepositoryFailed naming it and the line; it is never taken for an empty one.
        """
        path = lock_path(organization, policy)
        if self._place is None:
            return state_in_folder(self.top, path, organization)
        with self._lock:
            git = self._git()
            tip = self._artifacts_tip(git, checked_branch(policy.branch), fetch=fetch)
            state = state_in_commit(git, tip, path, organization)
            waiting = pending_for(git, organization, policy.branch)
            for edit in edits_of(git, waiting, tip) if waiting else ():
                state = apply_edit(state, edit)
            return state

    def record(self, commit: ArtifactCommit, permit: Permit = always) -> RecordedCommit:
        """Bring artifacts back: one commit on the artifacts branch, pushed where there is a remote.

        Whatever `permit` raises just before a push keeps it from being made.

        When it cannot be pushed it is kept, recorded_state() counts it, and GitRemoteFailed says so.
        """
        edit = edit_of(commit)
        if self._place is None:
            permit()
            return RecordedCommit(None, pushed=False, changed=record_in_folder(self.top, edit))
        with self._lock:
            return self._recorder(commit.policy.branch, permit).record(edit)

    def pending(self) -> tuple[Pending, ...]:
        """What waits to be pushed."""
        return tuple(all_pending(self._git())) if self._place else ()

    def flush_pending(self, permit: Permit = always) -> tuple[RecordedCommit, ...]:
        """Push everything that waits; raises at the first that cannot be or may not be pushed, and keeps it."""
        if self._place is None:
            return ()
        with self._lock:
            return tuple(self._recorder(pending.branch, permit).flush(pending) for pending in self.pending())

    # --- Inside ---------------------------------------------------------------------------------------------------

    def _git(self) -> GitCommand:
        if self._command is None:
            raise RepositoryFailed(f"{self.top} is not a git repository", hint="git init")
        return self._command

    def _remote(self, git: GitCommand, branch: str) -> Remote | None:
        name = remote_name(git, checked_branch(branch))
        return Remote(git, name, self._credentials, self._settings.network_timeout_s) if name else None

    def _recorder(self, branch: str, permit: Permit) -> Recorder:
        git = self._git()
        return Recorder(git, branch, self._remote(git, branch), self._settings, permit)

    def _artifacts_tip(self, git: GitCommand, branch: str, *, fetch: bool) -> str | None:
        remote = self._remote(git, branch)
        tip = None
        if remote is not None:
            tip = remote.fetch(branch) if fetch else remote.last_known(branch)
        return tip or resolve(git, f"refs/heads/{branch}")
