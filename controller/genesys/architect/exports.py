"""Exporting one version: Archy YAML through an export job, and the version's JSON configuration."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from controller.domain.errors import BadAnswer, ExportFailed, NotFound
from controller.domain.platform import Export, Priority
from controller.genesys.architect.flows import FLOW
from controller.genesys.architect.jobs import finished_job, job_words
from controller.genesys.call import Call
from controller.genesys.transport import Transport
from controller.genesys.wire.architect import Job, RegisteredJob

log = structlog.get_logger()

_JOBS = "/api/v2/flows/export/jobs"
_ZIP = b"PK\x03\x04"


async def export(transport: Transport, flow_id: str, version: str, priority: Priority) -> Export:
    """Both forms of one version. Raises ExportFailed, NotFound, PermissionMissing."""
    yaml = await _export_yaml(transport, flow_id, version, priority)
    try:
        definition: Mapping[str, object] | None = await configuration(transport, flow_id, version, priority)
    except NotFound:
        definition = None
    return Export(flow_id, version, yaml=yaml, definition=definition)


async def configuration(transport: Transport, flow_id: str, version: str, priority: Priority) -> Mapping[str, object]:
    """The version's JSON. A version never changes. Raises NotFound."""
    call = Call(
        "GET",
        f"{FLOW}/versions/{{versionId}}/configuration",
        {"flowId": flow_id, "versionId": version},
        priority=priority,
        limit_bytes=transport.settings.export_limit_bytes,
    )
    answer = await transport.fetch_json(call)
    if not isinstance(answer, dict):
        raise BadAnswer(f"{call.name}: the answer is not a JSON object")
    return answer


async def _export_yaml(transport: Transport, flow_id: str, version: str, priority: Priority) -> str:
    """One job per flow and always with the version: by id alone the organisation sometimes does not find it."""
    settings = transport.settings
    for attempt in range(1, settings.export_retries + 2):
        job = await _export_job(transport, flow_id, version, priority)
        if job.status == "Success":
            return await _download(transport, job, flow_id, version)
        words = job_words(job, transport.redactor)
        if not _limited_in_disguise(words) or attempt > settings.export_retries:
            told = "; ".join(words[:5]) or "the job gave no reason"
            raise ExportFailed(f"version {version} of flow {flow_id} could not be exported: {told}")
        log.info("export.repeated", flow_id=flow_id, version=version, attempt=attempt)
        await transport.clock.sleep(settings.export_retry_step_s * attempt)
    raise AssertionError("the last attempt returns or raises")


async def _export_job(transport: Transport, flow_id: str, version: str, priority: Priority) -> Job:
    body = {"flows": [{"flow": {"id": flow_id, "version": version}}]}
    call = Call("POST", _JOBS, body=body, priority=priority, repeatable=True)
    registered = await transport.fetch(call, RegisteredJob)
    return await finished_job(transport, _JOBS, registered.id, priority)


async def _download(transport: Transport, job: Job, flow_id: str, version: str) -> str:
    if not job.download_url:
        raise ExportFailed(f"version {version} of flow {flow_id}: the export ended well, but names no file")
    call = Call("GET", "(presigned download)", limit_bytes=transport.settings.export_limit_bytes)
    content = await transport.get_presigned(job.download_url, call=call)
    if content.startswith(_ZIP):
        raise ExportFailed(f"version {version} of flow {flow_id}: the organisation sent an archive for one flow")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ExportFailed(f"version {version} of flow {flow_id}: the exported file is not UTF-8") from error


def _limited_in_disguise(words: tuple[str, ...]) -> bool:
    """The organisation's own 429 inside the job shows as these two sentences, and only then is a retry of use.

    Source: Genesys' Terraform provider, issue 2061.
    """
    told = "\n".join(words).lower()
    return "exit code to 107" in told and "could not find the flow with id" in told
