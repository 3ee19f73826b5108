"""Finds the folders of a repository on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from controller.domain.errors import RepositoryFailed

FilesState = tuple[tuple[int, int, int] | None, ...]
"""For each file its number on the disk, time of change and size; None where there is no file."""


@dataclass(frozen=True, slots=True)
class GitFolders:
    """One repository."""

    top: Path
    """The top of the work tree, absolute; for a bare repository its git folder."""
    bare: bool = False
    git: Path | None = None
    """The git folder of this work tree; None where it is the top."""
    common: Path | None = None
    """The git folder that all work trees share; None where it is the top."""

    def settings_state(self) -> FilesState:
        """What changes whenever a branch is checked out or a setting of the repository is changed."""
        git, common = self.git or self.top, self.common or self.top
        files = (git / "HEAD", git / "config.worktree", common / "config", common / "reftable" / "tables.list")
        return tuple(_file_state(each) for each in files)


def _file_state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


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
            top = git_folder if repo.bare else above or git_folder
            return GitFolders(top, repo.bare, git_folder, Path(repo.common_dir).resolve())
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
