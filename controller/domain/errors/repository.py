"""The git repository: the revision, the work tree, the remote and its branches."""

from __future__ import annotations

from controller.domain.errors.branches import Invalid, Permanent, Refused, Transient


class RepositoryFailed(Permanent):
    """The git repository is not usable: not a repository, a missing branch, a conflict that a person must solve."""


class RepositoryTooLarge(Invalid):
    """The repository has more files, deeper folders or more bytes than are read."""


class DirtyTree(Refused):
    """The working tree has uncommitted changes."""


class Unpushed(Refused):
    """The followed branch does not hold the commit: it was not pushed or not merged."""


class CommitUnverified(Refused):
    """No key of the operator's signers vouches for the commit."""


class MergeConflict(Invalid):
    """A branch cannot be merged into its base, so what the merge would leave is unknown."""


class GitRemoteFailed(Transient):
    """The git remote could not be fetched from or pushed to."""

    usual_hint = "check the remote and its credentials, then run it again; what could not be pushed is kept"


class BranchGone(GitRemoteFailed):
    """A branch that deliveries need is missing on the remote. Nothing is written until it is back."""

    def __init__(self, message: str, *, was_there: bool = True, hint: str | None = None) -> None:
        """`was_there` is whether the branch was seen before; otherwise the remote may be new."""
        super().__init__(message, hint=hint)
        self.was_there = was_there
