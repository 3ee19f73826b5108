"""From the manifests of one organisation to its desired state, with every check that needs more than one document."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from controller.domain.addresses import is_allowed, is_internal_host
from controller.domain.desired import DesiredFlow, Endpoint, Organization
from controller.domain.errors import HostNotAllowed
from controller.domain.identity import UNTYPED, FlowKey
from controller.manifests import capability
from controller.manifests.content import Content, Contents
from controller.manifests.endpoint import AddressRefused, checked_address, of_region
from controller.manifests.flow import FlowShape
from controller.manifests.manifest import FlowManifest, Manifests, OrganizationManifest
from controller.manifests.organization import OrganizationShape
from controller.manifests.ownership import Estate
from controller.manifests.report import Report, repeated
from controller.manifests.sources import FlowFiles
from controller.manifests.wording import did_you_mean, dotted, quoted


@dataclass(frozen=True, slots=True)
class Hosts:
    """The hosts that the operator allows."""

    organizations: Collection[str] = ()
    """Hosts that get credentials, in addition to the Genesys domains."""
    gates: Collection[str] = ()
    """Internal hosts that gates may ask."""
    loopback: bool = True
    """Whether organisations on this machine get credentials, too."""


GENESYS_ALONE = Hosts()


class Assembly:
    """Builds organisations; one instance serves one load."""

    def __init__(self, manifests: Manifests, files: FlowFiles, hosts: Hosts, report: Report) -> None:
        self._manifests = manifests
        self._files = files
        self._hosts = hosts
        self._report = report

    def organization(self, estate: Estate) -> Organization | None:
        """The organisation with its flows, sorted by id; None or an incomplete one after mistakes were reported."""
        manifest, shape = estate.organization, estate.organization.shape
        contents = Contents(manifest, self._files, self._report).read(estate.flows)
        _check_identities(estate, {flow: found.key for flow, found in contents.items()}, self._report)
        _check_dependencies(estate, self._manifests, self._report)
        for flow in estate.flows:
            found = contents.get(flow)
            capability.check_flow(flow, manifest, found.key.type if found is not None else None, self._report)
            self._check_probes(flow)
        if shape is None:
            return None
        capability.check_organization(manifest, shape, self._report)
        endpoint = self._endpoint(manifest, shape)
        flows = [_flow(flow, flow.shape, found) for flow, found in contents.items() if flow.shape is not None]
        return _organization(manifest, shape, endpoint, flows) if endpoint is not None else None

    def _check_probes(self, flow: FlowManifest) -> None:
        """Report gates that would ask the controller's own network; names are looked at again when they resolve."""
        for index, gate in enumerate(flow.shape.spec.gates if flow.shape is not None else ()):
            url = gate.http.url if gate.http is not None else ""
            host = urlsplit(url).hostname or ""
            if host and is_internal_host(host) and not is_allowed(url, self._hosts.gates):
                path = ("spec", "gates", index, "http", "url")
                self._report.add(
                    flow.origin(*path),
                    f"{dotted(path)} leads to {host}, which is in the controller's own network",
                    hint=f"probe a public address, or have the operator add {host} to PENSTOCK_GATE_HOSTS",
                    code=HostNotAllowed.code,
                )

    def _endpoint(self, manifest: OrganizationManifest, shape: OrganizationShape) -> Endpoint | None:
        if shape.spec.region is not None:
            return of_region(shape.spec.region)
        addresses: list[str] = []
        for key, url in (("apiUrl", shape.spec.api_url), ("loginUrl", shape.spec.login_url)):
            try:
                addresses.append(checked_address(url or "", self._hosts.organizations, loopback=self._hosts.loopback))
            except AddressRefused as error:
                code = {} if error.allowed else {"code": HostNotAllowed.code}
                self._report.add(manifest.origin("spec", key), f"spec.{key} {error.message}", hint=error.hint, **code)
        return Endpoint(None, *addresses) if len(addresses) == 2 else None


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
        environment=spec.environment,
    )


def _flow(manifest: FlowManifest, shape: FlowShape, content: Content) -> DesiredFlow:
    spec = shape.spec
    return DesiredFlow(
        id=shape.metadata.name,
        key=content.key,
        source=content.source,
        origin=manifest.origin(),
        labels=dict(shape.metadata.labels),
        depends_on=spec.depends_on,
        rollout=spec.rollout.value(),
        gates=tuple(gate.value() for gate in spec.gates),
        automatic_rollback=spec.rollback == "automatic",
        suspended=spec.suspend,
        previous_name=spec.renamed_from,
        release_version=spec.release_version,
        flow_id=spec.id,
    )


_APART = "give one of the two another spec.name; with spec.id it is only what people read"


def _check_identities(estate: Estate, keys: Mapping[FlowManifest, FlowKey], report: Report) -> None:
    """Report duplicate names, and flows that several manifests describe."""
    name = estate.organization.name
    within = f" in {quoted(name)}" if name is not None else ""
    for same, earlier, flow in repeated((flow.name, flow) for flow in estate.flows):
        report.add(
            flow.origin("metadata", "name"),
            f"another flow is called {quoted(same)} too{within}: {earlier.origin('metadata', 'name')}",
            hint="give one of the two another metadata.name",
        )
    ids = {flow: flow.shape.spec.id if flow.shape is not None else None for flow in keys}
    for flow_id, earlier, flow in repeated((ids[flow], flow) for flow in keys):
        report.add(
            flow.origin("spec", "id"),
            f"the flow with the id {quoted(flow_id)} is described by {earlier.origin('spec', 'id')} too{within}",
            hint="remove one of the two manifests",
        )
    for key, earlier, flow in repeated((key, flow) for flow, key in keys.items()):
        report.add(
            flow.origin("spec", "source"),
            f"the {_flow_words(key)} is described by {earlier.origin('spec', 'source')} too{within}",
            hint=_APART if ids[flow] is not None else "remove one of the two manifests",
        )


def _check_dependencies(estate: Estate, manifests: Manifests, report: Report) -> None:
    """Report dependencies on nothing, and on the flow itself."""
    organization = estate.organization.name
    whose = quoted(organization) if organization is not None else "this organisation"
    names = {flow.name for flow in estate.flows if flow.name is not None}
    for flow in estate.flows:
        for index, name in enumerate(flow.shape.spec.depends_on if flow.shape is not None else ()):
            origin = flow.origin("spec", "dependsOn", index)
            if name == flow.name:
                report.add(origin, f"spec.dependsOn[{index}] names the flow itself", hint="remove it")
            elif name not in names and not manifests.may_define(name):
                message = f"spec.dependsOn[{index}] names {quoted(name)}, which is no flow of {whose}"
                report.add(origin, message, hint=did_you_mean(name, names - {flow.name or ""}))


def _flow_words(key: FlowKey) -> str:
    return f"flow {quoted(key.name)}" if key.type == UNTYPED else f"{key.type} flow {quoted(key.name)}"
