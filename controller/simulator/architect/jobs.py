"""Jobs: uploads and exports with the storage of their presigned URLs, and validations."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import timedelta
from xml.sax.saxutils import escape

from starlette.responses import Response

from controller.domain.identity import FlowKey
from controller.simulator import exporting, uploads
from controller.simulator.architect import views
from controller.simulator.call import ServedCall, ServedEndpoint, answer, records, refuse_unsigned
from controller.simulator.content import read
from controller.simulator.flow import SimulatedFlow
from controller.simulator.lagging import require_shown
from controller.simulator.mishaps import job_mishap, upload_mishap
from controller.simulator.problem import bad_request, not_found, outside
from controller.simulator.resolution import problems
from controller.simulator.state import JobItem, JobKind, SimulatedJob, SimulatedMessage

_UPLOADS = "/api/v2/flows/jobs"
_UPLOAD_STORAGE = "/_storage/uploads"
_EXPORTS = "/api/v2/flows/export/jobs"
_EXPORT_STORAGE = "/_storage/exports"
_FILE_NAME = re.compile(r"[A-Za-z0-9_-]*")
_EXPORT_TYPES = ("Yaml", "Architect")
_VALIDATIONS = "/api/v2/flows/validate/jobs"


def register_upload(call: ServedCall) -> Response:
    """`POST /api/v2/flows/jobs`: the URL for the file, and the required headers."""
    stubs = call.json().get("createStubs")
    if stubs is not None and not isinstance(stubs, bool):
        raise bad_request("[createStubs] must be true or false.")
    job = uploads.register(call.organization, call.actor, call.now, create_stubs=bool(stubs))
    expires = int(call.simulator.settings.upload_valid_s)
    path = f"{_UPLOAD_STORAGE}/{job.id}?X-Amz-Expires={expires}&X-Amz-Signature={job.key}"
    shown = {
        "id": job.id,
        "presignedUrl": call.url(path),
        "headers": _headers(call, job),
        "selfUri": f"{_UPLOADS}/{job.id}",
    }
    return answer(shown)


def _headers(call: ServedCall, job: SimulatedJob) -> dict[str, str]:
    """The signed headers: a request without exactly these is refused."""
    organization_id = call.organization.id
    return {"x-amz-tagging": f"organizationId={organization_id}&userId={job.owner.id}&originatingService=architect"}


def put_file(call: ServedCall) -> Response:
    """`PUT` to the presigned URL: 200 with an empty body, or the storage's XML error."""
    job = call.organization.job(call.path["jobId"], JobKind.UPLOAD)
    if "authorization" in call.request.headers:
        return _storage_error(400, "InvalidArgument", "Only one auth mechanism allowed")
    if not hmac.compare_digest(call.text("X-Amz-Signature") or "", job.key):
        return _storage_error(403, "SignatureDoesNotMatch", "The request signature we calculated does not match")
    if any(call.request.headers.get(name) != value for name, value in _headers(call, job).items()):
        return _storage_error(403, "AccessDenied", "There were headers present in the request which were not signed")
    if call.now > job.registered_at + timedelta(seconds=call.simulator.settings.upload_valid_s):
        return _storage_error(403, "AccessDenied", "Request has expired")
    text = call.raw.decode("utf-8", "replace")
    if job.started_at is None:
        upload_mishap(call, job, uploads.named(text))
        _refuse_outside(call, job, text)
    uploads.receive(call.organization, job, text, call.now)
    return Response(status_code=200)


def _refuse_outside(call: ServedCall, job: SimulatedJob, text: str) -> None:
    """Let the job fail when its owner may not publish in the division of the flow."""
    key, owner = uploads.named(text), call.simulator.clients.get(job.owner.id)
    if key is None or owner is None:
        return
    existing = call.organization.find(key)
    division = existing.division if existing else read(text).division or "Home"
    if not owner.holds_in(division):
        job.force_failure = outside(division)


def _storage_error(status: int, code: str, message: str) -> Response:
    body = (
        f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    )
    return Response(body, status, media_type="application/xml")


def get_upload(call: ServedCall) -> Response:
    """`GET /api/v2/flows/jobs/{jobId}?expand=messages`."""
    job = call.organization.job(call.path["jobId"], JobKind.UPLOAD)
    if job.started_at is not None:
        require_shown(call, job.started_at, "job with specified ID")
    shown = views.job(call, job, uri=_UPLOADS, command="Publish")
    if job.flow_id and job.finished(call.now):
        shown["flow"] = {"id": job.flow_id, "selfUri": f"/api/v2/flows/{job.flow_id}"}
    return answer(shown)


