"""Export jobs of the organisation: each for one version or for several, halved when it fails.

A job fails as a whole when one of its flows cannot be exported, and does not say which. So a failed job is repeated in
halves, until the flow that breaks it is alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.change import ExportFailed
from controller.domain.errors.organization import AuthenticationFailed, BadAnswer, PermissionMissing, RequestRejected
from controller.domain.platform import FailureCause, Priority
from controller.genesys.architect.export_files import files_of, text_of
from controller.genesys.architect.jobs import ENDED, failure_cause, job_words
from controller.genesys.call import ApiCall
from controller.genesys.transport import Transport
from controller.genesys.wire.architect import Registered, WireJob

log = structlog.get_logger()

_A_FLOW = 0.5
"""Before anything is known, each further flow delays the first look by this share of the first flow's wait."""
_UNKNOWN_GROWTH = 0.5
_KNOWN_GROWTH = 0.1
"""Share of the time passed that the next wait takes; the known one doubles with each look that finds nothing."""
_SOONER = 0.97
"""Factor on what is known after a job that was done at its first look: the job may have been done before."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One version of one flow."""

    flow_id: str
    version: str

    def __str__(self) -> str:
        return f"version {self.version} of flow {self.flow_id}"


Tell = Callable[[Wanted, str | PenstockError], None]
"""Receives the YAML of a version, or why there is none."""

_JOBS = "/api/v2/flows/export/jobs"
_ENDS_OF_A_429 = ("exit code to 107", "exit code: 107", "archy failed")
_SECONDS_A_FLOW = 30.0
"""Each flow beyond the first may take this much longer."""
_TRIES_WITHOUT_REASON = 3
"""Number of tries for an export job that fails without a reason, as in Genesys' Terraform provider."""
_STEP_WITHOUT_REASON_S = 2.0
"""The job is repeated after 2 s, then after 4 s."""
_HALVED_AT_A_LIMIT = 12
"""Jobs that may still meet a hidden 429 after the last wait for it: two flows that are not found among 50 need them."""


@dataclass(slots=True)
class _Limits:
    """The hidden 429s that one request for exports met."""

    met: int = 0


class ExportJobs:
    """Runs the export jobs of one organisation."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._settings = transport.settings
        self._pace = ExportPace(transport.settings.poll_s)

    async def share(self, wanted: Sequence[Wanted], tell: Tell) -> None:
        """Export the versions in one job, or in smaller ones where it fails; `tell` is called once for each."""
        await self._share(wanted, tell, _Limits())

    async def alone(self, wanted: Wanted, priority: Priority) -> str:
        """Export one version in its own job. Raises ExportFailed and what the organisation's calls raise."""
        return await self._alone(wanted, priority, _Limits())

    async def _share(self, wanted: Sequence[Wanted], tell: Tell, limits: _Limits) -> None:
        texts: Mapping[Wanted, str] = {}
        try:
            if len(wanted) == 1:
                texts = {wanted[0]: await self._alone(wanted[0], Priority.EXPORT, limits)}
            else:
                texts = await self._together(wanted, limits)
        except PenstockError as error:
            if len(wanted) == 1 or not _may_be_one_flow(error) or self._limited(limits):
                for each in wanted:
                    tell(each, error)
                return
            log.info("export.halved", flows=len(wanted), code=error.code, error=error.message)
        for each, text in texts.items():
            tell(each, text)
        left = [each for each in wanted if each not in texts]
        # What a job's archive lacks is exported once more, in smaller jobs if it lacks everything.
        middle = len(left) if texts else len(left) // 2
        for part in (left[:middle], left[middle:]):
            if part:
                await self._share(part, tell, limits)

    def _limited(self, limits: _Limits) -> bool:
        """Whether so many jobs met a hidden 429 that it does not come from a flow that is not found."""
        return limits.met > self._settings.export_retries + _HALVED_AT_A_LIMIT

    async def _together(self, wanted: Sequence[Wanted], limits: _Limits) -> Mapping[Wanted, str]:
        """The texts of several versions from one job, as far as its archive holds them."""
        while True:
            job = await self._ended(wanted, Priority.EXPORT)
            if job.status == "Success":
                texts = files_of(await self._download(job, Priority.EXPORT), self._settings.export_limit_bytes)
                return {each: texts[name] for name, each in _named(wanted).items() if name in texts}
            words = job_words(job)
            wait_s = self._wait_at_limit(words, limits)
            if wait_s is None:
                raise ExportFailed(f"{len(wanted)} flows could not be exported together: {'; '.join(words[:5])}")
            await self._transport.clock.sleep(wait_s)

    async def _alone(self, wanted: Wanted, priority: Priority, limits: _Limits) -> str:
        """Repeated after the organisation's rate limit, or after a failure without a reason."""
        attempt = 0
        while True:
            attempt += 1
            job = await self._ended((wanted,), priority)
            if job.status == "Success":
                return text_of(await self._download(job, priority), str(wanted))
            words = job_words(job)
            wait_s = self._wait_at_limit(words, limits)
            if wait_s is None and _without_reason(job, words) and attempt < _TRIES_WITHOUT_REASON:
                wait_s = _STEP_WITHOUT_REASON_S * attempt
            if wait_s is None:
                reason = "; ".join(words[:5]) or "the job gave no reason"
                raise ExportFailed(f"{wanted} could not be exported: {reason}")
            log.info("export.repeated", flow_id=wanted.flow_id, version=wanted.version, attempt=attempt)
            await self._transport.clock.sleep(wait_s)

    def _wait_at_limit(self, words: tuple[str, ...], limits: _Limits) -> float | None:
        """Seconds until a job that met a hidden 429 is repeated; None for any other job, and after the last wait."""
        if not _limited_in_disguise(words):
            return None
        limits.met += 1
        return self._settings.export_retry_step_s * limits.met if limits.met <= self._settings.export_retries else None

    async def _ended(self, wanted: Sequence[Wanted], priority: Priority) -> WireJob:
        """Start a job and wait for its end. Raises ExportFailed when it does not end in time.

        It always names versions: by id alone the organisation sometimes does not find a flow.
        """
        flows = [
            {"flow": {"id": each.flow_id, "version": each.version}, "fileName": name}
            for name, each in _named(wanted).items()
        ]
        call = ApiCall("POST", _JOBS, body={"flows": flows}, priority=priority, repeatable=True)
        registered = await self._transport.fetch(call, Registered)
        return await self._watched(registered.id, len(wanted), priority)

    async def _watched(self, job_id: str, flows: int, priority: Priority) -> WireJob:
        call = ApiCall("GET", f"{_JOBS}/{{jobId}}", {"jobId": job_id}, {"expand": "messages"}, priority=priority)
        clock, limit_s = self._transport.clock, self._settings.job_timeout_s + _SECONDS_A_FLOW * (flows - 1)
        began = clock.monotonic()
        # A rollback does not wait for a job that may be done already.
        pace = ExportPace(self._settings.poll_s) if priority is Priority.ROLLBACK else self._pace
        wait_s, looks = pace.first_wait_s(flows), 0
        while True:
            await clock.sleep(min(wait_s, max(began + limit_s - clock.monotonic(), 0.0)))
            job = await self._transport.fetch(call, WireJob)
            passed_s, looks = clock.monotonic() - began, looks + 1
            if job.status in ENDED:
                if job.status == "Success":
                    pace.learn(flows, passed_s, looks)
                return job
            if passed_s >= limit_s:
                raise ExportFailed(f"{call.name}: the job {job_id} is still {job.status} after {limit_s:g} s")
            wait_s = pace.next_wait_s(flows, passed_s, looks)

    async def _download(self, job: WireJob, priority: Priority) -> bytes:
        if not job.download_url:
            raise ExportFailed(f"the export {job.id} ended well, but names no file")
        limit_bytes = self._settings.export_limit_bytes
        call = ApiCall("GET", "(presigned download)", priority=priority, limit_bytes=limit_bytes)
        return await self._transport.get_presigned(job.download_url, call=call)


