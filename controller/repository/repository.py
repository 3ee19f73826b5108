"""The repository for the rest of Penstock: its revisions, and the recorded state."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from controller.domain.desired import ArtifactsPolicy
from controller.domain.errors.repository import BranchGone, GitRemoteFailed, RepositoryFailed
from controller.domain.recorded import RecordedState
from controller.repository.artifacts import ArtifactCommit, edit_of, lock_path
from controller.repository.audit_heads import AuditHead, audit_heads
from controller.repository.branches import NOWHERE, Look
from controller.repository.clone import ORIGIN, followed_branch, known_branches, prepare_clone
from controller.repository.credentials import GitCredentials
from controller.repository.discovery import discover
from controller.repository.here import Here
from controller.repository.names import checked_branch, checked_folder, checked_revision
from controller.repository.pending import Pending, all_pending, edits_of, pending_for
from controller.repository.place import GitFolders
from controller.repository.record import Permit, RecordedCommit, Recorder, RecordSettings, always, record_in_folder
from controller.repository.record_log import PastRecord, RecordLog, read_authors, read_records
from controller.repository.recorded import apply_edit, moved_over, state_in_commit, state_in_folder, states_in_commit
from controller.repository.revision_reader import RevisionReader


class Repository(RevisionReader):
    """A repository whose recorded state is read and written, too. Errors are those of `RevisionReader`."""

    def __init__(
        self,
        top: Path,
        place: GitFolders | None,
        credentials: GitCredentials | None = None,
        settings: RecordSettings | None = None,
        pass_on: Collection[str] = (),
        followed: str | None = None,
    ) -> None:
        super().__init__(top, place, credentials, settings, pass_on, followed)
        self._begun: set[tuple[str, str]] = set()
        """Branches and lock files without any older records to copy."""
        self._settled: tuple[int, int] | None = None
        """The writes and the passes after which no commit was seen that waits to be pushed."""

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

    def record_log(self, organization: str, policy: ArtifactsPolicy) -> RecordLog:
        """All records of the organisation that can be reached; without git, those of the folder as one record.

        A remote that does not answer, or a branch that is gone, is noted; the records that are here are read then.
        Raises RepositoryFailed.
        """
        path = lock_path(organization, policy)
        if self._place is None:
            state = state_in_folder(self.top, path, organization)
            flows = tuple(state.flows.values())
            dates = [each.recorded_at for each in flows if each.recorded_at is not None]
            last = [PastRecord("", max(dates), "", {}, flows)] if dates else []
            return RecordLog(None, tuple(last), notes=("there is no git: the folder has only the last records",))
        with self._lock, self._here() as here:
            tips, notes = self._record_tips(here, organization, path, checked_branch(policy.branch))
            records, left_out = read_records(here, tips, path, organization)
            revisions = {flow.revision for each in records for flow in each.entries if flow.revision}
            authors = read_authors(here, revisions)
            return RecordLog(tips[-1] if tips else None, records, authors, (*notes, *left_out))

    def _record_tips(self, here: Here, organization: str, path: str, branch: str) -> tuple[list[str], list[str]]:
        """The commits whose histories have the records, in order of time, and notes about what is missing."""
        branches, notes = self._branches(here, branch), []
        look, earlier = NOWHERE, None
        try:
            look = branches.look(branch)
            tip = branches.records_tip(branch, look)
            earlier = branches.earlier_records(path, branch, tip, look)
        except (GitRemoteFailed, BranchGone) as error:
            notes.append(f"{error.message}; the records that are here were read")
            tip = (branches.remote.last_known(branch) if branches.remote else None) or here.commit(
                f"refs/heads/{branch}"
            )
        if earlier is None and tip is not None and look.tip is not None and here.file(look.tip, path) is not None:
            earlier = here.commit(look.tip)
        waiting = pending_for(here, organization, branch)
        tips = [earlier, tip, waiting.tip if waiting else None]
        return [each for each in tips if each is not None], notes

    def _still(self, look: Look | None, records: str) -> Look | None:
        """The look, if it is one at this branch and nothing was written since."""
        return look if look is not None and (look.branch, look.after) == (records, self._writes) else None

    def recorded_states(self, policy: ArtifactsPolicy, others_than: Collection[str]) -> tuple[RecordedState, ...]:
        """The recorded states in the policy's folder of other organisations, fetched and readable ones."""
        if self._place is None:
            return ()
        with self._here() as here:
            remote = self._remote(here, checked_branch(policy.branch))
            tip = remote.last_known(policy.branch) if remote else here.commit(f"refs/heads/{policy.branch}")
            return () if tip is None else states_in_commit(here, tip, checked_folder(policy.path), others_than)

    def audit_heads(self, organization: str, policy: ArtifactsPolicy) -> tuple[AuditHead, ...]:
        """The heads of an organisation's audit chain in its record commits, newest commit first; none without git.

        Raises GitRemoteFailed and BranchGone, and RepositoryFailed for a shallow clone, which has not all of them.
        """
        if self._place is None:
            return ()
        with self._lock, self._here() as here:
            branches = self._branches(here, checked_branch(policy.branch))
            tip = branches.records_tip(policy.branch, branches.look(policy.branch))
            if here.git.text("rev-parse", "--is-shallow-repository") == "true":
                raise RepositoryFailed(f"{self.top} is a shallow clone", hint="git fetch --unshallow")
            found = () if tip is None else audit_heads(here.git, tip)
            return tuple(head for head in found if head.organization == organization)

    def recorded_in(self, sha: str, organization: str, policy: ArtifactsPolicy) -> RecordedState:
        """The recorded state in one commit. Raises RepositoryFailed for a broken lock file."""
        with self._here() as here:
            return state_in_commit(here, checked_revision(sha), lock_path(organization, policy), organization)

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

    def _recorder(self, here: Here, branch: str, permit: Permit) -> Recorder:
        self._writes += 1
        return Recorder(branch, self._branches(here, branch), self._settings, permit)
