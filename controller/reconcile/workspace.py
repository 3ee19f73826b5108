"""One revision of the repository, read: where it is, which commit it is, and what it asks for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from controller.domain.desired import Organization, Origin
from controller.domain.errors import ManifestInvalid, Mistake, RepositoryFailed, SettingsInvalid
from controller.manifests import Desired, load
from controller.reconcile.settings import Settings
from controller.repository import Repository


@dataclass(frozen=True, slots=True)
class Workspace:
    repository: Repository
    revision: str
    """The commit's full id, or `none` where there is no git."""
    dirty: tuple[str, ...]
    """Paths with uncommitted changes; empty for a checkout that the service made."""
    desired: Desired

    def organization(self, name: str) -> Organization:
        """The organisation of that name. Raises SettingsInvalid that names those there are."""
        for each in self.desired.organizations:
            if each.name == name:
                return each
        known = ", ".join(each.name for each in self.desired.organizations) or "none"
        raise SettingsInvalid(f"no manifest describes the organisation {name!r}", hint=f"there is: {known}")


def open_folder(folder: Path, settings: Settings, only: Collection[str] = (), *, loopback: bool = True) -> Workspace:
    """Read the manifests of a folder as it lies on the disk; the repository around it limits where paths may lead.

    `loopback` lets credentials go to organisations on this machine.
    """
    if not folder.is_dir():
        raise RepositoryFailed(f"{folder} is not a folder", hint="name the folder that holds the manifests")
    repository = Repository.open(folder, pass_on=settings.git_environment, followed=settings.branch)
    revision = repository.revision()
    desired = _load(repository.top, folder.resolve(), settings, only, loopback=loopback)
    return Workspace(repository, revision.sha, revision.dirty, desired)


def open_revision(repository: Repository, sha: str, into: Path, settings: Settings) -> Workspace:
    """Read the manifests of one commit, checked out into an empty folder of its own."""
    repository.export_tree(sha, into)
    return Workspace(
        repository, sha, (), _load(into.resolve(), into.resolve() / settings.manifests, settings, (), loopback=False)
    )


def _load(root: Path, folder: Path, settings: Settings, only: Collection[str], *, loopback: bool) -> Desired:
    if not folder.is_dir():
        raise RepositoryFailed(
            f"the repository has no folder {folder.relative_to(root)}", hint="set PENSTOCK_MANIFESTS"
        )
    desired = load(
        root,
        folder=folder,
        allowed_hosts=settings.organization_hosts,
        gate_hosts=settings.gate_hosts,
        loopback=loopback,
        only=only or None,
    )
    missing = sorted(set(only) - {each.name for each in desired.organizations})
    if missing:
        raise SettingsInvalid(
            f"no manifest describes the organisation {', '.join(missing)}", hint="check --organization"
        )
    if not desired.organizations:
        where = Origin(folder.relative_to(root).as_posix())
        hint = "name the folder of the manifests, or write one: docs/manifests.md"
        raise ManifestInvalid(
            [Mistake(where, "there is no Organization manifest in this folder or below it", hint=hint)]
        )
    return desired
