"""The two writes that make an existing version live, each with the way to find out when its answer was lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from controller.delivery.anew import before_it, went_live
from controller.delivery.before_writing import ready_to_make_live
from controller.delivery.context import Context
from controller.delivery.unanswered import came_of
from controller.delivery.work import PREVIOUS_DIGEST, Work
from controller.delivery.writer import Call, Took, urgency, write
from controller.domain.desired import Stage
from controller.domain.platform import Priority, PublishRequest, SwitchRequest, Ticket
from controller.domain.status import StepState

_UNKNOWN_DIGEST = "rollback-bypass-hash"
"""What the organisation takes for the hash of a version of which none is known."""
_AUTOMATED = "automated-rollback"


async def publish_version(
    context: Context,
    work: Work,
    version: str,
    *,
    prefix: str = "",
    stages: Sequence[Stage] = (),
    state: StepState | None = None,
) -> Ticket:
    """Ask for a version to be published, all at once or in stages; with a prefix it is a rollback's, and goes first."""
    request = PublishRequest(
        flow_id=work.flow_id or "",
        version=version,
        dependency_digest=_digest_once(context, work, version) if prefix else work.record.dependency_digest,
        reason=_reason(work, prefix),
        metadata=_metadata(context, work, prefix),
        stages=tuple(stages),
    )
    priority, action = urgency(prefix), f"{prefix}publish"
    details = {
        "version": version,
        "stages": len(stages),
        **({} if prefix else {**_digest_before(work), **work.noted}),
        **await before_it(context, work, version, priority=priority),
    }
    call = Call(
        action,
        lambda: context.platform.at(priority).publishing.publish(request),
        _reached(context, work, version, details, priority),
        details=details,
        sent={"payload": context.platform.publishing.payload(request)},
        version=version,
        state=state,
        ready=ready_to_make_live(context, work, version, action),
    )
    return await write(context, work, call)


def _digest_before(work: Work) -> Mapping[str, str]:
    known = work.change.previous_digest
    return {PREVIOUS_DIGEST: known} if known else {}


def _metadata(context: Context, work: Work, prefix: str) -> Mapping[str, str]:
    """What the organisation notes beside a publish. Source: the documents on publishing (P2) and rollback (P8)."""
    release = None if work.desired is None else work.desired.release_version
    return {
        "releaseVersion": "rollback" if prefix else release or context.sync.revision,
        "deployedBy": (context.asker(work) or _AUTOMATED) if prefix else context.sync.actor,
        "environment": context.organization.environment or context.organization.name,
        "timestamp": context.clock.now().isoformat(),
    }


def _reason(work: Work, prefix: str) -> str:
    return work.change.reason if not prefix else f"rollback: {work.record.reason or 'a change failed'}"


def _digest_once(context: Context, work: Work, version: str) -> str:
    """The dependency digest that a version was delivered with, as the journal or else the record tells."""
    earlier = context.store.journal.delivered(context.organization.name, work.key, version)
    if earlier is not None:
        return earlier.dependency_digest
    if version == work.change.from_version:
        return work.change.previous_digest or _UNKNOWN_DIGEST
    asked_for = version == work.record.target_version
    return (work.record.dependency_digest if asked_for else "") or _UNKNOWN_DIGEST


async def switch_version(
    context: Context,
    work: Work,
    version: str,
    *,
    prefix: str = "",
    state: StepState | None = None,
) -> Ticket:
    """Ask for traffic to go to a version. The request carries what to go back to; with a prefix it goes back."""
    priority, action = urgency(prefix), f"{prefix}switch"
    back_to = None if prefix else work.record.previous_version
    request = SwitchRequest(work.flow_id or "", version, back_to, _reason(work, prefix))
    details = {
        "version": version,
        "rollback_to": back_to,
        **({} if prefix else {**_digest_before(work), **work.noted}),
        **await before_it(context, work, version, priority=priority),
    }
    call = Call(
        action,
        lambda: context.platform.at(priority).publishing.switch(request),
        _reached(context, work, version, details, priority),
        details=details,
        sent={"reason": request.reason},
        version=version,
        state=state,
        ready=ready_to_make_live(context, work, version, action),
    )
    return await write(context, work, call)


def _reached(
    context: Context, work: Work, version: str, intent: Mapping[str, object], priority: Priority
) -> Callable[[], Awaitable[Took[Ticket] | None]]:
    """Reads until the version is live or on its way, or until it would have been."""

    async def look() -> Took[Ticket] | None:
        ticket = await came_of(context, work, version, lambda live: went_live(live, version, intent), priority=priority)
        return None if ticket is None else Took(ticket)

    return look
