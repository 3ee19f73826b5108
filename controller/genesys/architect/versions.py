"""The versions of a flow: their list, references, validation and export."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from controller.domain.errors.organization import NotFound, PermissionMissing, RequestRejected
from controller.domain.export_estimate import ExportEstimate
from controller.domain.identity import FlowType, version_rank
from controller.domain.platform import Export, Priority, Severity, ValidationFinding, ValidationReport
from controller.domain.references import FlowReference, ResourceReference
from controller.domain.versions import VersionInfo
from controller.genesys.architect.exports import Exports, configuration
from controller.genesys.architect.flows import FLOW, PAGE_SIZE
from controller.genesys.architect.jobs import finished_job, job_words
from controller.genesys.call import ApiCall
from controller.genesys.paging import consistent_pages, pages_of
from controller.genesys.part import PlatformPart
from controller.genesys.transport import Transport
from controller.genesys.wire.architect import FlowVersion, Registered, WireJob
from controller.genesys.wire.model import ListPage


class ArchitectVersions(PlatformPart):
    """Implements `Versions`."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._exports = Exports(transport)

    async def of(self, flow_id: str) -> Sequence[VersionInfo]:
        """All versions, newest first. Raises NotFound."""
        call = ApiCall("GET", f"{FLOW}/versions", {"flowId": flow_id}, priority=self._usually(Priority.OBSERVE))
        pages = pages_of(self._transport, ListPage[FlowVersion])
        listing = await consistent_pages(self._transport, call, pages, page_size=PAGE_SIZE)
        return sorted(map(_version, listing.items), key=lambda info: version_rank(info.version), reverse=True)

    async def references(self, flow_id: str, version: str) -> Sequence[FlowReference]:
        """The flows that a version calls, transfers or hands over to, ordered. Raises NotFound."""
        priority = self._usually(Priority.OBSERVE)
        return references_of(await configuration(self._transport, flow_id, version, priority))

    async def validate(self, flow_id: str, version: str) -> ValidationReport:
        """The organisation's findings. Without validation, a successful report that says so.

        Raises NotFound when the flow does not exist, PermissionMissing when the role lacks the permission.
        """
        body, priority = {"flows": [{"flow": {"id": flow_id, "version": version}}]}, self._usually(Priority.PUBLISH)
        call = ApiCall("POST", _VALIDATIONS, body=body, priority=priority, repeatable=True)
        try:
            registered = await self._transport.fetch(call, Registered)
        except RequestRejected as error:
            if _not_offered(error):
                return _unavailable(error)
            raise
        return _validation_report(await finished_job(self._transport, _VALIDATIONS, registered.id, priority))

    def cost_of_exports(self, flows: int) -> ExportEstimate:
        return self._exports.cost(flows)

    async def export(self, flow_id: str, version: str, *, definition: bool = True) -> Export:
        """Shares a job with other exports, unless it is a rollback's."""
        return await self._exports.export(flow_id, version, self._usually(Priority.EXPORT), definition=definition)


def _version(version: FlowVersion) -> VersionInfo:
    return VersionInfo(
        version=version.id,
        status=_status(version),
        created_at=version.date_created or version.date_checked_in or version.date_saved,
        created_by=version.author,
        created_by_id=version.author_id,
        published_at=version.date_published,
        published_until=version.date_published_end,
    )


def _status(version: FlowVersion) -> str:
    """`deployed` for the live version, `published` for an earlier live version, `draft` for all others."""
    if version.date_published is not None:
        return "published" if version.date_published_end is not None else "deployed"
    return "published" if version.type == "PUBLISH" else "draft"


_ACTIONS = {
    FlowType.COMMON_MODULE: "callCommonModule",
    FlowType.BOT: "callBotFlow",
    FlowType.DIGITAL_BOT: "callDigitalBotFlow",
}


def references_of(configuration: Mapping[str, object]) -> Sequence[FlowReference]:
    """The flows that a version calls, transfers or hands over to, ordered."""
    manifest = configuration.get("manifest")
    return sorted(set(_flow_references(manifest)), key=lambda found: found.path) if isinstance(manifest, dict) else []


def _flow_references(manifest: Mapping[str, object]) -> Iterator[FlowReference]:
    for group, entries in manifest.items():
        flow_type = _type_of_group(group)
        if flow_type is None or not isinstance(entries, list):
            continue
        for index, entry in enumerate(entries):
            if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                yield FlowReference(
                    name=entry["name"],
                    types=(flow_type.value,),
                    action=_ACTIONS.get(flow_type, "transferToFlow"),
                    path=f"manifest.{group}[{index}]",
                    binds_at_publish=flow_type in _ACTIONS,
                    flow_id=entry["id"] if isinstance(entry.get("id"), str) else None,
                )


def _type_of_group(group: str) -> FlowType | None:
    """`commonModuleFlow` is a commonmodule, `workflow` a workflow, `queue` not a flow."""
    name = group.lower()
    candidates = (name, name.removesuffix("flow")) if name.endswith("flow") else ()
    return next((FlowType(candidate) for candidate in candidates if candidate in set(FlowType)), None)


_FLOW_GROUPS = frozenset({str(kind) for kind in FlowType} | {f"{kind}flow" for kind in FlowType})
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class ArchitectResources(PlatformPart):
    """Implements `ResourceReferences`."""

    async def of(self, flow_id: str, version: str) -> Sequence[ResourceReference]:
        """The resources that a version names, ordered. Raises NotFound."""
        document = await configuration(self._transport, flow_id, version, self._usually(Priority.OBSERVE))
        manifest = document.get("manifest")
        return sorted(set(_resource_references(manifest))) if isinstance(manifest, dict) else []


def _resource_references(manifest: Mapping[str, object]) -> Iterator[ResourceReference]:
    for group, entries in manifest.items():
        if group.lower() in _FLOW_GROUPS or not isinstance(entries, list):
            continue
        kind = _WORD.sub("-", group).lower()
        for index, entry in enumerate(entries):
            if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                yield ResourceReference(kind, entry["name"], f"manifest.{group}[{index}]")


_VALIDATIONS = "/api/v2/flows/validate/jobs"
_NOT_OFFERED = frozenset({404, 405, 501})


def _not_offered(error: RequestRejected) -> bool:
    if isinstance(error, PermissionMissing):
        error_text = error.message.lower()
        return "not enabled" in error_text or "feature" in error_text
    if isinstance(error, NotFound) and (error.api_code or "").startswith("architect.flow"):
        return False
    return error.status in _NOT_OFFERED


def _unavailable(error: RequestRejected) -> ValidationReport:
    message = f"the organisation does not offer validation ({error.status}); the version was not checked"
    return ValidationReport((ValidationFinding(Severity.WARNING, message, "validation-unavailable"),))


def _validation_report(job: WireJob) -> ValidationReport:
    successful = job.status == "Success"
    errors = sum(message.type == "Error" for message in job.messages or [])
    words = job_words(job)
    findings = [
        ValidationFinding(Severity.ERROR if index < errors else Severity.WARNING, text)
        for index, text in enumerate(words)
    ]
    if not successful and not errors:
        findings.insert(0, ValidationFinding(Severity.ERROR, "validation failed and the job gave no reason"))
    return ValidationReport(tuple(findings), successful=successful and not errors)
