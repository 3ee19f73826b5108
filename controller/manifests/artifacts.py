"""Keeps what people write and what the controller commits apart."""

from __future__ import annotations

from itertools import combinations
from pathlib import PurePosixPath

from controller.manifests.manifest import FlowManifest, Manifests, OrganizationManifest
from controller.manifests.organization import OrganizationShape
from controller.manifests.report import Report
from controller.manifests.wording import quoted


def check_artifacts(manifests: Manifests, report: Report) -> None:
    """Report manifests inside an artifacts folder, and organisations whose artifacts would mix."""
    valid = [(manifest, manifest.shape) for manifest in manifests.organizations if manifest.shape is not None]
    for _, shape in valid:
        _check_manifests(shape, manifests, report)
    for (_, earlier), (later, shape) in combinations(valid, 2):
        _check_overlap(earlier, later, shape, report)


def _check_manifests(shape: OrganizationShape, manifests: Manifests, report: Report) -> None:
    place = PurePosixPath(shape.spec.artifacts.path)
    written: list[OrganizationManifest | FlowManifest] = [*manifests.organizations, *manifests.flows]
    for manifest in written:
        if manifest.folder.is_relative_to(place):
            report.add(
                manifest.origin("kind"),
                f"this manifest is inside {quoted(place.as_posix())}, where only the controller writes",
                hint=f"move it, or change spec.artifacts.path of {shape.metadata.name}",
            )


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