def register_export(call: ServedCall) -> Response:
    """`POST /api/v2/flows/export/jobs`: a flow by id or by name and type; by default the published version."""
    items = [_item(call, one) for one in _details(call)]
    took_s = call.simulator.settings.export_s * len(items)
    job = call.organization.begin_job(JobKind.EXPORT, call.actor, call.now, took_s, items)
    job_mishap(call, job, [call.organization.state.flows[item.flow_id] for item in items])
    return _registered(job, _EXPORTS)


def _details(call: ServedCall) -> list[Mapping[str, object]]:
    """The descriptions of at least one flow in the body. Raises 400."""
    details = records(call.json().get("flows"), "flows")
    if not details:
        raise bad_request("At least one flow must be given.")
    return details


def _item(call: ServedCall, detail: Mapping[str, object]) -> JobItem:
    flow, version = referenced(call, detail.get("flow"))
    file_name, kind = detail.get("fileName") or "", detail.get("exportType") or "Yaml"
    if not isinstance(file_name, str) or not _FILE_NAME.fullmatch(file_name):
        raise bad_request("A [fileName] may hold letters, digits, hyphens and underscores only.")
    if kind not in _EXPORT_TYPES:
        raise bad_request(f"[exportType] is none of {', '.join(_EXPORT_TYPES)}.")
    return JobItem(flow.id, version, file_name, archy=kind == "Yaml")


def _registered(job: SimulatedJob, uri: str) -> Response:
    return answer({"id": job.id, "status": "Registered", "totalFlows": len(job.items), "selfUri": f"{uri}/{job.id}"})


def referenced(call: ServedCall, reference: object) -> tuple[SimulatedFlow, str]:
    """The flow and version of an `ArchitectFlowReference`. Raises 400, 404, 410."""
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


def get_export(call: ServedCall) -> Response:
    """`GET /api/v2/flows/export/jobs/{jobId}`: with a `downloadUrl` once it is done."""
    job = call.organization.job(call.path["jobId"], JobKind.EXPORT)
    shown = views.job(call, job, uri=_EXPORTS, command="Export")
    if job.finished(call.now) and not job.failed:
        expires = int(call.simulator.settings.download_valid_s)
        shown["downloadUrl"] = call.url(f"{_EXPORT_STORAGE}/{job.id}?X-Amz-Expires={expires}&X-Amz-Signature={job.key}")
    return answer(shown)


def download(call: ServedCall) -> Response:
    """One YAML file, or a zip for several flows. No token is needed: the URL is signed."""
    job = call.organization.job(call.path["jobId"], JobKind.EXPORT)
    refuse_unsigned(call, job, "X-Amz-Signature")
    if len(job.items) == 1:
        item = job.items[0]
        text = exporting.export_file(call.organization, item)
        return _file(text.encode(), "application/x-yaml", exporting.file_name(call.organization, item))
    return _file(exporting.export_zip(call.organization, job), "application/zip", "flows.zip")


def _file(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def register_validation(call: ServedCall) -> Response:
    """`POST /api/v2/flows/validate/jobs`: for existing flows only, not for files."""
    found = [referenced(call, detail.get("flow")) for detail in _details(call)]
    items = [JobItem(flow.id, version) for flow, version in found]
    took_s = call.simulator.settings.validate_s * len(found)
    job = call.organization.begin_job(JobKind.VALIDATE, call.actor, call.now, took_s, items)
    for flow, version in found:
        text = call.organization.version(flow, version).text
        for problem in problems(call.organization, flow.key, text):
            job.messages.append(
                SimulatedMessage(job.ends_at or call.now, f"{flow.name} ({version}): {problem.message}")
            )
    job.failed = bool(job.messages)
    job_mishap(call, job, [flow for flow, _ in found])
    return _registered(job, _VALIDATIONS)


def get_validation(call: ServedCall) -> Response:
    """`GET /api/v2/flows/validate/jobs/{jobId}?expand=messages`."""
    job = call.organization.job(call.path["jobId"], JobKind.VALIDATE)
    return answer(views.job(call, job, uri=_VALIDATIONS, command="Validate"))


ENDPOINTS = (
    ServedEndpoint("POST", _UPLOADS, register_upload, ("architect:job:create",)),
    ServedEndpoint("GET", f"{_UPLOADS}/{{jobId}}", get_upload, ("architect:job:view",)),
    ServedEndpoint("PUT", f"{_UPLOAD_STORAGE}/{{jobId}}", put_file, open=True),
    ServedEndpoint("POST", _EXPORTS, register_export, ("architect:jobExport:create",)),
    ServedEndpoint("GET", f"{_EXPORTS}/{{jobId}}", get_export, ("architect:jobExport:view",)),
    ServedEndpoint("GET", f"{_EXPORT_STORAGE}/{{jobId}}", download, open=True),
    ServedEndpoint("POST", _VALIDATIONS, register_validation, ("architect:jobValidate:create",)),
    ServedEndpoint("GET", f"{_VALIDATIONS}/{{jobId}}", get_validation, ("architect:jobValidate:view",)),
)
