"""Finds the repository of a folder on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from controller.domain.errors.repository import RepositoryFailed
from controller.repository.place import GitFolders


def discover(path: Path) -> GitFolders | None:
    """The repository of a folder; None without one. Raises RepositoryFailed for a missing folder and a broken one."""
    folder = path.resolve()
    folders = (folder, *folder.parents)
    above = next((each for each in folders if (each / ".git").exists()), None)
    if folder.exists() and above is None and not any((each / "HEAD").exists() for each in folders):
        return None  # neither below a `.git` nor itself in a git folder
    if above is not None and folder.exists() and _is_plain(above / ".git", folders[: folders.index(above) + 1]):
        return GitFolders(above, bare=False, git=above / ".git", common=above / ".git")
    # GitPython looks for the git program when it is imported; a missing one is reported when it is needed.
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    from git import InvalidGitRepositoryError, NoSuchPathError, Repo  # a tenth of a second, and two git processes

    try:
        with Repo(folder, search_parent_directories=True, expand_vars=False) as repo:
            # The folder of .git is the work tree: core.worktree could name any other folder, and is ignored.
            git_folder = Path(repo.git_dir).resolve()
            top = git_folder if repo.bare else above or git_folder
            return GitFolders(top, repo.bare, git_folder, Path(repo.common_dir).resolve())
    except NoSuchPathError as error:
        raise RepositoryFailed(f"{path} does not exist") from error
    except InvalidGitRepositoryError as error:
        if above is None:
            return None
        message = f"{above / '.git'} is not a usable git repository"
        raise RepositoryFailed(message, hint="clone it again, or remove that folder") from error


def _is_plain(git: Path, inside: Iterable[Path]) -> bool:
    """Whether this is the git folder of a work tree in the layout of `git init`, and no other one is `inside` that.

    What is not certain is left to GitPython.
    """
    if git.is_symlink() or (git / "commondir").exists() or any((each / "HEAD").exists() for each in inside):
        return False
    try:
        settings = (git / "config").read_bytes().lower()
    except OSError:
        return False
    has_files = settings.count(b"bare") == 1 and b"\n\tbare = false\n" in settings and b"[include" not in settings
    return has_files and (git / "HEAD").is_file() and (git / "objects").is_dir() and (git / "refs").is_dir()
