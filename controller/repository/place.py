"""Finds the folders of a repository on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from controller.domain.errors import RepositoryFailed


@dataclass(frozen=True, slots=True)
class GitFolders:
    """One repository."""

    top: Path
    """The top of the work tree, absolute; for a bare repository its git folder."""
    bare: bool = False


def discover(path: Path) -> GitFolders | None:
    """The repository of a folder; None without one. Raises RepositoryFailed for a missing folder and a broken one."""
    folder = path.resolve()
    folders = (folder, *folder.parents)
    above = next((each for each in folders if (each / ".git").exists()), None)
    if folder.exists() and above is None and not any((each / "HEAD").exists() for each in folders):
        return None  # neither below a `.git` nor itself in a git folder
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # a missing git program is reported when it is needed
    from git import InvalidGitRepositoryError, NoSuchPathError, Repo  # takes long, and plain folders do not need it

    try:
        with Repo(folder, search_parent_directories=True, expand_vars=False) as repo:
            # The folder of .git is the work tree; core.worktree and GIT_WORK_TREE are ignored.
            git_folder = Path(repo.git_dir).resolve()
            return GitFolders(git_folder if repo.bare else above or git_folder, repo.bare)
    except NoSuchPathError as error:
        raise RepositoryFailed(f"{path} does not exist") from error
    except InvalidGitRepositoryError as error:
        if above is None:
            return None
        message = f"{above / '.git'} is not a usable git repository"
        raise RepositoryFailed(message, hint="clone it again, or remove that folder") from error


def bare_place(folder: Path) -> GitFolders:
    """The folders of a bare repository that Penstock created."""
    return GitFolders(folder.resolve(), bare=True)
