"""Whether a publish of ours took effect, after a crash or a lost answer: by the flow, its dates and the publish itself.

Where the version was live before too, the moment of its publish tells, as long as both moments are the organisation's
own: our clock may be hours off.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from controller.delivery.change_run import ChangeRun
from controller.delivery.live_state import LOST_ANSWER_S, READ_FAULTS, Expected, is_version, outlasted, wait_until
from controller.domain.errors.organization import NotFound
from controller.domain.errors.process import StoreFailed
from controller.domain.live import LiveFlow
from controller.domain.platform import Capability, Priority, ProgressState, Ticket, TicketKind

_LIVE, _BEFORE, _FIRST = "live_before", "published_before", "first_publish"


async def publish_marker(run: ChangeRun, version: str) -> Mapping[str, str]:
    """For the intent of a write: whether the version is live already, and when it was published last."""
    if version not in (run.record.previous_version, run.record.live_version):
        return {}
    live = await run.live()
    if live is None or not is_version(live, version):
        return {}
    if live.published_at is not None:
        return {_LIVE: version, _BEFORE: live.published_at.isoformat()}
    first = run.sync.can(Capability.ATOMIC_SWITCH) and await _last_publish(run, version) is None
    return {_LIVE: version} | ({_FIRST: version} if first else {})


async def was_first_publish(run: ChangeRun, version: str, intent: Mapping[str, object]) -> bool:
    """Whether a publish of the version succeeded that the organisation did not know before this intent.

    It proves a publish without an answer where neither a number nor a date does. Source: the organisation keeps the
    last publish of each version (P5).
    """
    return _FIRST in intent and await _last_publish(run, version) is ProgressState.SUCCEEDED


async def _last_publish(run: ChangeRun, version: str) -> ProgressState | None:
    """The state of the version's last publish; None where the organisation knows of none."""
    ticket = Ticket(TicketKind.PUBLISH, "", run.flow_id, version)
    try:
        return (await run.platform.publishing.progress(ticket)).state
    except NotFound:
        return None


def proves(intent: Mapping[str, object]) -> bool:
    """Whether the live version proves the write of this intent: it was not live before, or its date shows it."""
    return _LIVE not in intent or _BEFORE in intent


def was_published_after(live: LiveFlow | None, version: str, intent: Mapping[str, object]) -> bool:
    """Whether the version is live, and not only since before this intent."""
    if live is None or not is_version(live, version):
        return False
    before = intent.get(_BEFORE)
    if not isinstance(before, str):
        return True
    return live.published_at is not None and live.published_at != datetime.fromisoformat(before)


async def find_publish_in_flight(run: ChangeRun, version: str, expected: Expected) -> Ticket | None:
    """After a crash or a lost answer: the running publish, or a finished ticket once the flow is as expected.

    None when nothing came of the publish. A publish can outlast this search, and a staged one takes hours: it is
    followed then, since asking again would publish twice. Raises the errors of reading the organisation.
    """
    try:
        running = await run.platform.publishing.running(run.flow_id or "", version)
    except StoreFailed:
        raise
    except READ_FAULTS:
        running = None  # the wait below outlasts an outage
    if running is not None:
        return running
    reached, live = await wait_until(run, expected, for_s=LOST_ANSWER_S)
    if reached and live is not None:
        return Ticket(TicketKind.DONE, "", live.id, version)
    return await run.platform.publishing.running(run.flow_id or "", version)


async def rollout_in_flight(run: ChangeRun) -> bool:
    """Whether the change's version is still on its way to all traffic, even where another one is live now.

    A publish that is not found may only not be visible yet, until its time is over.
    """
    ticket = run.record.ticket
    if ticket is None or ticket.kind is not TicketKind.PUBLISH or ticket.version == run.record.previous_version:
        return False
    try:
        progress = await run.sync.platform.at(Priority.ROLLBACK).publishing.progress(ticket)
    except NotFound:
        return not outlasted(run)
    return not progress.finished


async def publish_vanished(run: ChangeRun) -> bool:
    """Whether a publish left no trace within its time, and the flow is unchanged."""
    ticket = run.record.ticket
    if ticket is None or ticket.kind is not TicketKind.PUBLISH or not outlasted(run):
        return False
    try:
        await run.sync.platform.publishing.progress(ticket)
    except NotFound:
        live = await run.live()
        return live is not None and live.published_version == run.record.previous_version
    return False
