"""The versions of one flow: numbers, ids, statuses, definitions and validation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from controller.domain.errors.change import AmbiguousVersion, NoSuchVersion
from controller.domain.errors.organization import BadAnswer
from controller.domain.excerpt import excerpt
from controller.domain.export_estimate import ExportEstimate
from controller.domain.identity import version_rank
from controller.domain.platform import Export, Priority, Severity, ValidationFinding, ValidationReport
from controller.domain.references import FlowReference, Resolution
from controller.domain.versions import VersionInfo, named, newest
from controller.domain.wording import counted
from controller.genesys.call import ApiCall
from controller.genesys.paging import consistent_pages, pages_of
from controller.genesys.part import PlatformPart
from controller.genesys.transport import Transport
from controller.genesys.versioned.listing import CachedListing
from controller.genesys.wire.model import ListPage
from controller.genesys.wire.versioned import Validation, ValidationResult, VersionDefinition, VersionEntity

PAGE_SIZE = 100
"""Versions in a page. No document gives the largest, and few flows have more."""
VERSION = "/api/v2/flows/{flowId}/versions/{versionId}"
ROUTED = "/api/v2/routing/flows/{flowId}"


_SEVERITIES = {
    "warning": Severity.WARNING,
    "warn": Severity.WARNING,
    "info": Severity.INFO,
    "information": Severity.INFO,
}
"""Any other severity counts as an error."""


class VersionDirectory:
    """Reads versions and caches the id for each pin (a number or an id), which never changes."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._ids: dict[tuple[str, str], str] = {}

    async def read(self, flow_id: str, priority: Priority = Priority.OBSERVE) -> Sequence[VersionInfo]:
        """All versions, newest first. Raises NotFound."""
        call = ApiCall("GET", f"{ROUTED}/versions", {"flowId": flow_id}, priority=priority)
        pages = pages_of(self._transport, ListPage[VersionEntity])
        found = await consistent_pages(self._transport, call, pages, page_size=PAGE_SIZE)
        infos = sorted(map(_version_info, found.items), key=lambda info: version_rank(info.version), reverse=True)
        self._remember(flow_id, infos)
        return infos

    def _remember(self, flow_id: str, infos: Sequence[VersionInfo]) -> None:
        """Cache the id for each number and each id, without ambiguous ones."""
        pins = {pin for info in infos for pin in (info.version, info.id) if pin}
        for pin in pins:
            ids = {info.id for info in named(infos, pin)}
            self._ids.pop((flow_id, pin), None)
            if len(ids) == 1:
                self._ids[flow_id, pin] = ids.pop() or pin

    async def id_of(self, flow_id: str, version: str, priority: Priority = Priority.PUBLISH) -> str:
        """The organisation's id of a version. Raises NoSuchVersion, AmbiguousVersion and NotFound."""
        if (flow_id, version) not in self._ids:
            infos = await self.read(flow_id, priority)
            found = named(infos, version)
            if not found:
                hint = f"its newest versions: {newest(infos, 10)}"
                raise NoSuchVersion(f"flow {flow_id} has no version {version}", hint=hint)
            if len(found) > 1:
                raise AmbiguousVersion(f"flow {flow_id}: {version} could mean {len(found)} versions")
        return self._ids[flow_id, version]

    async def path(self, flow_id: str, version: str, priority: Priority = Priority.PUBLISH) -> Mapping[str, str]:
        """The ids of a version's path. Raises as `id_of` does."""
        return {"flowId": flow_id, "versionId": await self.id_of(flow_id, version, priority)}

    async def definition(self, flow_id: str, version: str, priority: Priority) -> Mapping[str, object]:
        """The version's definition as JSON, from either of its two shapes. A version never changes."""
        path = await self.path(flow_id, version, priority)
        call = ApiCall("GET", VERSION, path, priority=priority, limit_bytes=self._transport.settings.export_limit_bytes)
        found = (await self._transport.fetch(call, VersionDefinition)).content
        if found is None:
            raise BadAnswer(f"{call.name}: the answer holds no definition: neither definition nor nodes")
        return found


