"""Finds the repository of a folder on disk."""

from __future__ import annotations

from pathlib import Path

from controller.domain.errors import RepositoryFailed
from controller.repository.command import GitCommand, hint_of
from controller.repository.place import GitFolders

_WHERE = ("rev-parse", "--is-bare-repository", "--absolute-git-dir", "--git-common-dir")


def discover(path: Path) -> GitFolders | None:
    """The repository of a folder; None without one. Raises RepositoryFailed for a missing folder and a broken one."""
    folder = path.resolve()
    if not folder.exists():
        raise RepositoryFailed(f"{path} does not exist")
    folders = (folder, *folder.parents)
    above = next((each for each in folders if (each / ".git").exists()), None)
    if above is None and not any((each / "HEAD").exists() for each in folders):
        return None  # neither below a `.git` nor itself in a git folder
    answer = GitCommand(GitFolders(folder), plain=True).attempt(*_WHERE)
    lines = answer.output.decode("utf-8", "surrogateescape").splitlines()
    if answer.ok and len(lines) == len(_WHERE) - 1:
        bare, git_folder = lines[0] == "true", Path(lines[1]).resolve()
        # The folder of .git is the work tree: core.worktree could name any other folder, and is ignored.
        top = git_folder if bare else above or git_folder
        return GitFolders(top, bare, git_folder, (folder / lines[2]).resolve())
    if above is None:
        return None
    message = f"{above / '.git'} is not a usable git repository: {answer.complaint or 'its path has a line break'}"
    raise RepositoryFailed(message, hint=hint_of(answer.complaint) or "clone it again, or remove that folder")
