"""Reads one revision of the repository: its place, commit and manifests."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from controller.domain.desired import Organization, Origin
from controller.domain.errors.manifest import ManifestInvalid, Mistake
from controller.domain.errors.process import SettingsInvalid
from controller.domain.errors.repository import CommitUnverified, RepositoryFailed
from controller.domain.files import Budget, Files, Kind, Limits, PathLost, followed, kind_of
from controller.domain.recorded import NO_REVISION
from controller.domain.wording import counted
from controller.manifests.assembly import Hosts
from controller.manifests.fact_cache import fact_cache
from controller.manifests.loading import Desired, Means, load
from controller.manifests.source_facts import FactCache
from controller.manifests.tree import manifest_files
from controller.reconcile.configuration.document import read_configuration
from controller.reconcile.settings import Settings
from controller.repository.repository import Repository
from controller.repository.work_tree_files import WorkTreeFiles


@dataclass(frozen=True, slots=True)
class Workspace:
    repository: Repository
    revision: str
    """The commit's full id; `none` without git."""
    dirty: tuple[str, ...]
    """Manifests and flow files that differ from the commit; empty if only a commit was read."""
    desired: Desired

    def organization(self, name: str) -> Organization:
        """The organisation of that name. Raises SettingsInvalid with the known names."""
        for each in self.desired.organizations:
            if each.name == name:
                return each
        known = ", ".join(each.name for each in self.desired.organizations) or "none"
        raise SettingsInvalid(f"no manifest describes the organisation {name!r}", hint=f"there is: {known}")


def repository_of(folder: Path, settings: Settings) -> Repository:
    """The repository around a folder of manifests. Raises RepositoryFailed."""
    if not folder.is_dir():
        raise RepositoryFailed(f"{folder} is not a folder", hint="name the folder that holds the manifests")
    return Repository.open(folder, pass_on=settings.git_environment, followed=settings.branch)


def open_folder(
    folder: Path, settings: Settings, only: Collection[str] = (), *, loopback: bool = True, committed: bool = False
) -> Workspace:
    """Read the manifests of a folder: HEAD with the local changes on disk, or the disk without git.

    `loopback` lets credentials go to organisations on this machine. `committed` reads HEAD alone if nothing relevant
    differs; `dirty` lists the differences. The repository around the folder limits the targets of paths.
    """
    repository = repository_of(folder, settings)
    where = folder.resolve().relative_to(repository.top).as_posix()
    with repository.work_tree_files(settings.limits) as files:
        desired = _load(files, where, settings, only, loopback=loopback)
        if files.head is None:
            return Workspace(repository, NO_REVISION, _untracked(repository, desired), desired)
        dirty = _uncommitted(files, files.head, desired, settings.limits)
        if committed and not dirty:
            desired = _load(files.head, where, settings, only, loopback=loopback)
        return Workspace(repository, files.head.commit, dirty, desired)


def open_revision(repository: Repository, sha: str, settings: Settings) -> Workspace:
    """Read the manifests of one commit from git's objects."""
    with repository.commit_files(sha, settings.limits) as files:
        return Workspace(repository, sha, (), _load(files, settings.manifests, settings, (), loopback=False))


def unverified(workspace: Workspace, settings: Settings) -> CommitUnverified | None:
    """Why no key of the operator's signers vouches for all that was read; None where one does, or none are set."""
    signers = settings.signers
    found = workspace.repository.unverified(workspace.revision, signers)
    if found is None and signers is not None and workspace.dirty:
        return CommitUnverified(
            f"{counted(len(workspace.dirty), 'uncommitted change')} cannot be verified: only a commit is signed",
            hint=f"commit them, signed by a key of {signers.settings}",
        )
    return found


def uncommitted(repository: Repository, desired: Desired, limits: Limits) -> tuple[str, ...]:
    """The manifests on disk, and the other files of a desired state, that differ from HEAD; none if HEAD is on disk."""
    with repository.work_tree_files(limits) as files:
        if files.head is None:
            return ()
        here = manifest_files(files, desired.places, Budget(limits), files.differs)
        return tuple(sorted({*here, *_uncommitted(files, files.head, desired, limits)}))


def _untracked(repository: Repository, desired: Desired) -> tuple[str, ...]:
    """The uncommitted files before the first commit: all files that were read; none without git."""
    return desired.files if repository.has_git else ()


def _uncommitted(files: WorkTreeFiles, head: Files, desired: Desired, limits: Limits) -> tuple[str, ...]:
    """Manifests, their flow files, and links on the way to them that differ from HEAD."""
    gone_or_changed = manifest_files(head, desired.places, Budget(limits), files.differs)
    read = (path for path in (*desired.files, *files.links) if files.differs(path))
    return tuple(sorted({*gone_or_changed, *read}))


def read_folder(
    files: Files,
    written: str,
    settings: Settings,
    only: Collection[str] = (),
    *,
    loopback: bool,
    reading: Collection[str] | None = None,
) -> Desired:
    """The desired state that a folder describes; of `only` these organisations, as far as they are there.

    `reading` has the flows that may have values of the environment, by `Desired.reading`; None lets all.

    Empty if there is no such folder. Raises ManifestInvalid and RepositoryTooLarge, and RepositoryFailed for a folder
    outside the repository.
    """
    try:
        folder = followed(files, written)
    except PathLost as error:
        raise RepositoryFailed(f"the folder {written} {error}", hint="set PENSTOCK_MANIFESTS") from error
    if kind_of(files, folder) is not Kind.FOLDER:
        return Desired()
    hosts = _hosts(settings, loopback=loopback)
    with _cache(settings) as cache:
        return load(
            files,
            folder=folder,
            hosts=hosts,
            only=only or None,
            means=Means(settings.limits, cache),
            required=False,
            reading=reading,
        )


def require_organizations(desired: Desired, folder: str) -> None:
    """Raise ManifestInvalid if there is no organisation."""
    if not desired.organizations:
        hint = "name the folder of the manifests, or write one: docs/reference/manifests.md"
        raise ManifestInvalid(
            [Mistake(Origin(folder or "."), "there is no Organization manifest in this folder or below it", hint=hint)]
        )


def _hosts(settings: Settings, *, loopback: bool) -> Hosts:
    """What the operator allows. Raises SettingsInvalid for mistakes in the configuration."""
    receivers = None if settings.config is None else read_configuration(settings.config).receiver_names
    return Hosts(settings.organization_hosts, settings.gate_hosts, loopback, receivers)


def _cache(settings: Settings) -> AbstractContextManager[FactCache]:
    return fact_cache(settings.cache_dir, settings.cache_mib * 1024**2)


def _load(files: Files, written: str, settings: Settings, only: Collection[str], *, loopback: bool) -> Desired:
    try:
        folder = followed(files, written)
    except PathLost as error:
        raise RepositoryFailed(f"the folder {written} {error}", hint="set PENSTOCK_MANIFESTS") from error
    if kind_of(files, folder) is not Kind.FOLDER:
        raise RepositoryFailed(f"the repository has no folder {folder}", hint="set PENSTOCK_MANIFESTS")
    hosts = _hosts(settings, loopback=loopback)
    with _cache(settings) as cache:
        desired = load(files, folder=folder, hosts=hosts, only=only or None, means=Means(settings.limits, cache))
    missing = sorted(set(only) - {each.name for each in desired.organizations})
    if missing:
        raise SettingsInvalid(
            f"no manifest describes the organisation {', '.join(missing)}", hint="check --organization"
        )
    require_organizations(desired, folder)
    return desired
