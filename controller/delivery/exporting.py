"""Exporting live versions, with their digests, so that they can be committed and compared.

Healthy changes are exported behind the publishes, and many together, so that they share export jobs. Nothing depends on
an export but the record, which is committed after the sync. So an export waits until enough others wait with it, and
never longer than a set time.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from controller.delivery.change_run import ChangeRun
from controller.delivery.signals import Parked, Signals
from controller.delivery.sync_run import SyncRun
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.change import ExportFailed
from controller.domain.platform import Export, Priority
from controller.domain.redaction import SECRETS
from controller.flows.export_digest import export_digest

HELD_S: Final = 60.0
"""Most seconds for which an export waits for others: changes may bake for hours."""
FEWEST: Final = 10
"""Exports that are worth a job of their own while publishes are under way."""
_ATTEMPTS = 3
_RETRY_S = 15.0
"""The wait after the first attempt; as much longer after each further one."""


async def export_version(
    sync: SyncRun, flow_id: str, version: str, *, priority: Priority = Priority.EXPORT, attempts: int | None = None
) -> tuple[Export, str]:
    """One version as the organisation exports it, with its canonical digest. Raises ExportFailed."""
    last: PenstockError | None = None
    for attempt in range(attempts or _ATTEMPTS):
        if attempt:
            await sync.clock.sleep(_RETRY_S * attempt)
        try:
            export = await sync.platform.at(priority).versions.export(flow_id, version)
            digest = export_digest(export)
        except PenstockError as error:
            last = error
            continue
        sync.store.facts.remember_export_digest(sync.organization.name, flow_id, version, digest)
        return export, digest
    reason = last.message if last else "no reason given"
    raise ExportFailed(
        reason
        if isinstance(last, ExportFailed)
        else f"version {version} of flow {flow_id} could not be exported: {reason}",
        hint="it is exported again in the next pass",
    ) from last


async def export_live(run: ChangeRun, *, attempts: int | None = None) -> None:
    """Export the change's live version. A failure is reported, not raised: the version is healthy all the same."""
    flow_id, version = run.record.flow_id, run.record.live_version
    if flow_id is None or version is None:
        return
    started = run.sync.clock.monotonic()
    exporting = export_version(run.sync, flow_id, version, attempts=attempts)
    try:
        run.export, run.export_digest = await run.sync.signals.in_time(exporting)
    except Parked:
        run.note("its export is left to the next pass, because the controller was told to stop")
        run.tell("export.left", version=version)
        return
    except ExportFailed as error:
        run.note(error.message)
        run.tell("export.failed", version=version, message=SECRETS.text(error.message))
        run.audit("export", "failure", version=version, error=error.message)
        return
    latency_ms = (run.sync.clock.monotonic() - started) * 1000
    run.audit("export", "success", version=version, latency_ms=latency_ms, details={"digest": run.export_digest})


@dataclass(slots=True, eq=False)
class _Group:
    """Exports that begin together."""

    waiting: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)


class ExportTurns:
    """Lets the exports of a sync begin in groups.

    A group begins when it fills an export job, or when fewer changes are still under way than wait in it: so the last
    groups of a sync become smaller and smaller, and little is left to export after the last publish.
    """

    def __init__(self, signals: Signals, changes: int, most: int) -> None:
        """`changes` is how many changes are under way, `most` how many exports share a job."""
        self._signals = signals
        self._under_way = changes
        self._most = most
        self._group = _Group()

    async def wait(self) -> None:
        """Return when the export may begin; at once when no change is under way, or after a shutdown signal."""
        group = self._group
        group.waiting += 1
        try:
            self._look()
            await self._signals.hold(HELD_S, group.begun)
        finally:
            group.waiting -= 1
        self._begin(group)

    def ended(self) -> None:
        """One change is not under way any more, however it ended."""
        self._under_way -= 1
        self._look()

    def _look(self) -> None:
        enough = min(max(self._under_way, FEWEST), self._most) if self._under_way else 0
        if self._group.waiting >= enough:
            self._begin(self._group)

    def _begin(self, group: _Group) -> None:
        group.begun.set()
        if self._group is group:
            self._group = _Group()
