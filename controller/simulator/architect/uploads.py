"""Upload jobs (`/api/v2/flows/jobs`), and the storage that presigned URLs lead to."""

from __future__ import annotations

import hmac
from datetime import timedelta
from xml.sax.saxutils import escape

from starlette.responses import Response

from controller.simulator import uploads
from controller.simulator.architect import views
from controller.simulator.call import ServedCall, answer
from controller.simulator.endpoint import ServedEndpoint
from controller.simulator.job import JobKind, SimulatedJob
from controller.simulator.lagging import require_shown
from controller.simulator.mishaps import upload_mishap
from controller.simulator.problem import bad_request

_URI = "/api/v2/flows/jobs"
_STORAGE = "/_storage/uploads"


def register(call: ServedCall) -> Response:
    """`POST /api/v2/flows/jobs`: where to PUT the file, and with which headers."""
    stubs = call.json().get("createStubs")
    if stubs is not None and not isinstance(stubs, bool):
        raise bad_request("[createStubs] must be true or false.")
    job = uploads.register(call.organization, call.actor, call.now, create_stubs=bool(stubs))
    path = f"{_STORAGE}/{job.id}?X-Amz-Expires={int(call.simulator.settings.upload_valid_s)}&X-Amz-Signature={job.key}"
    shown = {
        "id": job.id,
        "presignedUrl": call.url(path),
        "headers": _headers(call, job),
        "selfUri": f"{_URI}/{job.id}",
    }
    return answer(shown)


def _headers(call: ServedCall, job: SimulatedJob) -> dict[str, str]:
    """What the signature covers: a request without exactly these is refused."""
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
    uploads.receive(call.organization, job, text, call.now)
    return Response(status_code=200)


def _storage_error(status: int, code: str, message: str) -> Response:
    body = (
        f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    )
    return Response(body, status, media_type="application/xml")


def get_job(call: ServedCall) -> Response:
    """`GET /api/v2/flows/jobs/{jobId}?expand=messages`."""
    job = call.organization.job(call.path["jobId"], JobKind.UPLOAD)
    if job.started_at is not None:
        require_shown(call, job.started_at, "job with specified ID")
    shown = views.job(call, job, uri=_URI, command="Publish")
    if job.flow_id and job.finished(call.now):
        shown["flow"] = {"id": job.flow_id, "selfUri": f"/api/v2/flows/{job.flow_id}"}
    return answer(shown)


ENDPOINTS = (
    ServedEndpoint("POST", _URI, register, ("architect:job:create",)),
    ServedEndpoint("GET", f"{_URI}/{{jobId}}", get_job, ("architect:job:view",)),
    ServedEndpoint("PUT", f"{_STORAGE}/{{jobId}}", put_file, open=True),
)
