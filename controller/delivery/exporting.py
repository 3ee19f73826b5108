"""Exporting what is live, and its digest, so that it can be committed and compared."""

from __future__ import annotations

from controller.delivery.context import Context
from controller.delivery.signals import Parked
from controller.delivery.work import Work
from controller.domain.errors import ExportFailed, FlowFileInvalid, PenstockError
from controller.domain.platform import Export, Priority
from controller.domain.redaction import SECRETS
from controller.flows.canonical import digest
from controller.flows.loading import load_yaml


async def export_version(
    context: Context, flow_id: str, version: str, *, priority: Priority = Priority.EXPORT, attempts: int | None = None
) -> tuple[Export, str]:
    """One version as the organisation gives it out, with its canonical digest. Raises ExportFailed."""
    settings = context.settings
    last: PenstockError | None = None
    for attempt in range(attempts or settings.export_attempts):
        if attempt:
            await context.clock.sleep(settings.export_retry_s * attempt)
        try:
            export = await context.platform.at(priority).versions.export(flow_id, version)
            digest = export_digest(export)
        except PenstockError as error:
            last = error
            continue
        context.store.facts.remember_export_digest(context.organization.name, flow_id, version, digest)
        return export, digest
    told = last.message if last else "no reason given"
    raise ExportFailed(
        told
        if isinstance(last, ExportFailed)
        else f"version {version} of flow {flow_id} could not be exported: {told}",
        hint="it is exported again in the next pass",
    ) from last


def export_digest(export: Export) -> str:
    """Canonical digest of an export. Raises ExportFailed when there is nothing readable in it."""
    if export.yaml is not None:
        try:
            return digest(load_yaml(export.yaml))
        except FlowFileInvalid as error:
            raise ExportFailed(
                f"the export of version {export.version} of flow {export.flow_id} is no readable YAML: {error.message}"
            ) from error
    if export.definition is None:
        raise ExportFailed(f"the export of version {export.version} of flow {export.flow_id} is empty")
    return digest(export.definition)


async def export_live(context: Context, work: Work, *, attempts: int | None = None) -> None:
    """Export what the change made live. A failure is told, not raised: what is live is healthy all the same."""
    flow_id, version = work.record.flow_id, work.record.live_version
    if flow_id is None or version is None:
        return
    started = context.clock.monotonic()
    exporting = export_version(context, flow_id, version, attempts=attempts)
    try:
        work.export, work.export_digest = await context.signals.in_time(exporting)
    except Parked:
        context.note(work, "its export is left to the next pass, because the controller was told to stop")
        context.tell("export.left", work, version=version)
        return
    except ExportFailed as error:
        context.note(work, error.message)
        context.tell("export.failed", work, version=version, message=SECRETS.text(error.message))
        context.audit(work, "export", "failure", version=version, error=error.message)
        return
    latency_ms = (context.clock.monotonic() - started) * 1000
    context.audit(
        work, "export", "success", version=version, latency_ms=latency_ms, details={"digest": work.export_digest}
    )
