"""Imports existing flows: writes manifests, and flow files if the organisation exports them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from controller.domain.desired import Organization, PinnedVersion
from controller.domain.errors.change import ExportFailed
from controller.domain.errors.manifest import FlowFileInvalid
from controller.domain.errors.organization import NotFound
from controller.domain.errors.process import SettingsInvalid
from controller.domain.identity import UNTYPED, FlowKey, FlowType
from controller.domain.live import LiveFlow
from controller.domain.platform import Capability
from controller.domain.references import ResourceReference
from controller.domain.resources import MissingResource
from controller.domain.waiting import for_each
from controller.flows.flow_file import parse
from controller.flows.substitution import FlowTemplate, render
from controller.flows.suggestion import did_you_mean
from controller.manifests.flow import flow_manifest, free_name
from controller.questions.missing_resources import looked_up
from controller.reconcile.export_progress import ExportProgress
from controller.reconcile.pass_ import Listener, Unwatched
from controller.reconcile.services import Services

_SOURCES = "flows"
"""The folder for flow files, next to the manifests."""


@dataclass(frozen=True, slots=True)
class Imported:
    """One flow, and the files to write for it."""

    key: FlowKey
    version: str | None
    name: str = ""
    """`metadata.name` of its manifest; empty until it has one."""
    source: str | None = field(default=None, repr=False)
    """The text of the flow file; None if the manifest pins the version."""
    literals: Mapping[str, str] = field(default_factory=dict)
    """Substitutions that preserve double braces in the flow's own text, as message templates have them."""
    skipped: str = ""
    """The reason why nothing is written."""
    resources: tuple[ResourceReference, ...] = ()
    """The resources that the flow file names."""
    missing: tuple[MissingResource, ...] = ()
    """Those that the organisation lacks, although the flow is live."""

    @property
    def manifest_file(self) -> str:
        """Relative to the folder that is written to."""
        return f"{self.name}.yaml"

    @property
    def source_file(self) -> str | None:
        """Relative to the folder that is written to."""
        return None if self.source is None else f"{_SOURCES}/{self.name}.yaml"

    @property
    def files(self) -> Mapping[str, str]:
        """The files by path, flow files before the manifests that refer to them."""
        if not self.name or self.version is None:
            return {}
        manifest = flow_manifest(self.name, self.key, self.source_file or PinnedVersion(self.version), self.literals)
        written = {} if self.source_file is None or self.source is None else {self.source_file: self.source}
        return {**written, self.manifest_file: manifest}


async def importable(
    services: Services, organization: Organization, said: Sequence[str], listener: Listener | None = None
) -> list[Imported]:
    """The flows without a manifest: all, or those that match `said`, by type and name.

    A flow is given as `type/name`, name or id; `*` and `?` match any letters. Nothing is written yet. Raises
    SettingsInvalid when nothing matches, and what the organisation's calls raise.
    """
    platform = services.platform(organization)
    managed = {flow.key for flow in organization.flows}
    flows = sorted((await platform.flows.listing(fresh=True)).flows, key=lambda flow: flow.key)
    chosen = _matching([flow for flow in flows if flow.key not in managed], said)
    found: dict[FlowKey, Imported] = {}
    taken = {flow.id for flow in organization.flows}

    async def read(live: LiveFlow) -> None:
        found[live.key] = await _source_of(services, organization, live)

    if chosen and Capability.YAML_EXPORT in platform.capabilities:
        # All together, so that they share export jobs; the request budget limits them.
        progress = ExportProgress(organization.name, len(chosen), platform, services.clock, listener or Unwatched())
        await for_each(chosen, read, advance=progress.advance)
    named = [_named(found.get(live.key) or _pinned(live), taken) for live in chosen]
    return await _with_missing(services, organization, named)


async def _with_missing(services: Services, organization: Organization, flows: Sequence[Imported]) -> list[Imported]:
    """The flows with the resources that the organisation lacks: a publish of the same file would fail."""
    found = await looked_up(services, organization, [each for flow in flows for each in flow.resources])
    check = found.check
    return [replace(flow, missing=check.missing(flow.resources)) for flow in flows]


def write(folder: Path, flows: Iterable[Imported]) -> None:
    """Write all files or none, and never overwrite a file. Raises SettingsInvalid."""
    written: list[Path] = []
    try:
        for flow in flows:
            for name, text in flow.files.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("x", encoding="utf-8", newline="") as file:
                    written.append(path)
                    file.write(text)
    except OSError as error:
        for each in written:
            each.unlink(missing_ok=True)
        raise SettingsInvalid(f"cannot write {path}: {error.strerror}", hint="choose another folder: --into") from error


def take_back(folder: Path, flows: Iterable[Imported]) -> None:
    """Remove the files of `write`."""
    for flow in flows:
        for name in flow.files:
            (folder / name).unlink(missing_ok=True)


def _matching(flows: Sequence[LiveFlow], said: Sequence[str]) -> list[LiveFlow]:
    if not said:
        return list(flows)
    chosen: set[FlowKey] = set()
    for pattern in said:
        found = {flow.key for flow in flows if any(_is_meant(pattern, text) for text in _names(flow))}
        if not found:
            hint = did_you_mean(pattern, {text for flow in flows for text in _names(flow)})
            raise SettingsInvalid(
                f"no flow without a manifest is called {pattern!r}",
                hint=hint or "a flow is named by type/name, by its name or by its id; --dry-run lists them",
            )
        chosen |= found
    return [flow for flow in flows if flow.key in chosen]


def _names(flow: LiveFlow) -> tuple[str, ...]:
    return str(flow.key), flow.key.name, flow.id


def _is_meant(pattern: str, text: str) -> bool:
    """Whether the pattern matches. Brackets in names of flows match themselves."""
    return pattern == text or fnmatchcase(text, pattern.replace("[", "[[]"))


async def _source_of(services: Services, organization: Organization, live: LiveFlow) -> Imported:
    """The published version as a flow file, if parsing it gives the same flow."""
    version = live.published_version
    if version is None:
        return _pinned(live)
    try:
        export = await services.platform(organization).versions.export(live.id, version, definition=False)
        text = export.yaml or ""
        described, literals = parse(text), FlowTemplate(text).literals
        same = parse(render(text, literals)).digest == described.digest
    except (ExportFailed, NotFound, FlowFileInvalid) as error:
        return Imported(live.key, version, skipped=f"version {version} cannot be a flow file: {error.message}")
    if described.key != live.key:
        return Imported(live.key, version, skipped=f"the export of version {version} describes {described.key}")
    if not same:
        names = ", ".join(literals.values())
        return Imported(live.key, version, skipped=f"version {version} spells {names} with different blanks")
    return Imported(live.key, version, source=text, literals=literals, resources=described.resources)


def _pinned(live: LiveFlow) -> Imported:
    """The import of a flow with a pinned version."""
    if live.published_version is None:
        return Imported(live.key, None, skipped="it is not published")
    if live.key.type not in {*FlowType, UNTYPED}:
        return Imported(live.key, live.published_version, skipped=f"manifests know no flows of type {live.key.type}")
    return Imported(live.key, live.published_version)


def _named(flow: Imported, taken: set[str]) -> Imported:
    if flow.skipped:
        return flow
    name = free_name(flow.key, taken)
    taken.add(name)
    return replace(flow, name=name)
