"""From the manifests of one organisation to its desired state, with every check that needs more than one document.

What a dialect cannot do, or cannot mean, is refused here, when the manifest is loaded, with the way out named.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from controller.domain.addresses import is_allowed, is_internal_host
from controller.domain.capabilities import ALTERNATIVES, ARCHITECT, CAPABILITIES, VERSIONED
from controller.domain.desired import DesiredFlow, Endpoint, OnLocked, OnNoData, Organization, Removal
from controller.domain.errors.manifest import CapabilityMissing, HostNotAllowed
from controller.domain.identity import UNTYPED, FlowKey, FlowType
from controller.domain.platform import Capability
from controller.manifests.content import Content, Contents
from controller.manifests.endpoint import AddressRefused, checked_address, of_region
from controller.manifests.fields import PATH_SEGMENT
from controller.manifests.flow import FlowShape
from controller.manifests.manifest import FlowManifest, Manifests, OrganizationManifest
from controller.manifests.notifications import check_receivers
from controller.manifests.organization import OrganizationShape
from controller.manifests.ownership import Estate
from controller.manifests.report import Report, repeated
from controller.manifests.sources import FlowFiles
from controller.manifests.wording import Path, did_you_mean, dotted, quoted


@dataclass(frozen=True, slots=True)
class Hosts:
    """The hosts that the operator allows, and the receivers that manifests may name."""

    organizations: Collection[str] = ()
    """Hosts that get credentials, in addition to the Genesys domains."""
    gates: Collection[str] = ()
    """Internal hosts that gates may ask."""
    loopback: bool = True
    """Whether organisations on this machine get credentials, too."""
    receivers: Collection[str] | None = None
    """The receivers of messages that the operator configured; None where that is not known here."""


GENESYS_ALONE = Hosts()


class Assembly:
    """Builds organisations; one instance serves one load."""

    def __init__(
        self,
        manifests: Manifests,
        files: FlowFiles,
        hosts: Hosts,
        report: Report,
        reading: Collection[str] | None = None,
    ) -> None:
        self.reading: set[str] = set()
        """The flows with values of the environment that were read."""
        self._may_read = reading
        self._manifests = manifests
        self._files = files
        self._hosts = hosts
        self._report = report

    def organization(self, estate: Estate) -> Organization | None:
        """The organisation with its flows, sorted by id; None or an incomplete one after mistakes were reported."""
        manifest, shape = estate.organization, estate.organization.shape
        reader = Contents(manifest, self._files, self._report, self._may_read)
        contents = reader.read(estate.flows)
        self.reading |= reader.reading
        _check_identities(estate, {flow: found.key for flow, found in contents.items()}, self._report)
        _check_dependencies(estate, self._manifests, self._report)
        for flow in estate.flows:
            found = contents.get(flow)
            _check_capabilities(flow, manifest, found.key.type if found is not None else None, self._report)
            self._check_probes(flow)
        if shape is None:
            return None
        _check_policies(manifest, shape, self._report)
        check_receivers(shape.spec.notifications, self._hosts.receivers, manifest.origin, self._report)
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
        resources=spec.resources,
        bot_callers=spec.bot_callers,
        artifacts=spec.artifacts.value(),
        suspended=spec.suspend,
        environment=spec.environment,
        notifications=tuple(each.value() for each in spec.notifications),
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


LAUNCHABLE = frozenset({FlowType.WORKFLOW.value})
"""Flow types that `POST /api/v2/flows/executions` starts."""
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
_WITHOUT_PROBE = "use onNoData: wait, pass or fail"
Need = tuple[Path, Capability, str]
"""A manifest key, the capability that it needs, and the name for people."""


def _check_policies(manifest: OrganizationManifest, shape: OrganizationShape, report: Report) -> None:
    """Report the policies that the organisation's dialect cannot carry out."""
    dialect = shape.spec.api
    for path, capability, what in _organization_needs(shape):
        if capability not in CAPABILITIES[dialect]:
            message = f"{dotted(path)} asks for {what}, which api: {dialect} cannot do"
            _report_missing(report, manifest, path, message, capability)


def _check_capabilities(
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
