"""Opens the folder that a command is about."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from pathlib import Path

from controller.domain.desired import Organization
from controller.domain.errors.process import SettingsInvalid
from controller.domain.recorded import commit_or_none
from controller.domain.visible import visible
from controller.domain.wording import counted
from controller.reconcile.branch import Branch, BranchNames, open_branch
from controller.reconcile.settings import Settings
from controller.reconcile.workspace import Workspace, open_folder, repository_of, uncommitted


def opened_workspace(folder: Path, settings: Settings, organizations: Sequence[str] | None) -> Workspace:
    """The folder as it is on the disk; says on stderr what of it is not committed. Raises as `open_folder` does."""
    workspace = open_folder(folder, settings, organizations or ())
    tell_uncommitted(workspace)
    return workspace


def branch_of(folder: Path, base: str, settings: Settings, organizations: Sequence[str]) -> Branch:
    """HEAD and its base; says on stderr which changes on disk are left out. Raises as `open_branch` does."""
    repository = repository_of(folder, settings)
    where = folder.resolve().relative_to(repository.top).as_posix()
    names = BranchNames(base, folder=where, only=tuple(organizations))
    branch = open_branch(repository, names, settings, loopback=True)
    left_out = uncommitted(repository, branch.head.desired, settings.limits)
    if left_out:
        changes = f"{counted(len(left_out), 'uncommitted change')} {'is' if len(left_out) == 1 else 'are'}"
        print(f"penstock: --base compares commits: {changes} left out: {_listed(left_out)}", file=sys.stderr)
    return branch


def tell_uncommitted(workspace: Workspace) -> None:
    """Say on stderr which files differ from HEAD, or that the folder is in no git repository."""
    if not workspace.repository.has_git:
        print("penstock: this folder is in no git repository: its files are read as they are now", file=sys.stderr)
    if workspace.dirty:
        changes = (
            f"{counted(len(workspace.dirty), 'uncommitted change')} {'is' if len(workspace.dirty) == 1 else 'are'}"
        )
        print(f"penstock: {changes} read, too: {_listed(workspace.dirty)}", file=sys.stderr)


def _listed(files: Sequence[str]) -> str:
    return visible(", ".join(files[:5]) + (", …" if len(files) > 5 else ""))


def only_organization(workspace: Workspace, what: str) -> Organization:
    """The one organisation that a command is for. Raises SettingsInvalid when there are several or none."""
    organizations = workspace.desired.organizations
    if len(organizations) == 1:
        return organizations[0]
    names = ", ".join(each.name for each in organizations)
    there = f"the manifests describe {names}" if names else "no manifest describes an organisation"
    raise SettingsInvalid(f"{what} is for one organisation; {there}", hint="choose one with --organization")


def actor() -> str:
    """The user who runs the command, for the audit log."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def shown_revision(revision: str | None) -> str:
    """A commit as people name it."""
    return "no commit" if commit_or_none(revision) is None else f"revision {str(revision)[:12]}"
