"""Exports versions: Archy YAML through export jobs, and the JSON configuration of each version."""

from __future__ import annotations

import asyncio
import io
import re
import zipfile
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from controller.domain.clock import Clock
from controller.domain.errors import ExportFailed, NotFound, PenstockError
from controller.domain.excerpt import first_words
from controller.domain.platform import Export, FailureCause, Priority
from controller.genesys.architect.flows import FLOW
from controller.genesys.architect.jobs import failure_cause, finished_job, job_words
from controller.genesys.call import ApiCall
from controller.genesys.settings import TransportSettings
from controller.genesys.transport import Transport
from controller.genesys.wire.architect import Registered, WireJob

log = structlog.get_logger()

LARGEST = 10
"""Flows in one job. A slow export takes about 15 s for each flow, and one bad flow fails the whole job."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One version of one flow."""

    flow_id: str
    version: str


Together = Callable[[Sequence[Wanted]], Coroutine[Any, Any, Mapping[Wanted, str]]]


@dataclass(slots=True)
class _Batch:
    wanted: list[Wanted] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    texts: Mapping[Wanted, str] = field(default_factory=dict)


class ExportBatches:
    """The first export waits a little, then starts one job for all that came meanwhile, and shares its result."""

    def __init__(self, clock: Clock, gather_s: float, job: Together) -> None:
        self._clock = clock
        self._gather_s = gather_s
        self._job = job
        self._gathering: _Batch | None = None

    async def export(self, wanted: Wanted) -> str | None:
        """The version's YAML; None when it needs a job of its own: no other export came, or the shared job failed."""
        if not self._gather_s:
            return None
        batch = self._gathering
        if batch is None:
            batch = self._gathering = _Batch([wanted])
            try:
                await self._lead(batch)
            finally:
                self._close(batch)
                batch.ended.set()
        else:
            batch.wanted.append(wanted)
            if len(batch.wanted) >= LARGEST:
                self._close(batch)
            await batch.ended.wait()
        return batch.texts.get(wanted)

    async def _lead(self, batch: _Batch) -> None:
        await self._clock.sleep(self._gather_s)
        self._close(batch)
        if len(batch.wanted) == 1:
            return
        try:
            batch.texts = await self._job(tuple(dict.fromkeys(batch.wanted)))
        except PenstockError as error:
            log.info("export.not-together", flows=len(batch.wanted), code=error.code, error=error.message)

    def _close(self, batch: _Batch) -> None:
        """Later exports begin a new batch."""
        if self._gathering is batch:
            self._gathering = None


def files_of(archive: bytes, limit_bytes: int) -> dict[str, str]:
    """The texts of an archive by file name without extension. Raises ExportFailed for anything but an archive of YAML.

    `limit_bytes` applies to each unpacked file.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            return {
                entry.filename.rpartition(".")[0]: _unpacked(opened, entry, limit_bytes) for entry in opened.infolist()
            }
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError, RuntimeError, EOFError) as error:
        raise ExportFailed(f"the archive of an export is unreadable ({type(error).__name__})") from error


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit_bytes: int) -> str:
    with archive.open(entry) as file:
        content = file.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise ExportFailed(f"a file in the archive of an export is larger than {limit_bytes} bytes")
    return content.decode("utf-8-sig")


_JOBS = "/api/v2/flows/export/jobs"
_ZIP = b"PK\x03\x04"
_FLOW_FILE = re.compile(r"(?:[ \t]*(?:#.*|---.*|%.*)?\r?\n)*[A-Za-z]\w*:[ \t]*(?:#.*)?\r?\n")
"""A flow file begins with its type alone on a line. The page of a proxy is valid YAML too, but begins otherwise."""
_ENDS_OF_A_429 = ("exit code to 107", "exit code: 107", "archy failed")
_SECONDS_A_FLOW = 30.0
"""Each flow beyond the first may take this much longer."""
_TRIES_WITHOUT_REASON = 3
"""Number of tries for an export job that fails without a reason, as in Genesys' Terraform provider."""
_STEP_WITHOUT_REASON_S = 2.0
"""The job is repeated after 2 s, then after 4 s."""


