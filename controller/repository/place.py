"""Finds the folders of a repository on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from controller.domain.errors import RepositoryFailed


@dataclass(frozen=True, slots=True)
class GitFolders:
    """The folders of one repository; all absolute."""

    top: Path
    """The top of the work tree; for a bare repository its git folder."""
    git_directory: Path
    """Differs from `common_directory` in a linked work tree."""
    common_directory: Path
    bare: bool = False


def discover(path: Path) -> GitFolders | None:
    """The repository of the folder; None if there is no git above it.

    Raises RepositoryFailed for a missing folder and for a broken repository.
    """
    folder = path.resolve()
    if folder.exists() and not _may_be_git(folder):
        return None
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # a missing git program is reported when it is needed
    from git import InvalidGitRepositoryError, NoSuchPathError, Repo  # takes long, and plain folders do not need it

    try:
        with Repo(folder, search_parent_directories=True, expand_vars=False) as repo:
            git_directory = Path(repo.git_dir).resolve()
            # The folder of .git is the work tree; core.worktree and GIT_WORK_TREE are ignored.
            above = (parent for parent in (folder, *folder.parents) if (parent / ".git").exists())
            top = git_directory if repo.bare else next(above, git_directory)
            return GitFolders(top, git_directory, Path(repo.common_dir).resolve(), repo.bare)
    except NoSuchPathError as error:
        raise RepositoryFailed(f"{path} does not exist") from error
    except InvalidGitRepositoryError as error:
        broken = next((parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), None)
        if broken is not None:
            raise RepositoryFailed(
                f"{broken / '.git'} is not a usable git repository", hint="clone it again, or remove that folder"
            ) from error
        return None


def _may_be_git(folder: Path) -> bool:
    """Whether the folder or a parent has a `.git` or is itself a git folder."""
    return any((each / ".git").exists() or (each / "HEAD").exists() for each in (folder, *folder.parents))


def bare_place(folder: Path) -> GitFolders:
    """The folders of a bare repository that Penstock created."""
    return GitFolders(folder.resolve(), folder.resolve(), folder.resolve(), bare=True)
