"""From the manifests of one organisation to its desired state, with every check that needs more than one document."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from controller.domain.desired import DesiredFlow, Endpoint, Organization, PinnedVersion, SourceFile
from controller.domain.errors import HostNotAllowed
from controller.domain.identity import FlowKey
from controller.manifests import capability
from controller.manifests.endpoint import AddressRefused, checked_address, of_region
from controller.manifests.flow import FlowShape
from controller.manifests.identity import Identities
from controller.manifests.manifest import FlowManifest, Manifests, OrganizationManifest
from controller.manifests.organization import OrganizationShape
from controller.manifests.ownership import Estate
from controller.manifests.paths import PathRefused, flow_file
from controller.manifests.report import Report
from controller.manifests.sources import FlowFiles
from controller.manifests.values import Values
from controller.manifests.wording import quoted


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the organisations of one load share."""

    root: Path
    manifests: Manifests
    files: FlowFiles
    allowed_hosts: Collection[str]
    report: Report


def assemble(estate: Estate, surroundings: Surroundings) -> Organization | None:
    """The organisation with its flows, sorted by id; None, or one with flows missing, after mistakes were reported."""
    manifest, shape = estate.organization, estate.organization.shape
    identities = Identities(estate, surroundings.manifests, surroundings.report)
    if shape is None:
        return None
    capability.check_organization(manifest, shape, surroundings.report)
    values = Values(manifest, shape, surroundings.report)
    flows = [_flow(flow, flow.shape, shape, values, surroundings) for flow in estate.flows if flow.shape is not None]
    found = [flow for flow in flows if flow is not None]
    identities.check_keys(found)
    if len(found) == len(estate.flows):
        values.report_unused()
    endpoint = _endpoint(manifest, shape, surroundings)
    return _organization(manifest, shape, endpoint, found) if endpoint is not None else None


def _organization(
    manifest: OrganizationManifest, shape: OrganizationShape, endpoint: Endpoint, flows: list[DesiredFlow]
) -> Organization:
    spec = shape.spec
    return Organization(
        name=shape.metadata.name,
        endpoint=endpoint,
        dialect=spec.api,
        credentials=spec.credentials.value(),
        origin=manifest.origin(),
        flows=tuple(sorted(flows, key=lambda flow: flow.id)),
        sync=spec.sync.value(),
        windows=tuple(window.value() for window in spec.windows),
        safety=spec.safety.value(),
        on_locked=spec.on_locked,
        cycles=spec.cycles,
        artifacts=spec.artifacts.value(),
        suspended=spec.suspend,
    )


def _endpoint(manifest: OrganizationManifest, shape: OrganizationShape, surroundings: Surroundings) -> Endpoint | None:
    spec = shape.spec
    if spec.region is not None:
        return of_region(spec.region)
    addresses: list[str] = []
    for key, url in (("apiUrl", spec.api_url), ("loginUrl", spec.login_url)):
        try:
            addresses.append(checked_address(url or "", surroundings.allowed_hosts))
        except AddressRefused as error:
            code = {} if error.allowed else {"code": HostNotAllowed.code}
            message = f"spec.{key} {error.message}"
            surroundings.report.add(manifest.origin("spec", key), message, hint=error.hint, **code)
    return Endpoint(None, *addresses) if len(addresses) == 2 else None


def _flow(
    manifest: FlowManifest,
    shape: FlowShape,
    organization: OrganizationShape,
    values: Values,
    surroundings: Surroundings,
) -> DesiredFlow | None:
    capability.check_flow(manifest, shape, organization, surroundings.report)
    spec = shape.spec
    content = _content(manifest, shape, values, surroundings)
    if content is None:
        return None
    key, source = content
    capability.check_launchable(manifest, shape, key.type, surroundings.report)
    return DesiredFlow(
        id=shape.metadata.name,
        key=key,
        source=source,
        origin=manifest.origin(),
        labels=dict(shape.metadata.labels),
        depends_on=spec.depends_on,
        rollout=spec.rollout.value(),
        gates=tuple(gate.value() for gate in spec.gates),
        automatic_rollback=spec.rollback == "automatic",
        suspended=spec.suspend,
        previous_name=spec.renamed_from,
    )


def _content(
    manifest: FlowManifest, shape: FlowShape, values: Values, surroundings: Surroundings
) -> tuple[FlowKey, SourceFile | PinnedVersion] | None:
    """Who the flow is and what it should be; None after mistakes were reported."""
    spec = shape.spec
    if spec.source.version is not None and spec.type is not None and spec.name is not None:
        return FlowKey(spec.type.value, spec.name), PinnedVersion(spec.source.version)
    path = _source_path(manifest, spec.source.file or "", surroundings)
    template = surroundings.files.template(path) if path is not None else None
    if path is None or template is None:
        return None
    own = values.of(manifest, spec.source.substitutions, template)
    rendering = surroundings.files.rendering(path, own, manifest.origin("spec", "source", "file"))
    if rendering is None:
        return None
    _check_agreement(manifest, shape, rendering.key, rendering.source, surroundings.report)
    return rendering.key, rendering.source


def _source_path(manifest: FlowManifest, written: str, surroundings: Surroundings) -> Path | None:
    try:
        return flow_file(surroundings.root, manifest.folder, written)
    except PathRefused as error:
        origin = manifest.origin("spec", "source", "file")
        surroundings.report.add(origin, f"spec.source.file {error.message}", hint=error.hint)
        return None


def _check_agreement(
    manifest: FlowManifest, shape: FlowShape, key: FlowKey, source: SourceFile, report: Report
) -> None:
    spec = shape.spec
    given = {"type": spec.type.value if spec.type is not None else None, "name": spec.name}
    for field, value in given.items():
        told = getattr(key, field)
        if value is not None and value != told:
            report.add(
                manifest.origin("spec", field),
                f"spec.{field} is {quoted(value)}, but {source.file} describes a flow of {field} {quoted(told)}",
                hint=f"correct one of the two, or leave spec.{field} out: the flow file tells it",
            )
    if spec.name is None and spec.renamed_from == key.name:
        origin = manifest.origin("spec", "renamedFrom")
        message = f"spec.renamedFrom is the name that {source.file} still has"
        report.add(origin, message, hint="renamedFrom is the name before the change")
