"""What somebody had saved under a lock that was broken: it is committed before anything is published over it.

The unlock and the commit are two entries of the journal, so that a process which dies between them, or a commit that
fails, leaves behind what the next attempt goes on with.
"""

from __future__ import annotations

from collections.abc import Mapping

from controller.delivery.context import Context
from controller.delivery.work import Work
from controller.delivery.writer import Call, Took, write
from controller.domain.live import LiveFlow
from controller.domain.platform import Export, Priority
from controller.store import WriteOutcome, WriteRecord

UNLOCK, KEEP = "unlock", "keep-draft"


async def keep_what_was_saved(
    context: Context, work: Work, live: LiveFlow | None, *, priority: Priority = Priority.PUBLISH
) -> None:
    """Export and commit the draft of the flow's last broken lock, unless it is kept already.

    Raises what exporting and committing raise; then nothing may be published.
    """
    last = context.store.journal.last_write(context.organization.name, work.key, (UNLOCK, KEEP))
    if last is None or live is None:
        return
    version = await _unkept(context, last, live, priority)
    if version is not None:
        await _keep(context, work, live.id, {"version": version, "holder": last.details["holder"]}, priority)


async def _unkept(context: Context, last: WriteRecord, live: LiveFlow, priority: Priority) -> str | None:
    """The version that holds a draft which was not committed yet."""
    if last.action == KEEP:
        return None if last.outcome is WriteOutcome.DONE else str(last.details["version"])
    if last.outcome is WriteOutcome.FAILED or live.checked_in_version == last.details["checked_in"]:
        return None
    # The lock's holder is long gone, and others may have checked in meanwhile: the draft came right after what was.
    newer = []
    for info in await context.platform.at(priority).versions.of(live.id):
        if info.version == last.details["checked_in"]:
            break
        newer.append(info.version)
    return newer[-1] if newer else None


async def _keep(context: Context, work: Work, flow_id: str, details: Mapping[str, object], priority: Priority) -> None:
    version = str(details["version"])

    async def send() -> Export:
        draft = await context.platform.at(priority).versions.export(flow_id, version)
        if context.keep_draft is not None:
            await context.keep_draft(work.change, draft)
        return draft

    async def unknown() -> Took[Export] | None:
        return None

    draft = await write(context, work, Call(KEEP, send, unknown, details=details, version=version))
    work.drafts.append(draft)
    context.note(work, f"what was saved under the broken lock of {details['holder']} is kept as version {version}")
