"""Upload jobs: register one and send the file to its presigned URL; then its flow is published."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from controller.domain.errors.manifest import FlowFileInvalid
from controller.domain.identity import FlowKey
from controller.flows.checks import name_mistake
from controller.flows.flow_file import FlowFile
from controller.simulator.content import empty, read
from controller.simulator.flow import Action, Actor
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.publishing import go_live
from controller.simulator.resolution import problems, resolve
from controller.simulator.settings import LockedUpload
from controller.simulator.state import JobKind, SimulatedJob, SimulatedMessage

UPLOAD = "upload"
"""The effect's name in the agenda."""
_FORCE = "You can use the --forceUnlock command line parameter if you wish to publish flows locked by another entity."
"""An addition to the message; it does not name the holder. Source: Genesys' Terraform provider, issue 316."""
SESSION_ENDED = "Architect Scripting session ended in error ( code: 99 )"


def register(
    organization: SimulatedOrganization, actor: Actor, now: datetime, *, create_stubs: bool = False
) -> SimulatedJob:
    """Register a job that waits for its file."""
    job = SimulatedJob(organization.next_id("job"), JobKind.UPLOAD, actor, now, key=secrets.token_hex(32))
    job.create_stubs = create_stubs
    organization.state.jobs[job.id] = job
    return job


def receive(organization: SimulatedOrganization, job: SimulatedJob, text: str, now: datetime) -> None:
    """Accept the file and start the work. A second file changes nothing."""
    if job.started_at is not None:
        return
    job.text, job.started_at, job.flow_key = text, now, named(text)
    job.ends_at = now + timedelta(seconds=organization.settings.duration_s(organization.settings.upload_s))
    organization.schedule(job.ends_at, UPLOAD, job.id)


def named(text: str) -> FlowKey | None:
    """The flow that a file describes; None if it cannot be read."""
    try:
        return read(text).key
    except FlowFileInvalid:
        return None


def finish_upload(organization: SimulatedOrganization, job_id: str, now: datetime) -> None:
    """End an upload: the flow has a new published version, or the job reports the errors."""
    job = organization.state.jobs[job_id]
    if job.force_failure is not None:
        job.failed, found = True, [job.force_failure] if job.force_failure else []
    elif found := _publish(organization, job, now):
        job.failed = True
        found.append(SESSION_ENDED)
    job.messages.extend(SimulatedMessage(now, text) for text in found)
    job.text = ""


def _publish(organization: SimulatedOrganization, job: SimulatedJob, now: datetime) -> list[str]:
    """The errors; none if the version is live."""
    try:
        flow_file = read(job.text)
    except FlowFileInvalid as error:
        return [f"Unable to read the flow file at line {error.line}, column {error.column}: {error.message}"]
    job.flow_key = flow_file.key
    wrong_name = name_mistake(flow_file.key.type, flow_file.key.name)
    if wrong_name is not None:
        return [wrong_name[0]]
    flow = organization.find(flow_file.key)
    if flow and flow.lock_of_others(job.owner) and organization.settings.locked_upload is LockedUpload.FAIL:
        return [f"the flow ( name: '{flow.name}', type: '{flow.type}' ) is locked by another entity. {_FORCE}"]
    if flow and flow.operation and not flow.operation.complete:
        return [f"another operation is running on the flow named '{flow.name}'."]
    if job.create_stubs:
        _create_stubs(organization, job, now)
    found = [problem.message for problem in problems(organization, flow_file.key, job.text)]
    if not found:
        _commit(organization, job, flow_file, now)
    return found


def _create_stubs(organization: SimulatedOrganization, job: SimulatedJob, now: datetime) -> None:
    """Publish flows without content for missing references, so that the caller can be published."""
    for resolved in resolve(organization, job.text):
        types = resolved.reference.types
        if resolved.flow is None and types and name_mistake(types[0], resolved.reference.name) is None:
            flow = organization.create(FlowKey(types[0], resolved.reference.name), job.owner, now)
            version = organization.add_version(flow, empty(flow.key), job.owner, now)
            go_live(organization, flow, version, job.owner, now)


def _commit(organization: SimulatedOrganization, job: SimulatedJob, flow_file: FlowFile, now: datetime) -> None:
    flow = organization.find(flow_file.key)
    if flow is None:
        flow = organization.create(flow_file.key, job.owner, now)
    flow.description = flow_file.description or ""
    flow.division = flow_file.division or flow.division
    flow.draft = flow.lock = None
    version = organization.add_version(flow, job.text, job.owner, now)
    operation = organization.operation(flow, Action.PUBLISH, job.owner, job.started_at or now)
    operation.version, operation.ended_at = version.id, now
    if not job.leave_unpublished:
        go_live(organization, flow, version, job.owner, now)
    job.flow_id, job.version = flow.id, version.id
