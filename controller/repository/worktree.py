"""Letting a person's branch follow a commit of ours, only where nothing of theirs can be lost."""

from __future__ import annotations

from pathlib import Path

from controller.repository.command import GitCommand
from controller.repository.objects import is_ancestor, resolve
from controller.repository.place import GitFolders, discover


def fast_forward(
    git: GitCommand, branch: str, sha: str, *, create: bool = False, expected: str | None = None
) -> str | None:
    """Move a branch forward to the commit; None when that was done or nothing had to be, else why it could not be.

    A branch that is checked out is merged with --ff-only in its work tree, which git refuses rather than overwrite
    anything uncommitted. One that is not checked out is only moved with `create`, from `expected`.
    """
    holder = _work_tree_on(git, branch)
    ref = f"refs/heads/{branch}"
    if holder is None:
        if not create:
            return None
        moved = git.attempt("update-ref", ref, sha, expected or "0" * len(sha))
        return None if moved.ok else f"the branch {branch} could not be moved: {moved.complaint}"
    current = resolve(git, ref)
    if current is not None and not is_ancestor(git, current, sha):
        return f"the branch {branch} in {holder.top} has commits that the remote does not; pull when it suits"
    options = ("--ff-only", "--quiet", "--no-autostash", "--no-verify-signatures", "--no-overwrite-ignore")
    merged = GitCommand(holder, git.pass_on).attempt("merge", *options, "--end-of-options", sha)
    if merged.ok:
        return None
    return f"the branch {branch} in {holder.top} could not follow: {merged.complaint or 'git merge --ff-only failed'}"


def _work_tree_on(git: GitCommand, branch: str) -> GitFolders | None:
    """The work tree, linked ones included, that has the branch checked out."""
    listing = git.run("worktree", "list", "--porcelain", "-z").decode("utf-8", "surrogateescape")
    for block in listing.split("\0\0"):
        facts = dict(line.partition(" ")[::2] for line in block.split("\0"))
        if facts.get("branch") == f"refs/heads/{branch}" and "bare" not in facts and "prunable" not in facts:
            return discover(Path(facts["worktree"]))
    return None
