"""Loads a repository: every manifest of it, or every mistake in them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import combinations, product
from pathlib import PurePosixPath

from controller.domain.desired import Organization, Origin, SourceFile
from controller.domain.errors.manifest import ManifestInvalid, Mistake
from controller.domain.errors.process import SettingsInvalid
from controller.domain.files import Budget, Files, Kind, Limits, is_below, kind_of
from controller.flows.checks import NESTED, nested_modules
from controller.manifests.assembly import GENESYS_ALONE, Assembly, Hosts
from controller.manifests.manifest import FlowManifest, Manifests, OrganizationManifest, read_manifests
from controller.manifests.organization import OrganizationShape
from controller.manifests.ownership import Estate, assign, included_paths
from controller.manifests.report import Report
from controller.manifests.source_facts import FactCache, NoCache
from controller.manifests.sources import FlowFiles
from controller.manifests.tree import ManifestTree, scan
from controller.manifests.wording import did_you_mean, quoted

_RECEIVERS_HINT = "set PENSTOCK_CONFIG to the operator's configuration to have it checked"
_NESTED_HINT = "call both from the flow; where your organisation takes it, leave it"


@dataclass(frozen=True, slots=True)
class Desired:
    """The desired state of a repository."""

    organizations: tuple[Organization, ...] = ()
    """Sorted by name; none when the repository holds no `Organization`."""
    files: tuple[str, ...] = ()
    """Manifests and flow files that were read, relative to the root, sorted."""
    unused: tuple[str, ...] = ()
    """Flow files that no manifest uses, sorted; empty when only some organisations were asked for."""
    places: tuple[str, ...] = ()
    """Folders and files that were searched for manifests."""
    reading: frozenset[str] = frozenset()
    """The flows with values of the environment, each with its manifest and file, as digests."""

    receivers_known: bool = False
    """Whether the receivers that manifests name were looked up."""

    @property
    def doubts(self) -> tuple[Mistake, ...]:
        """What may be wrong, by file and line; each organisation and flow is delivered all the same.

        Parts of flow files that an organisation may refuse, and names of receivers that were not looked up.
        """
        sources = ((flow.key, flow.source) for organization in self.organizations for flow in organization.flows)
        found = {
            Mistake(Origin(source.file, *(reference.position or (1, 1))), NESTED, "flow-file-invalid", _NESTED_HINT)
            for key, source in sources
            if isinstance(source, SourceFile)
            for reference in nested_modules(key.type, source.references)
        }
        return tuple(sorted({*found, *self._unknown_receivers()}))

    def _unknown_receivers(self) -> Iterator[Mistake]:
        for organization in self.organizations if not self.receivers_known else ():
            names = sorted({quoted(rule.receiver) for rule in organization.notifications})
            if names:
                message = (
                    f"spec.notifications names {', '.join(names)}: whether there is such a receiver is not known here"
                )
                yield Mistake(organization.origin, message, ManifestInvalid.code, _RECEIVERS_HINT)


@dataclass(frozen=True, slots=True)
class Means:
    """What a reading may use."""

    limits: Limits = field(default_factory=Limits)
    cache: FactCache = field(default_factory=NoCache)


DEFAULT_MEANS = Means()


def load(
    files: Files,
    *,
    folder: str = "",
    hosts: Hosts = GENESYS_ALONE,
    only: Collection[str] | None = None,
    means: Means = DEFAULT_MEANS,
    required: bool = True,
    reading: Collection[str] | None = None,
) -> Desired:
    """The desired state that a repository's files describe.

    `folder` limits where manifests are searched for; the files that they name may be anywhere. `only` limits the load
    to organisations by name and leaves out the flow files and the mistakes of all others; each must be there if they
    are `required`. Where `reading` is given, only these flows, by `Desired.reading`, get values of the environment.

    Raises ManifestInvalid with all mistakes, RepositoryTooLarge beyond the limits, SettingsInvalid when
    there is no such folder or no such organisation.
    """
    if kind_of(files, folder) is not Kind.FOLDER:
        raise SettingsInvalid(f"{folder} is not a folder", hint="name a folder with manifests")
    report, budget = Report(), Budget(means.limits)
    tree, manifests, places = _read(files, folder, report, budget, means.cache)
    estates = assign(files, manifests, report)
    check_artifacts(manifests, report)
    if required:
        _require(only or (), estates, manifests)
    selected = tuple(each for each in estates if only is None or each.organization.name in only)
    flow_files = FlowFiles(files, report, budget, means.cache)
    assembly = Assembly(manifests, flow_files, hosts, report, reading)
    organizations = [assembly.organization(estate) for estate in selected]
    mistakes = _concerning(report.mistakes, estates, selected)
    if mistakes:
        raise ManifestInvalid(mistakes)
    return Desired(
        organizations=tuple(sorted(filter(None, organizations), key=lambda organization: organization.name)),
        files=tuple(sorted({*(file.path for file in tree.manifests), *flow_files.names})),
        unused=tuple(sorted(set(tree.flow_files) - set(flow_files.names))) if only is None else (),
        places=places,
        reading=frozenset(assembly.reading),
        receivers_known=hosts.receivers is not None,
    )


def _read(
    files: Files, folder: str, report: Report, budget: Budget, cache: FactCache
) -> tuple[ManifestTree, Manifests, tuple[str, ...]]:
    """The manifests of a folder and of the paths that they include from outside, with all places that were searched."""
    tree = scan(files, [folder], report, budget, cache)
    manifests = read_manifests(tree, report)
    outside = [
        path
        for path in included_paths(files, manifests)
        if kind_of(files, path) is not None and not is_below(path, folder)
    ]
    if outside:
        beyond = scan(files, outside, report, budget, cache)
        manifests.extend(read_manifests(beyond, report))
        tree.extend(beyond)
    return tree, manifests, (folder, *outside)


def _require(only: Collection[str], estates: tuple[Estate, ...], manifests: Manifests) -> None:
    names = {estate.organization.name for estate in estates if estate.organization.name is not None}
    for name in sorted(only):
        if name not in names and not manifests.may_define(name):
            hint = did_you_mean(name, names) or f"there are {', '.join(sorted(names)) or 'none'}"
            raise SettingsInvalid(f"no organisation is called {quoted(name)}", hint=hint)


def _concerning(
    mistakes: tuple[Mistake, ...], estates: tuple[Estate, ...], selected: tuple[Estate, ...]
) -> list[Mistake]:
    """The mistakes that are not in the folders and includes of other organisations alone."""
    others = [estate for estate in estates if estate not in selected]

    def foreign(file: str) -> bool:
        return any(estate.holds(file) for estate in others) and not any(estate.holds(file) for estate in selected)

    return [mistake for mistake in mistakes if not foreign(mistake.origin.file)]


def check_artifacts(manifests: Manifests, report: Report) -> None:
    """Report manifests inside an artifacts folder, and organisations that would mix their artifacts."""
    valid = [(manifest, manifest.shape) for manifest in manifests.organizations if manifest.shape is not None]
    written: list[OrganizationManifest | FlowManifest] = [*manifests.organizations, *manifests.flows]
    folders = {manifest.folder for manifest in written}
    inside = {
        (shape.spec.artifacts.path, folder)
        for (_, shape), folder in product(valid, folders)
        if folder.is_relative_to(PurePosixPath(shape.spec.artifacts.path))
    }
    for (_, shape), manifest in product(valid, written if inside else ()):
        place = PurePosixPath(shape.spec.artifacts.path)
        if (shape.spec.artifacts.path, manifest.folder) in inside:
            report.add(
                manifest.origin("kind"),
                f"this manifest is inside {quoted(place.as_posix())}, where only the controller writes",
                hint=f"move it, or change spec.artifacts.path of {shape.metadata.name}",
            )
    for (_, earlier), (later, shape) in combinations(valid, 2):
        _check_overlap(earlier, later, shape, report)


def _check_overlap(
    earlier: OrganizationShape, manifest: OrganizationManifest, shape: OrganizationShape, report: Report
) -> None:
    if earlier.spec.artifacts.branch != shape.spec.artifacts.branch or earlier.metadata.name == shape.metadata.name:
        return
    one, other = _folder(earlier), _folder(shape)
    if one.is_relative_to(other) or other.is_relative_to(one):
        report.add(
            manifest.origin("spec", "artifacts", "path"),
            f"the artifacts of {shape.metadata.name} ({other}) and of {earlier.metadata.name} ({one}) would mix",
            hint="give one of them another spec.artifacts.path",
        )


def _folder(shape: OrganizationShape) -> PurePosixPath:
    return PurePosixPath(shape.spec.artifacts.path) / shape.metadata.name
