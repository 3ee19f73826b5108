"""The versions of one flow: their numbers, ids and statuses, their definitions, their validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from controller.domain.errors import NoSuchVersion
from controller.domain.identity import version_rank
from controller.domain.platform import (
    Export,
    Priority,
    Severity,
    ValidationFinding,
    ValidationReport,
    VersionInfo,
)
from controller.genesys.call import Call
from controller.genesys.excerpt import excerpt
from controller.genesys.transport import Transport
from controller.genesys.wire.versioned import (
    Validation,
    ValidationResult,
    VersionContent,
    VersionEntity,
    VersionPage,
)

VERSION = "/api/v2/flows/{flowId}/versions/{versionId}"
ROUTED = "/api/v2/routing/flows/{flowId}"


class Versions:
    """Reads versions, and remembers which id belongs to which number: that never changes."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._ids: dict[tuple[str, str], str] = {}

    async def read(self, flow_id: str, priority: Priority = Priority.OBSERVE) -> Sequence[VersionEntity]:
        """All versions, newest first. Raises NotFound."""
        call = Call("GET", f"{ROUTED}/versions", {"flowId": flow_id}, priority=priority)
        entities = (await self._transport.fetch(call, VersionPage)).entities
        self._ids.update({(flow_id, entity.number): entity.id for entity in entities})
        return sorted(entities, key=lambda entity: version_rank(entity.number), reverse=True)

    async def path(self, flow_id: str, version: str, priority: Priority = Priority.PUBLISH) -> Mapping[str, str]:
        """The ids of a version's path. Raises NoSuchVersion and NotFound."""
        if (flow_id, version) not in self._ids:
            known = [entity.number for entity in await self.read(flow_id, priority)]
            if version not in known:
                shown = ", ".join(known[:10]) or "none"
                raise NoSuchVersion(f"flow {flow_id} has no version {version}", hint=f"its newest versions: {shown}")
        return {"flowId": flow_id, "versionId": self._ids[flow_id, version]}

    async def definition(self, flow_id: str, version: str, priority: Priority) -> Mapping[str, object]:
        """The version's definition as JSON. A version never changes."""
        path = await self.path(flow_id, version, priority)
        call = Call("GET", VERSION, path, priority=priority, limit_bytes=self._transport.settings.export_limit_bytes)
        return (await self._transport.fetch(call, VersionContent)).definition

    async def export(self, flow_id: str, version: str, priority: Priority) -> Export:
        """The version's definition; this dialect has no YAML."""
        return Export(flow_id, version, definition=await self.definition(flow_id, version, priority))

    async def validate(self, flow_id: str, version: str) -> ValidationReport:
        """What the organisation finds. Errors count even where the summary calls them a success."""
        path = await self.path(flow_id, version)
        call = Call("POST", f"{VERSION}/validate", path, body={}, priority=Priority.PUBLISH, repeatable=True)
        answer = await self._transport.fetch(call, Validation)
        findings = tuple(self._finding(result) for result in answer.validation_results)
        summary = answer.validation_summary
        failed = not summary.is_successful or summary.total_errors > 0
        if failed and not any(finding.severity is Severity.ERROR for finding in findings):
            count = summary.total_errors
            findings = (
                ValidationFinding(Severity.ERROR, f"validation failed with {count} errors, none told"),
                *findings,
            )
        errors = any(finding.severity is Severity.ERROR for finding in findings)
        return ValidationReport(findings, successful=not failed and not errors)

    def _finding(self, result: ValidationResult) -> ValidationFinding:
        warning = result.severity.lower() in ("warning", "warn", "info", "information")
        message = excerpt(result.message, self._transport.redactor) or "no message"
        return ValidationFinding(Severity.WARNING if warning else Severity.ERROR, message, result.id)


def version_info(entity: VersionEntity) -> VersionInfo:
    """The version in the vocabulary."""
    return VersionInfo(
        version=entity.number,
        status=entity.status.lower(),
        created_at=entity.date_created,
        created_by=entity.created_by,
        published_at=entity.date_published,
        published_until=entity.date_published_end,
    )


def live_version(entities: Sequence[VersionEntity]) -> tuple[VersionEntity | None, bool]:
    """The version that calls go to, and whether that is certain: the deployed one, or the only published one.

    A version whose publication has ended was live once.
    """
    deployed = [entity for entity in entities if entity.status.lower() == "deployed"]
    published = [
        entity for entity in entities if entity.status.lower() == "published" and entity.date_published_end is None
    ]
    candidates = deployed or published
    return (candidates[0] if len(candidates) == 1 else None), len(candidates) <= 1
