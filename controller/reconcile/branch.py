"""Reads a branch and its base as two desired states, from git's objects.

The head is what a merge of the branch into the tip of its base would leave, as the forges make it (GitHub:
`refs/pull/N/merge`): commits that the base got meanwhile are no changes of the branch. The base decides where requests
and credentials go, and sets the policy: of an organisation's manifest on the branch only the flows are used.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from controller.domain.desired import Organization
from controller.domain.errors.manifest import ManifestInvalid
from controller.domain.errors.process import SettingsInvalid
from controller.domain.errors.repository import RepositoryFailed
from controller.manifests.loading import Desired
from controller.reconcile.settings import Settings
from controller.reconcile.workspace import Workspace, read_folder, require_organizations
from controller.repository.repository import Repository

_KEYS = {
    "endpoint": "region, apiUrl or loginUrl",
    "dialect": "api",
    "on_locked": "onLocked",
    "suspended": "suspend",
}
"""Keys of `spec` that are called otherwise in Organization."""
_NO_POLICY = frozenset({"name", "origin", "flows"})


@dataclass(frozen=True, slots=True)
class OrganizationOnBranch:
    """One organisation on the two sides."""

    name: str
    base: Organization | None
    """By the base; None where the branch adds the organisation."""
    head: Organization | None
    """The base's organisation with the branch's flows; None where the branch adds or removes it, or changes its api."""
    changed: tuple[str, ...] = ()
    """The keys of the manifest's `spec` that the branch changes, without effect before the merge."""
    reason: str = ""
    """Why there is no `head`, for people."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch and its base."""

    base: Workspace
    """The tip of the base."""
    head: Workspace
    """The branch merged into the base. Its `revision` is the branch's own commit, and its organisations are as the
    branch describes them: never connect to them, but to those of `organizations`."""
    base_ref: str
    """The base as it was named."""
    organizations: tuple[OrganizationOnBranch, ...]
    """All organisations of either side, by name."""


@dataclass(frozen=True, slots=True)
class BranchNames:
    """A branch as a person or a forge names it."""

    base: str
    """A branch, a branch of a remote, a tag, or the id of a commit."""
    head: str = "HEAD"
    folder: str | None = None
    """The folder of the manifests within the repository; None for the operator's setting."""
    only: tuple[str, ...] = ()
    """Names of organisations; empty for all."""
    from_fork: bool = False
    """Whether the head comes from people who may not write here. Values of the environment then go only into flows that
    are as they are in the base: a comment could show them."""


def open_branch(repository: Repository, names: BranchNames, settings: Settings, *, loopback: bool = False) -> Branch:
    """Read both sides. Blocks while git runs.

    `loopback` lets credentials go to organisations on this machine. Raises RepositoryFailed for a commit that is not
    here and for a shallow clone without the common history, MergeConflict, RepositoryTooLarge, ManifestInvalid with
    the mistakes of the branch (or, where the message says so, of the base), CommitUnverified for the base, and
    SettingsInvalid for an organisation that neither side has.
    """
    if not repository.has_git:
        raise RepositoryFailed(
            f"{repository.top} is in no git repository, so there is no base", hint="leave out --base"
        )
    base, head = repository.named(names.base), repository.named(names.head)
    # The base decides where credentials go. The head is not delivered: a merge makes another commit.
    if (refused := repository.unverified(base, settings.signers)) is not None:
        raise refused
    folder = settings.manifests if names.folder is None else names.folder
    try:
        with repository.commit_files(base, settings.limits) as files:
            before = read_folder(files, folder, settings, names.only, loopback=loopback)
    except ManifestInvalid as error:
        found = [replace(each, message=f"in the base {names.base}: {each.message}") for each in error.mistakes]
        raise ManifestInvalid(found) from error
    with repository.merged_files(base, head, settings.limits) as files:
        reading = before.reading if names.from_fork else None
        after = read_folder(files, folder, settings, names.only, loopback=loopback, reading=reading)
    organizations = _paired(before, after)
    missing = sorted(set(names.only) - {each.name for each in organizations})
    if missing:
        raise SettingsInvalid(f"neither side describes the organisation {', '.join(missing)}", hint="check the name")
    if not organizations:
        require_organizations(after, folder)
    return Branch(
        base=Workspace(repository, base, (), before),
        head=Workspace(repository, head, (), after),
        base_ref=names.base,
        organizations=organizations,
    )


def _paired(before: Desired, after: Desired) -> tuple[OrganizationOnBranch, ...]:
    bases = {each.name: each for each in before.organizations}
    heads = {each.name: each for each in after.organizations}
    return tuple(_pair(name, bases.get(name), heads.get(name)) for name in sorted({*bases, *heads}))


def _pair(name: str, base: Organization | None, head: Organization | None) -> OrganizationOnBranch:
    if base is None:
        reason = "the branch adds this organisation, and only a merge may decide where credentials go"
        return OrganizationOnBranch(name, None, None, reason=reason)
    if head is None:
        reason = "the branch removes this organisation; after the merge its flows are left alone"
        return OrganizationOnBranch(name, base, None, reason=reason)
    changed = tuple(
        _KEYS.get(each.name, each.name)
        for each in fields(Organization)
        if each.name not in _NO_POLICY and getattr(base, each.name) != getattr(head, each.name)
    )
    if base.dialect != head.dialect:
        reason = (
            f"the branch changes spec.api from {base.dialect} to {head.dialect}, which takes effect after the merge"
        )
        return OrganizationOnBranch(name, base, None, changed, reason)
    return OrganizationOnBranch(name, base, replace(base, flows=head.flows), changed)