class Exports:
    """Exports versions of one organisation's flows; concurrent requests share a job."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._batches = ExportBatches(transport.clock, transport.settings.export_gather_s, self._together)

    async def export(self, flow_id: str, version: str, priority: Priority) -> Export:
        """Both forms of one version. Raises ExportFailed, NotFound, PermissionMissing."""
        wanted = Wanted(flow_id, version)
        yaml = None if priority is Priority.ROLLBACK else await self._batches.export(wanted)
        if yaml is None:
            yaml = await _alone(self._transport, wanted, priority)
        if not _FLOW_FILE.match(yaml):
            words = first_words(yaml.encode())
            raise ExportFailed(f"{_shown(wanted)}: the export is no flow file: {words}")
        try:
            definition: Mapping[str, object] | None = await configuration(self._transport, flow_id, version, priority)
        except NotFound:
            definition = None
        return Export(flow_id, version, yaml=yaml, definition=definition)

    async def _together(self, wanted: Sequence[Wanted]) -> Mapping[Wanted, str]:
        """Export several versions in one job, once. Callers export those that its archive lacks alone."""
        transport = self._transport
        job = await _export_job(transport, wanted, Priority.EXPORT)
        words = job_words(job)
        if job.status != "Success":
            raise ExportFailed(f"{len(wanted)} flows could not be exported together: {'; '.join(words[:5])}")
        texts = files_of(await _download(transport, job, Priority.EXPORT), transport.settings.export_limit_bytes)
        return {each: texts[name] for name, each in _named(wanted).items() if name in texts}


async def configuration(transport: Transport, flow_id: str, version: str, priority: Priority) -> Mapping[str, object]:
    """The version's JSON. A version never changes. Raises NotFound."""
    path, most = {"flowId": flow_id, "versionId": version}, transport.settings.export_limit_bytes
    route = f"{FLOW}/versions/{{versionId}}/configuration"
    return await transport.fetch_object(ApiCall("GET", route, path, priority=priority, limit_bytes=most))


async def _alone(transport: Transport, wanted: Wanted, priority: Priority) -> str:
    """Export one version in its own job, repeated after the organisation's rate limit or a failure without a reason."""
    attempt = 0
    while True:
        attempt += 1
        job = await _export_job(transport, (wanted,), priority)
        if job.status == "Success":
            return _text(await _download(transport, job, priority), wanted)
        words = job_words(job)
        wait_s = _wait_before_next(transport.settings, job, words, attempt)
        if wait_s is None:
            reason = "; ".join(words[:5]) or "the job gave no reason"
            raise ExportFailed(f"{_shown(wanted)} could not be exported: {reason}")
        log.info("export.repeated", flow_id=wanted.flow_id, version=wanted.version, attempt=attempt)
        await transport.clock.sleep(wait_s)


def _wait_before_next(settings: TransportSettings, job: WireJob, words: tuple[str, ...], attempt: int) -> float | None:
    """Seconds until a failed job is repeated; None if a repetition is useless."""
    if _limited_in_disguise(words):
        return settings.export_retry_step_s * attempt if attempt <= settings.export_retries else None
    if failure_cause(job) is FailureCause.UNKNOWN and attempt < _TRIES_WITHOUT_REASON:
        return _STEP_WITHOUT_REASON_S * attempt
    return None


async def _export_job(transport: Transport, wanted: Sequence[Wanted], priority: Priority) -> WireJob:
    """Start an export job. It always names versions: by id alone the organisation sometimes does not find a flow."""
    flows = [
        {"flow": {"id": each.flow_id, "version": each.version}, "fileName": name}
        for name, each in _named(wanted).items()
    ]
    call = ApiCall("POST", _JOBS, body={"flows": flows}, priority=priority, repeatable=True)
    registered = await transport.fetch(call, Registered)
    more_s = _SECONDS_A_FLOW * (len(wanted) - 1)
    return await finished_job(transport, _JOBS, registered.id, priority, more_s=more_s)


def _named(wanted: Sequence[Wanted]) -> dict[str, Wanted]:
    """The versions by file name: names of flows can repeat, and can hold characters that file names cannot."""
    return {f"flow{number}": each for number, each in enumerate(wanted)}


async def _download(transport: Transport, job: WireJob, priority: Priority) -> bytes:
    if not job.download_url:
        raise ExportFailed(f"the export {job.id} ended well, but names no file")
    limit_bytes = transport.settings.export_limit_bytes
    call = ApiCall("GET", "(presigned download)", priority=priority, limit_bytes=limit_bytes)
    return await transport.get_presigned(job.download_url, call=call)


def _text(content: bytes, wanted: Wanted) -> str:
    if content.startswith(_ZIP):
        raise ExportFailed(f"{_shown(wanted)}: the organisation sent an archive for one flow")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ExportFailed(f"{_shown(wanted)}: the exported file is not UTF-8") from error


def _shown(wanted: Wanted) -> str:
    return f"version {wanted.version} of flow {wanted.flow_id}"


def _limited_in_disguise(words: tuple[str, ...]) -> bool:
    """Whether the job failed on a hidden 429 of the organisation: its messages end with a flow that is not found.

    Source: Genesys' Terraform provider, issue 2061 for the first message, its code for the others.
    """
    reason = "\n".join(words).lower()
    return any(end in reason for end in _ENDS_OF_A_429) and "could not find the flow with id" in reason
