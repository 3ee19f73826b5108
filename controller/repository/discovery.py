"""Finds the repository of a folder on disk."""

from __future__ import annotations

from pathlib import Path

from controller.domain.errors import RepositoryFailed
from controller.repository.command import GitCommand
from controller.repository.place import GitFolders

_ASKED = ("--path-format=absolute", "--git-dir", "--git-common-dir", "--is-bare-repository")


def discover(path: Path) -> GitFolders | None:
    """The repository of a folder; None without one. Raises RepositoryFailed for a missing folder and a broken one."""
    folder = path.resolve()
    folders = (folder, *folder.parents)
    above = next((each for each in folders if (each / ".git").exists()), None)
    if not folder.exists():
        raise RepositoryFailed(f"{path} does not exist")
    if above is None and not any((each / "HEAD").exists() for each in folders):
        return None  # neither below a `.git` nor itself in a git folder
    git = GitCommand(GitFolders(folder if folder.is_dir() else folder.parent))
    try:
        found = git.text("rev-parse", *_ASKED)
    except RepositoryFailed as error:
        if error.hint is not None:
            raise  # git knows the repository and refuses it, or is not there
        if above is None:
            return None
        message = f"{above / '.git'} is not a usable git repository"
        raise RepositoryFailed(message, hint="clone it again, or remove that folder") from error
    git_folder, common, bare = found.rsplit("\n", 2)
    own = Path(git_folder).resolve()
    # The folder of .git is the work tree: core.worktree could name any other folder, and is ignored.
    top = above if bare == "false" and above is not None else own
    return GitFolders(top, bare == "true", own, Path(common).resolve())