class VersionedVersions(PlatformPart):
    """Implements `Versions`."""

    def __init__(self, transport: Transport, listing: CachedListing, reader: VersionDirectory) -> None:
        super().__init__(transport)
        self._listing = listing
        self._reader = reader

    async def of(self, flow_id: str) -> Sequence[VersionInfo]:
        return await self._reader.read(flow_id, self._usually(Priority.OBSERVE))

    async def references(self, flow_id: str, version: str) -> Sequence[FlowReference]:
        listed = self._listing.definition(flow_id, version)
        if listed is not None:
            return references_of(listed)
        return references_of(await self._reader.definition(flow_id, version, self._usually(Priority.OBSERVE)))

    async def export(self, flow_id: str, version: str, *, definition: bool = True) -> Export:  # noqa: ARG002
        """The version's definition; this dialect has no YAML."""
        content = await self._reader.definition(flow_id, version, self._usually(Priority.EXPORT))
        return Export(flow_id, version, definition=content)

    def cost_of_exports(self, flows: int) -> ExportEstimate:
        """A call for each version."""
        return ExportEstimate(flows, flows, self._transport.settings.rate_limit_per_minute)

    async def validate(self, flow_id: str, version: str) -> ValidationReport:
        """The organisation's findings. Errors count even if the summary reports a success."""
        priority = self._usually(Priority.PUBLISH)
        path = await self._reader.path(flow_id, version, priority)
        call = ApiCall("POST", f"{VERSION}/validate", path, body={}, priority=priority, repeatable=True)
        answer = await self._transport.fetch(call, Validation)
        findings = tuple(self._finding(result) for result in answer.validation_results)
        summary = answer.validation_summary
        failed = not summary.is_successful or summary.total_errors > 0
        if failed and not any(finding.severity is Severity.ERROR for finding in findings):
            count = summary.total_errors
            findings = (
                ValidationFinding(Severity.ERROR, f"validation failed with {counted(count, 'error')}, none told"),
                *findings,
            )
        errors = any(finding.severity is Severity.ERROR for finding in findings)
        return ValidationReport(findings, successful=not failed and not errors)

    def _finding(self, result: ValidationResult) -> ValidationFinding:
        message = excerpt(result.message) or "no message"
        return ValidationFinding(_SEVERITIES.get(result.severity.lower(), Severity.ERROR), message, result.id)


def _version_info(entity: VersionEntity) -> VersionInfo:
    """The version as a domain value."""
    return VersionInfo(
        version=entity.number,
        status=entity.status.lower(),
        id=entity.id,
        created_at=entity.date_created,
        created_by=entity.created_by,
        published_at=entity.date_published,
        published_until=entity.date_published_end,
    )


_BINDING = frozenset({"callCommonModule", "callBotFlow", "callDigitalBotFlow"})


def references_of(definition: Mapping[str, object]) -> Sequence[FlowReference]:
    """The flows that a definition calls, transfers or hands over to, in the order of their nodes."""
    nodes = definition.get("nodes")
    return list(_from_nodes(nodes)) if isinstance(nodes, dict) else []


def _from_nodes(nodes: Mapping[str, object]) -> Iterator[FlowReference]:
    for node_id, node in nodes.items():
        target = node.get("flow") if isinstance(node, dict) else None
        if not isinstance(node, dict) or not isinstance(target, dict):
            continue
        name, expression = _text(target.get("name")), _text(target.get("expression"))
        if name is None and expression is None:
            continue
        action, flow_type = _text(node.get("type")) or "unknown", _text(target.get("type"))
        yield FlowReference(
            name=name or expression or "",
            types=(flow_type.lower(),) if flow_type else (),
            action=action,
            path=f"definition.nodes.{node_id}",
            resolution=Resolution.STATIC if name else Resolution.DYNAMIC,
            binds_at_publish=action in _BINDING,
            flow_id=_text(target.get("id")),
        )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
