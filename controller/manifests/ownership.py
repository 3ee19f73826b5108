"""Finds the organisations of each flow: the one that owns its folder, and those that include it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from pathlib import PurePosixPath

from controller.domain.files import Files, kind_of
from controller.manifests.manifest import FlowManifest, Manifests, OrganizationManifest
from controller.manifests.paths import PathRefused, nearest, resolved
from controller.manifests.report import Report, repeated
from controller.manifests.wording import quoted


@dataclass(frozen=True, slots=True)
class Estate:
    """An organisation with its flows, in file order."""

    organization: OrganizationManifest
    flows: tuple[FlowManifest, ...]
    included: tuple[PurePosixPath, ...]
    """Files and folders outside of its own that the organisation includes."""

    def holds(self, file: str) -> bool:
        """Whether a file is in the organisation's folder or in one of its includes."""
        return _below(file, (self.organization.folder, *self.included))


def _below(file: str, places: Iterable[PurePosixPath]) -> bool:
    return any(PurePosixPath(file).is_relative_to(place) for place in places)


def assign(files: Files, manifests: Manifests, report: Report) -> tuple[Estate, ...]:
    """Assign every flow to its organisations; report flows without one, or with two by folder."""
    _check_folders(manifests.organizations, report)
    _check_names(manifests.organizations, report)
    owners = _owners(manifests)
    estates = []
    for organization in manifests.organizations:
        included = tuple(_included(files, organization, manifests, report))
        flows = (
            flow
            for flow in manifests.flows
            if (owners[flow] is organization if flow in owners else _below(flow.file, included))
        )
        estates.append(Estate(organization, tuple(flows), included))
    taken = {flow for estate in estates for flow in estate.flows}
    for flow in manifests.flows:
        if flow not in taken and not manifests.broken_above(flow.folder) and not _includes_unknown(manifests):
            report.add(
                flow.origin("metadata", "name"), "this flow belongs to no organisation", hint=_way_in(flow, estates)
            )
    return tuple(estates)


def _check_folders(organizations: list[OrganizationManifest], report: Report) -> None:
    for earlier, later in combinations(organizations, 2):
        inner, outer = (later, earlier) if later.folder.is_relative_to(earlier.folder) else (earlier, later)
        if inner.folder.is_relative_to(outer.folder):
            where = "shares the folder" if inner.folder == outer.folder else "is below the folder"
            report.add(
                inner.origin("kind"),
                f"this organisation {where} of another one, {_called(outer)}: the flows below would have two owners",
                hint="give each organisation a folder of its own; flows for several go into spec.include",
            )


def _check_names(organizations: list[OrganizationManifest], report: Report) -> None:
    for name, earlier, later in repeated((each.name, each) for each in organizations):
        report.add(
            later.origin("metadata", "name"),
            f"another organisation is called {quoted(name)} too: {earlier.origin('metadata', 'name')}",
            hint="names tell organisations and their artifacts apart",
        )


def _called(organization: OrganizationManifest) -> str:
    return f"{quoted(organization.name)} ({organization.file})" if organization.name else organization.file


def _owners(manifests: Manifests) -> dict[FlowManifest, OrganizationManifest]:
    """The organisation that owns the folder of each flow; the innermost one, where a mistake left several."""
    by_folder = {organization.folder: organization for organization in reversed(manifests.organizations)}
    nearest_to: dict[PurePosixPath, OrganizationManifest | None] = {}
    for folder in {flow.folder for flow in manifests.flows}:
        around = (folder, *folder.parents)
        nearest_to[folder] = next((by_folder[each] for each in around if each in by_folder), None)
    owners = ((flow, nearest_to[flow.folder]) for flow in manifests.flows)
    return {flow: owner for flow, owner in owners if owner is not None}


def _included(
    files: Files, organization: OrganizationManifest, manifests: Manifests, report: Report
) -> Iterator[PurePosixPath]:
    written = organization.shape.spec.include if organization.shape is not None else ()
    for index, path in enumerate(written):
        try:
            yield _place(files, organization, path, manifests)
        except PathRefused as error:
            origin = organization.origin("spec", "include", index)
            report.add(origin, f"spec.include[{index}] {error.message}", hint=error.hint)


def included_paths(files: Files, manifests: Manifests) -> list[str]:
    """The paths that organisations include, as far as they can be used; the others are reported later."""
    found = []
    for organization in manifests.organizations:
        for path in organization.shape.spec.include if organization.shape is not None else ():
            with suppress(PathRefused):
                found.append(resolved(files, organization.folder, path))
    return found


def _place(files: Files, organization: OrganizationManifest, path: str, manifests: Manifests) -> PurePosixPath:
    target = resolved(files, organization.folder, path)
    place = PurePosixPath(target)
    if kind_of(files, target) is None:
        raise PathRefused(f"names {quoted(place.as_posix())}, which does not exist", nearest(files, target))
    if organization.folder.is_relative_to(place):
        raise PathRefused("names a folder that this organisation itself is in", "name a folder beside it")
    for other in manifests.organizations:
        if other is not organization and (other.folder.is_relative_to(place) or place.is_relative_to(other.folder)):
            raise PathRefused(
                f"reaches into the folder of another organisation, {_called(other)}",
                "move the flows that both need into a folder that belongs to neither",
            )
    if not any(_below(file, [place]) for file in (*(flow.file for flow in manifests.flows), *manifests.broken)):
        raise PathRefused(f"names {quoted(place.as_posix())}, where there is no Flow manifest")
    return place


def _includes_unknown(manifests: Manifests) -> bool:
    """Whether an invalid organisation may include a flow that seems to belong to none."""
    invalid = (each for each in manifests.organizations if each.shape is None)
    return any(each.node.get("spec", "include") is not None for each in invalid)


def _way_in(flow: FlowManifest, estates: list[Estate]) -> str:
    if not estates:
        return "put an Organization manifest into its folder or into one above"
    first = estates[0].organization
    path = os.path.relpath(flow.folder, first.folder)
    return f"move it below an organisation's folder, or add {quoted(path)} to spec.include in {first.file}"
