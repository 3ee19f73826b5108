"""Exports that are asked for at about the same time share one job: every job costs several calls."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from controller.domain.clock import Clock
from controller.domain.errors import ExportFailed, PenstockError

log = structlog.get_logger()

LARGEST = 10
"""Flows to a job: an export takes about 15 s a flow where it is slow, and one bad flow fails the whole job."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One version of one flow."""

    flow_id: str
    version: str


Job = Callable[[Sequence[Wanted]], Coroutine[Any, Any, Mapping[Wanted, str]]]


@dataclass(slots=True)
class _Batch:
    wanted: list[Wanted] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    texts: Mapping[Wanted, str] = field(default_factory=dict)


class ExportBatches:
    """Whoever asks first waits a little, starts the job for all who came meanwhile, and shares what came of it."""

    def __init__(self, clock: Clock, gather_s: float, job: Job) -> None:
        self._clock = clock
        self._gather_s = gather_s
        self._job = job
        self._gathering: _Batch | None = None

    async def export(self, wanted: Wanted) -> str | None:
        """The version's YAML, or None when it has to be asked for alone: nobody else came, or the job failed."""
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
        """Whoever asks from now on begins a new one."""
        if self._gathering is batch:
            self._gathering = None


def files_of(archive: bytes, limit_bytes: int) -> dict[str, str]:
    """File names without their ending, and their texts. Raises ExportFailed for what is no archive of YAML files.

    `limit_bytes` holds for each file, unpacked.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            return {entry.filename.rpartition(".")[0]: _text(opened, entry, limit_bytes) for entry in opened.infolist()}
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError, RuntimeError, EOFError) as error:
        raise ExportFailed(f"the archive of an export is unreadable ({type(error).__name__})") from error


def _text(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit_bytes: int) -> str:
    with archive.open(entry) as file:
        content = file.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise ExportFailed(f"a file in the archive of an export is larger than {limit_bytes} bytes")
    return content.decode("utf-8-sig")
