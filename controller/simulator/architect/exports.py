"""Export jobs (`/api/v2/flows/export/jobs`) and the download of what they made."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import timedelta

from starlette.responses import Response

from controller.domain.identity import FlowKey
from controller.simulator import exporting
from controller.simulator.architect import views
from controller.simulator.call import ServedCall, answer, records
from controller.simulator.endpoint import ServedEndpoint
from controller.simulator.flow import SimulatedFlow
from controller.simulator.job import JobItem, JobKind, SimulatedJob
from controller.simulator.mishaps import job_mishap
from controller.simulator.problem import ApiError, bad_request, not_found

_URI = "/api/v2/flows/export/jobs"
_STORAGE = "/_storage/exports"
_FILE_NAME = re.compile(r"[A-Za-z0-9_-]*")
_EXPORT_TYPES = ("Yaml", "Architect")


def register(call: ServedCall) -> Response:
    """`POST /api/v2/flows/export/jobs`: a flow by id, or by name and type; the published version by default."""
    details = records(call.json().get("flows"), "flows")
    if not details:
        raise bad_request("At least one flow must be given.")
    items = [_item(call, one) for one in details]
    job = exporting.register_export(call.organization, items, call.actor, call.now, key=secrets.token_hex(32))
    job_mishap(call, job, [call.organization.state.flows[item.flow_id] for item in items])
    shown = {"id": job.id, "status": "Registered", "totalFlows": len(items), "selfUri": f"{_URI}/{job.id}"}
    return answer(shown)


def _item(call: ServedCall, detail: Mapping[str, object]) -> JobItem:
    flow, version = referenced(call, detail.get("flow"))
    file_name, kind = detail.get("fileName") or "", detail.get("exportType") or "Yaml"
    if not isinstance(file_name, str) or not _FILE_NAME.fullmatch(file_name):
        raise bad_request("A [fileName] may hold letters, digits, hyphens and underscores only.")
    if kind not in _EXPORT_TYPES:
        raise bad_request(f"[exportType] is none of {', '.join(_EXPORT_TYPES)}.")
    return JobItem(flow.id, version, file_name, archy=kind == "Yaml")


def referenced(call: ServedCall, reference: object) -> tuple[SimulatedFlow, str]:
    """The flow and version that an `ArchitectFlowReference` means. Raises 400, 404, 410."""
    if not isinstance(reference, dict):
        raise bad_request("Each of [flows] needs a [flow].")
    flow_id, name, kind = reference.get("id"), reference.get("name"), reference.get("type")
    if isinstance(flow_id, str):
        flow = call.organization.flow(flow_id)
    elif isinstance(name, str) and isinstance(kind, str):
        found = call.organization.find(FlowKey(kind.lower(), name))
        if found is None:
            raise not_found(f"find '{kind.lower()}' by value of '{name}' - no matches", code="architect.flow.not.found")
        flow = found
    else:
        raise bad_request("A flow is named by [id], or by [name] and [type].")
    wanted = reference.get("version")
    default = "published" if flow.published else "latest"
    return flow, call.organization.version(flow, str(wanted) if wanted else default).id


def get_job(call: ServedCall) -> Response:
    """`GET /api/v2/flows/export/jobs/{jobId}`: with a `downloadUrl` once it is done."""
    job = call.organization.job(call.path["jobId"], JobKind.EXPORT)
    shown = views.job(call, job, uri=_URI, command="Export")
    if job.finished(call.now) and not job.failed:
        expires = int(call.simulator.settings.download_valid_s)
        shown["downloadUrl"] = call.url(f"{_STORAGE}/{job.id}?X-Amz-Expires={expires}&X-Amz-Signature={job.key}")
    return answer(shown)


def download(call: ServedCall) -> Response:
    """One YAML file, or a zip when several flows were asked for. No token is needed: the URL is signed."""
    job = call.organization.job(call.path["jobId"], JobKind.EXPORT)
    _refuse_unsigned(call, job)
    if len(job.items) == 1:
        item = job.items[0]
        text = exporting.export_file(call.organization, item)
        return _file(text.encode(), "application/x-yaml", exporting.file_name(call.organization, item))
    return _file(exporting.export_zip(call.organization, job), "application/zip", "flows.zip")


def _refuse_unsigned(call: ServedCall, job: SimulatedJob) -> None:
    valid_s = call.simulator.settings.download_valid_s
    signed = hmac.compare_digest(call.text("X-Amz-Signature") or "", job.key)
    if not signed or not job.ends_at or call.now > job.ends_at + timedelta(seconds=valid_s):
        raise ApiError(403, "forbidden", "The download link is not valid or has expired.")


def _file(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})


ENDPOINTS = (
    ServedEndpoint("POST", _URI, register, ("architect:jobExport:create",)),
    ServedEndpoint("GET", f"{_URI}/{{jobId}}", get_job, ("architect:jobExport:view",)),
    ServedEndpoint("GET", f"{_STORAGE}/{{jobId}}", download, open=True),
)
