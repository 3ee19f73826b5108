"""An old version's content as a new version, where the organisation does not make the old one live again."""

from __future__ import annotations

from controller.delivery.context import Context
from controller.delivery.exporting import export_version
from controller.delivery.poll import follow
from controller.delivery.reading import current
from controller.delivery.upload import require_success, send_source
from controller.delivery.verify import newer
from controller.delivery.work import Work
from controller.domain.errors import RollbackFailed
from controller.domain.live import LiveFlow
from controller.domain.platform import Capability, Priority


async def made_by_another(context: Context, work: Work, live: LiveFlow, previous: str) -> str:
    """Either an earlier attempt of ours with the old content, or a person's version: that is never overridden."""
    version = live.published_version
    if version is not None and await _same_content(context, work, live.id, version, previous):
        return version
    raise RollbackFailed(
        f"{version or 'nothing'} is live, which somebody published after this sync's {work.record.live_version}; "
        "it was left alone"
    )


async def _same_content(context: Context, work: Work, flow_id: str, version: str, previous: str) -> bool:
    export, digest = await export_version(context, flow_id, version, priority=Priority.ROLLBACK)
    _, wanted = await export_version(context, flow_id, previous, priority=Priority.ROLLBACK)
    if digest == wanted:
        work.export, work.export_digest = export, digest
    return digest == wanted


def can_upload_back(context: Context) -> bool:
    """Whether the organisation gives out what it takes back."""
    return context.platform.uploads is not None and context.can(Capability.YAML_EXPORT)


async def upload_back(context: Context, work: Work, previous: str, *, prefix: str) -> str:
    """A new version with the old content, proven by comparing exports with exports; returns its number.

    Raises RollbackFailed, PublishFailed, PublishTimedOut and ExportFailed.
    """
    flow_id = work.flow_id or ""
    export, wanted = await export_version(context, flow_id, previous, priority=Priority.ROLLBACK)
    before = await current(context, work, priority=Priority.ROLLBACK)
    if export.yaml is None:
        raise RollbackFailed(f"the organisation gives no YAML of {previous}, so it cannot be uploaded")
    ticket = await send_source(context, work, export.yaml, prefix=prefix)
    progress = await follow(
        context, work, ticket, timeout_s=context.settings.rollback_timeout_s, priority=Priority.ROLLBACK
    )
    require_success(context, work, progress)
    than = None if before is None else before.published_version
    live = await newer(context, work, than, priority=Priority.ROLLBACK)
    version = live.published_version or ""
    if not await _same_content(context, work, flow_id, version, previous):
        raise RollbackFailed(
            f"{version} was made from the export of {previous}, but its own export differs from it ({wanted[:19]}...)"
        )
    return version