def _named(wanted: Sequence[Wanted]) -> dict[str, Wanted]:
    """The versions by file name: names of flows can repeat, and can hold characters that file names cannot."""
    return {f"flow{number}": each for number, each in enumerate(wanted)}


def _may_be_one_flow(error: PenstockError) -> bool:
    """Whether one flow of a job may cause this error, so that the others can be exported without it."""
    if isinstance(error, PermissionMissing | AuthenticationFailed):
        return False
    return isinstance(error, ExportFailed | RequestRejected | BadAnswer)


def _without_reason(job: WireJob, words: tuple[str, ...]) -> bool:
    return not _limited_in_disguise(words) and failure_cause(job) is FailureCause.UNKNOWN


def _limited_in_disguise(words: tuple[str, ...]) -> bool:
    """Whether the job failed on a hidden 429 of the organisation: its messages end with a flow that is not found.

    Source: Genesys' Terraform provider, issue 2061 for the first message, its code for the others.
    """
    reason = "\n".join(words).lower()
    return any(end in reason for end in _ENDS_OF_A_429) and "could not find the flow with id" in reason


class ExportPace:
    """Learns how long the jobs of one organisation take, in seconds for each flow, apart for each size of job.

    A size stands for all up to twice of it, because a job takes a while that does not depend on its number of flows.
    """

    def __init__(self, poll_s: float) -> None:
        self._poll_s = poll_s
        self._a_flow_s: dict[int, float] = {}

    def first_wait_s(self, flows: int) -> float:
        """Seconds from the registration of a job to the first look."""
        known = self._a_flow_s.get(flows.bit_length())
        if known is None:
            return self._poll_s * (1 + _A_FLOW * (flows - 1))
        return max(known * flows, self._poll_s)

    def next_wait_s(self, flows: int, passed_s: float, looks: int) -> float:
        """Seconds to the next look, after so many looks at a job that was not done after `passed_s`."""
        known = flows.bit_length() in self._a_flow_s
        share = min(_KNOWN_GROWTH * 2 ** min(looks - 1, 8), _UNKNOWN_GROWTH) if known else _UNKNOWN_GROWTH
        return max(passed_s * share, self._poll_s)

    def learn(self, flows: int, passed_s: float, looks: int) -> None:
        """Note that a job was done when it was looked at for the `looks`-th time."""
        # Not from what is known by now: jobs that run at the same time end on what was known when they began.
        self._a_flow_s[flows.bit_length()] = passed_s / flows * (_SOONER if looks == 1 else 1.0)
