"""Loads a repository: every manifest of it, or every mistake in them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from controller.domain.desired import Organization, Origin, SourceFile
from controller.domain.errors import ManifestInvalid, Mistake, SettingsInvalid
from controller.domain.files import Budget, Files, Kind, Limits, is_below, kind_of
from controller.flows import NESTED, nested_modules
from controller.manifests.artifacts import check_artifacts
from controller.manifests.assembly import Assembly, Hosts
from controller.manifests.manifest import Manifests, read_manifests
from controller.manifests.ownership import Estate, assign, included_paths
from controller.manifests.report import Report
from controller.manifests.sources import FlowFiles
from controller.manifests.tree import ManifestTree, scan
from controller.manifests.wording import did_you_mean, quoted

_NESTED_HINT = "call both from the flow; where your organisation takes it, leave it"


@dataclass(frozen=True, slots=True)
class Desired:
    """What a repository asks for."""

    organizations: tuple[Organization, ...] = ()
    """Sorted by name; none when the repository holds no `Organization`."""
    files: tuple[str, ...] = ()
    """Manifests and flow files that were read, relative to the root, sorted."""
    unused: tuple[str, ...] = ()
    """Flow files that no manifest uses, sorted; empty when only some organisations were asked for."""
    places: tuple[str, ...] = ()
    """Folders and files that were searched for manifests."""

    @property
    def doubts(self) -> tuple[Mistake, ...]:
        """What an organisation may refuse in flow files, by file and line; each is delivered all the same."""
        sources = ((flow.key, flow.source) for organization in self.organizations for flow in organization.flows)
        found = {
            Mistake(Origin(source.file, *(reference.position or (1, 1))), NESTED, "flow-file-invalid", _NESTED_HINT)
            for key, source in sources
            if isinstance(source, SourceFile)
            for reference in nested_modules(key.type, source.references)
        }
        return tuple(sorted(found))


def load(
    files: Files,
    *,
    folder: str = "",
    allowed_hosts: Collection[str] = (),
    gate_hosts: Collection[str] = (),
    loopback: bool = True,
    only: Collection[str] | None = None,
    limits: Limits | None = None,
) -> Desired:
    """The desired state that a repository's files describe.

    `folder` limits where manifests are looked for; what they name may stand anywhere. `allowed_hosts` are those besides
    Genesys' own that get credentials, and `loopback` adds this machine; `gate_hosts` are the internal ones that gates
    may ask. `only` limits the load to organisations by name: neither the flow files nor the mistakes of others then
    matter. Raises ManifestInvalid with all mistakes, RepositoryTooLarge beyond the limits, SettingsInvalid when the
    folder is none or `only` names nothing.
    """
    if kind_of(files, folder) is not Kind.FOLDER:
        raise SettingsInvalid(f"{folder} is not a folder", hint="name a folder with manifests")
    report, budget = Report(), Budget(limits or Limits())
    tree, manifests, places = _read(files, folder, report, budget)
    estates = assign(files, manifests, report)
    check_artifacts(manifests, report)
    selected = _selected(estates, only, manifests)
    flow_files = FlowFiles(files, report, budget)
    assembly = Assembly(manifests, flow_files, Hosts(allowed_hosts, gate_hosts, loopback), report)
    organizations = [assembly.organization(estate) for estate in selected]
    mistakes = _concerning(report.mistakes, estates, selected)
    if mistakes:
        raise ManifestInvalid(mistakes)
    return Desired(
        organizations=tuple(sorted(filter(None, organizations), key=lambda organization: organization.name)),
        files=tuple(sorted({*(file.path for file in tree.manifests), *flow_files.names})),
        unused=tuple(sorted(set(tree.flow_files) - set(flow_files.names))) if only is None else (),
        places=places,
    )


def _read(files: Files, folder: str, report: Report, budget: Budget) -> tuple[ManifestTree, Manifests, tuple[str, ...]]:
    """The manifests of a folder, and of what they include from outside of it, with all that was searched."""
    tree = scan(files, [folder], report, budget)
    manifests = read_manifests(tree, report)
    outside = [
        path
        for path in included_paths(files, manifests)
        if kind_of(files, path) is not None and not is_below(path, folder)
    ]
    if outside:
        beyond = scan(files, outside, report, budget)
        manifests.extend(read_manifests(beyond, report))
        tree.extend(beyond)
    return tree, manifests, (folder, *outside)


def _selected(estates: tuple[Estate, ...], only: Collection[str] | None, manifests: Manifests) -> tuple[Estate, ...]:
    if only is None:
        return estates
    names = {estate.organization.name for estate in estates if estate.organization.name is not None}
    for name in sorted(only):
        if name not in names and not manifests.may_define(name):
            hint = did_you_mean(name, names) or f"there are {', '.join(sorted(names)) or 'none'}"
            raise SettingsInvalid(f"no organisation is called {quoted(name)}", hint=hint)
    return tuple(estate for estate in estates if estate.organization.name in only)


def _concerning(
    mistakes: tuple[Mistake, ...], estates: tuple[Estate, ...], selected: tuple[Estate, ...]
) -> list[Mistake]:
    """The mistakes that are not in the folders and includes of other organisations alone."""
    others = [estate for estate in estates if estate not in selected]

    def foreign(file: str) -> bool:
        return any(estate.holds(file) for estate in others) and not any(estate.holds(file) for estate in selected)

    return [mistake for mistake in mistakes if not foreign(mistake.origin.file)]
