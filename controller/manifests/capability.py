"""What a dialect cannot do, or cannot mean, is refused here, when the manifest is loaded, with the way out named."""

from __future__ import annotations

import re
from collections.abc import Iterator

from controller.domain.capabilities import ALTERNATIVES, ARCHITECT, CAPABILITIES, VERSIONED
from controller.domain.desired import OnLocked, OnNoData, Removal
from controller.domain.errors import CapabilityMissing
from controller.domain.identity import FlowType
from controller.domain.platform import Capability
from controller.manifests.fields import PATH_SEGMENT
from controller.manifests.flow import FlowShape
from controller.manifests.manifest import FlowManifest, OrganizationManifest
from controller.manifests.organization import OrganizationShape
from controller.manifests.report import Report
from controller.manifests.wording import Path, dotted, quoted

LAUNCHABLE = frozenset({FlowType.WORKFLOW.value})
"""Flow types that `POST /api/v2/flows/executions` starts."""
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
_WITHOUT_PROBE = "use onNoData: wait, pass or fail"
Need = tuple[Path, Capability, str]
"""A manifest key, the capability that it needs, and the name for people."""


def check_organization(manifest: OrganizationManifest, shape: OrganizationShape, report: Report) -> None:
    """Report the policies that the organisation's dialect cannot carry out."""
    dialect = shape.spec.api
    for path, capability, what in _organization_needs(shape):
        if capability not in CAPABILITIES[dialect]:
            message = f"{dotted(path)} asks for {what}, which api: {dialect} cannot do"
            _report_missing(report, manifest, path, message, capability)


def check_flow(
    manifest: FlowManifest, organization: OrganizationManifest, flow_type: str | None, report: Report
) -> None:
    """Report what a flow asks for and its organisation's dialect cannot do; `flow_type` is None where it is unknown."""
    shape, dialect = manifest.shape, _dialect(organization)
    if shape is None or dialect is None:
        return
    for path, capability, what in _flow_needs(shape):
        if capability not in CAPABILITIES[dialect]:
            owner = f"{quoted(organization.name)} (api: {dialect})" if organization.name else f"api: {dialect}"
            message = f"{dotted(path)} asks for {what}, which {owner} cannot do"
            _report_missing(report, manifest, path, message, capability)
    _check_pin(manifest, shape, dialect, report)
    _check_identity(manifest, shape, dialect, report)
    if Capability.LAUNCH in CAPABILITIES[dialect] and flow_type is not None and flow_type not in LAUNCHABLE:
        for path in _launches(shape):
            message = f"{dotted(path)} cannot launch a flow of type {flow_type}; only workflow flows can be"
            _report_missing(report, manifest, path, message, Capability.LAUNCH)


def _check_pin(manifest: FlowManifest, shape: FlowShape, dialect: str, report: Report) -> None:
    """Report a pin that no version of the dialect can be: neither its number nor, where there are ids, its id."""
    pin = shape.spec.source.version
    if pin is None or _NUMBER.fullmatch(pin) or (dialect == VERSIONED and PATH_SEGMENT.fullmatch(pin)):
        return
    path: Path = ("spec", "source", "version")
    what = 'neither a version such as "13.0" nor the id of one' if dialect == VERSIONED else 'no version such as "13.0"'
    whole = re.fullmatch(r"v?([1-9][0-9]{0,8})", pin, re.IGNORECASE)
    hint = f'did you mean "{whole[1]}.0"?' if whole else "Architect lists the versions of a flow"
    report.add(manifest.origin(*path), f"{dotted(path)} must be a version; {quoted(pin)} is {what}", hint=hint)


def _check_identity(manifest: FlowManifest, shape: FlowShape, dialect: str, report: Report) -> None:
    """Report what tells the flow apart in the other dialect only: the type here, the id there."""
    if dialect == VERSIONED:
        return
    if shape.spec.source.version is not None and shape.spec.type is None:
        report.add(manifest.origin("spec"), "spec must hold type, because a pinned version does not tell")
    if shape.spec.id is not None:
        message = f"spec.id names a flow by its id, which api: {dialect} does not do"
        report.add(manifest.origin("spec", "id"), message, hint="leave it out: type and name tell the flow")


def _dialect(organization: OrganizationManifest) -> str | None:
    """The dialect, also of an organisation that is mistaken elsewhere; None when it cannot be told."""
    if organization.shape is not None:
        return organization.shape.spec.api
    written = organization.node.get("spec", "api")
    if written is None:
        return ARCHITECT
    return written.value if isinstance(written.value, str) and written.value in CAPABILITIES else None


def _organization_needs(shape: OrganizationShape) -> Iterator[Need]:
    if shape.spec.sync.prune:
        deletes = shape.spec.sync.removal is Removal.DELETE
        capability = Capability.DELETE if deletes else Capability.UNPUBLISH
        yield ("spec", "sync", "prune"), capability, "deleting flows" if deletes else "unpublishing flows"
    if shape.spec.on_locked is OnLocked.UNLOCK:
        yield ("spec", "onLocked"), Capability.UNLOCK, "breaking a lock"


def _flow_needs(shape: FlowShape) -> Iterator[Need]:
    if shape.spec.source.file is not None:
        yield ("spec", "source", "file"), Capability.PUBLISH_SOURCE, "publishing a flow file"
    if shape.spec.rollout.stages:
        yield ("spec", "rollout", "stages"), Capability.PERCENTAGE_ROLLOUT, "a rollout by percentages"
    for index, gate in enumerate(shape.spec.gates):
        if gate.error_rate is not None:
            yield ("spec", "gates", index, "errorRate"), Capability.EXECUTION_DATA, "execution data"
    for path in _launches(shape):
        yield path, Capability.LAUNCH, "launching the flow"


def _launches(shape: FlowShape) -> Iterator[Path]:
    """Where a flow's gates ask for an execution."""
    for index, gate in enumerate(shape.spec.gates):
        if gate.execution is not None:
            yield "spec", "gates", index, "execution"
        if gate.error_rate is not None and gate.error_rate.on_no_data is OnNoData.PROBE:
            yield "spec", "gates", index, "errorRate", "onNoData"


def _report_missing(
    report: Report, manifest: OrganizationManifest | FlowManifest, path: Path, message: str, capability: Capability
) -> None:
    hint = _WITHOUT_PROBE if path[-1] == "onNoData" else ALTERNATIVES.get(capability)
    report.add(manifest.origin(*path), message, hint=hint, code=CapabilityMissing.code)
