"""The two branches of a delivery: the followed branch, which Penstock never writes first, and the records branch.

A known branch that is missing is a fault. It never counts as empty, and Penstock never creates it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controller.domain.errors.repository import BranchGone, Unpushed
from controller.repository.here import Here
from controller.repository.objects import is_ancestor
from controller.repository.remote import Remote

_DEEPEN_BY = (50, 500, 5_000, 50_000)
"""How many more commits are fetched into a shallow clone at each try, to find out whether a commit is in a branch."""


@dataclass(frozen=True, slots=True)
class Look:
    """The state of both branches at one moment; without a remote only the branch of the records counts."""

    followed: str | None
    """The followed branch; None without a remote, or where none can be determined."""
    tip: str | None
    """Its commit on the remote."""
    records: str | None
    """The commit of the branch of the records."""
    branch: str | None = None
    """The branch of the records; None if it was not asked for."""
    after: int = 0
    """How many times the repository had been written to by this process."""


NOWHERE = Look(None, None, None)
"""A folder without git."""


class Branches:
    """The branches of one repository."""

    def __init__(self, here: Here, remote: Remote | None, named: str | None, noted: Mapping[str, str]) -> None:
        self._git = here.git
        self.here = here
        self.remote = remote
        self._named = named
        """The branch that the operator names; by default the one that the remote's HEAD names."""
        self._noted = noted
        """Earlier commits of branches, from the store."""

    @property
    def where(self) -> str:
        return self.remote.url if self.remote else str(self._git.directory)

    def look(self, records: str | None = None) -> Look:
        """Read both branches in one call to the remote. Raises GitRemoteFailed."""
        if self.remote is None:
            tip = self.here.commit(f"refs/heads/{records}") if records else None
            return Look(None, None, tip, records)
        own = self._named or self.here.upstream
        heads = self.remote.heads(*filter(None, (own, records)))
        followed = self._named or heads.head or own
        return Look(followed, heads.tips.get(followed or ""), heads.tips.get(records or ""), records)

    def require_followed(self, look: Look) -> None:
        """Raise BranchGone unless the remote has the followed branch. Without a remote this checks nothing."""
        if self.remote is None or look.tip is not None:
            return
        if look.followed is None:
            raise BranchGone(
                f"{self.where}: its HEAD names no branch that is there, so none can be followed",
                was_there=False,
                hint="push the branch, or set PENSTOCK_BRANCH",
            )
        known = self._known(look.followed)
        if known is not None:
            raise self._gone(look.followed, known, "push it again, or set PENSTOCK_BRANCH to the one in its place")
        raise BranchGone(
            f"{self.where} has no branch {look.followed}, and Penstock never makes it; nothing is written",
            was_there=False,
            hint=f"push it first: git push --set-upstream {self.remote.name} {look.followed}",
        )

    def not_to_deliver(self, sha: str | None, look: Look) -> BranchGone | Unpushed | None:
        """The reason against a delivery of this commit; None is a repository without commits.

        Raises BranchGone when the followed branch was there and is gone, and GitRemoteFailed.
        """
        try:
            self.require_followed(look)
        except BranchGone as error:
            if error.was_there:
                raise
            return error
        if self.remote is None or (sha is not None and self.holds(sha, look)):
            return None
        what = "nothing is committed" if sha is None else f"the commit {sha[:12]} is not in it"
        return Unpushed(
            f"deliveries come from the branch {look.followed} of {self.where}, and {what}",
            hint=f"bring it to {look.followed} first, set PENSTOCK_BRANCH, or pass --allow-unpushed",
        )

    def records_tip(self, branch: str, look: Look) -> str | None:
        """The commit of the records with its objects fetched; None if there never was one. Raises BranchGone."""
        if self.remote is not None and look.records is not None:
            tip = self.remote.fetch(branch, look.records)
            if tip is not None:
                return tip
        elif self.remote is None and look.records is not None:
            return look.records
        known = self._known(branch)
        if known is not None:
            what = f"put it back: git push {self.remote.name if self.remote else '.'} {known[:12]}:refs/heads/{branch}"
            raise self._gone(branch, known, f"{what}; to begin anew, push a branch of that name without a lock file")
        return self.here.commit(f"refs/heads/{branch}")

    def earlier_records(self, path: str, branch: str, tip: str | None, look: Look) -> str | None:
        """The commit of the followed branch with the lock file, if the records branch never had it.

        `tip` is the commit of the records branch. None if there are no earlier records.
        """
        if tip is not None and (self.here.file(tip, path) is not None or self._ever_had(tip, path)):
            return None
        if self.remote is None:
            commit = None if branch == self.here.checked_out else self.here.commit("HEAD")
        else:
            follows = look.followed is not None and look.followed != branch and look.tip is not None
            commit = self.remote.fetch(look.followed or "", look.tip) if follows else None
        return commit if commit is not None and self.here.file(commit, path) is not None else None

    def _ever_had(self, tip: str, path: str) -> bool:
        return bool(self._git.text("rev-list", "-1", "--end-of-options", tip, "--", path))

    def holds(self, sha: str, look: Look) -> bool:
        """Whether the followed branch contains the commit. A shallow clone is deepened as needed, within limits.

        Raises GitRemoteFailed when the remote does not give enough history to decide.
        """
        if self.remote is None or look.followed is None or look.tip in (None, sha):
            return self.remote is None or look.tip == sha
        tip = self.remote.fetch(look.followed, look.tip)
        if tip is None or is_ancestor(self._git, sha, tip):
            return tip is not None
        shallow = self._git.text("rev-parse", "--is-shallow-repository") == "true"
        return shallow and self._holds_deeper(self.remote, sha, look.followed, tip)

    def _holds_deeper(self, remote: Remote, sha: str, branch: str, tip: str) -> bool:
        commits = 0
        for by in _DEEPEN_BY:
            before, commits = commits, int(self._git.text("rev-list", "--count", tip))
            if before == commits:
                return False  # all of its history is here
            remote.deepen(branch, by)
            if is_ancestor(self._git, sha, tip):
                return True
        return False

    def _known(self, branch: str) -> str | None:
        if self.remote is not None:
            return self.remote.last_known(branch) or self._noted.get(branch)
        return self.here.commit(Remote.kept_ref(branch)) or self._noted.get(branch)

    def _gone(self, branch: str, known: str, hint: str) -> BranchGone:
        return BranchGone(
            f"{self.where}: the branch {branch} is gone; it was at {known[:12]}. Nothing is written until it is back",
            hint=hint,
        )
