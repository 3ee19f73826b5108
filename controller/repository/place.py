"""Where a repository stands on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # a plain folder needs no git program, so its absence may not hurt

from git import InvalidGitRepositoryError, NoSuchPathError, Repo

from controller.domain.errors import RepositoryFailed


@dataclass(frozen=True, slots=True)
class Place:
    """The folders of one repository; all absolute."""

    top: Path
    """The top of the work tree; for a bare repository its git folder."""
    git_directory: Path
    """Differs from `common_directory` in a linked work tree."""
    common_directory: Path
    bare: bool = False


def discover(path: Path) -> Place | None:
    """The repository that the folder belongs to; None when there is no git above it.

    Raises RepositoryFailed when the folder does not exist, or what looks like a repository is broken.
    """
    folder = path.resolve()
    try:
        with Repo(folder, search_parent_directories=True, expand_vars=False) as repo:
            git_directory = Path(repo.git_dir).resolve()
            # What stands beside .git is the work tree, whatever core.worktree or GIT_WORK_TREE say.
            above = (parent for parent in (folder, *folder.parents) if (parent / ".git").exists())
            top = git_directory if repo.bare else next(above, git_directory)
            return Place(top, git_directory, Path(repo.common_dir).resolve(), repo.bare)
    except NoSuchPathError as error:
        raise RepositoryFailed(f"{path} does not exist") from error
    except InvalidGitRepositoryError as error:
        broken = next((parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), None)
        if broken is not None:
            raise RepositoryFailed(
                f"{broken / '.git'} is not a usable git repository", hint="clone it again, or remove that folder"
            ) from error
        return None


def bare_place(folder: Path) -> Place:
    """The place of a bare repository that this program made itself."""
    return Place(folder.resolve(), folder.resolve(), folder.resolve(), bare=True)
