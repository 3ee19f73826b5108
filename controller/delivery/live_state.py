"""The live flow: reading it, waiting until it is as expected, and how long a publish may take to show there.

A 200 and a finished operation prove nothing: only the flow's published version does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from controller.delivery.change_run import ChangeRun
from controller.delivery.journal_entries import EFFECTIVE, NEW_FLOW
from controller.delivery.signals import Parked
from controller.domain.errors.branches import Transient
from controller.domain.errors.change import AmbiguousFlow, NoSuchVersion, PublishFailed, PublishUnexplained
from controller.domain.errors.delivery import PlanStale
from controller.domain.errors.manifest import HostNotAllowed
from controller.domain.errors.organization import NotFound, RateLimited, RequestRejected
from controller.domain.errors.process import StoreFailed
from controller.domain.identity import version_rank
from controller.domain.live import LiveFlow
from controller.domain.platform import Capability
from controller.domain.redaction import SECRETS

Expected = Callable[[LiveFlow | None], bool]

READ_FAULTS = (Transient, RateLimited, RequestRejected, NoSuchVersion, HostNotAllowed, AmbiguousFlow)
"""The errors of a read. After an accepted write none of them says that the write failed: a flow that is not found, or
that the client may not read, can still be on its way."""
LOST_ANSWER_S = 30.0
"""How long the flow is read after an answer was lost, before the write counts as never arrived."""
_READS = 3
"""Number of reads before a version counts as not live, because reads may lag behind a publish."""
_SAME_MOMENT = timedelta(seconds=1)
"""Two answers may give the same moment with different precision."""


@contextmanager
def leave_undetermined(run: ChangeRun) -> Iterator[None]:
    """Raise Parked instead of a read's error: the publish result could not be determined; the next pass reads again.

    The organisation's word on the end of a publish passes through, and so does a failure of the store.
    """
    try:
        yield
    except (PublishUnexplained, StoreFailed):
        raise
    except READ_FAULTS as error:
        run.error = error
        message = SECRETS.text(error.message)
        run.tell("verify.unread", message=message)
        run.audit("verify", "failure", error=message, details={"code": error.code})
        raise Parked from error


# The flow that the plan was made on.


async def as_planned(run: ChangeRun, *, or_version: str | None = None) -> LiveFlow | None:
    """The flow, when it is as the plan expects it (or already at `or_version`). Raises PlanStale otherwise."""
    live = await run.live()
    require_planned(run, live, or_version=or_version)
    run.planned_flow = live
    return live


async def before_write(run: ChangeRun) -> LiveFlow | None:
    """The flow right before a write. Once something was sent, an outage is waited for: it says nothing about that.

    A flow that does not exist yet may be looked up together with others, in a listing that begins after this call.
    """
    if not run.touched:
        absent = run.flow_id is None and await run.sync.watch.lookups.absent(run.key)
        return None if absent else await run.live()
    _, live = await wait_until(run, lambda _: True)
    return live


def require_planned(run: ChangeRun, live: LiveFlow | None, *, or_version: str | None = None) -> None:
    """Raises PlanStale unless the flow is as the plan expects it, or already at `or_version`."""
    version, expected = None if live is None else live.published_version, run.record.previous_version
    if live is None and run.flow_id is not None:
        raise _stale(run, "the flow was deleted")
    if live is not None and run.flow_id is None and run.change.kind in NEW_FLOW and version is not None:
        raise _stale(run, f"the flow was created, and {version} is live")
    if or_version is not None and version == or_version:
        return
    if version != expected:
        raise _stale(run, f"{version or 'nothing'} is live instead of {expected or 'nothing'}")
    if live is not None and _published_again(run, live):
        raise _stale(run, f"{version} was published again")


def _published_again(run: ChangeRun, live: LiveFlow) -> bool:
    """Whether the version was published again, by two dates of the organisation. Without one, there is no comparison.

    The plan's date comes from a listing, which matches the flow only if changes can be queried by date.
    """
    listed = run.change.from_published_at if run.sync.can(Capability.CHANGED_SINCE) else None
    before = listed if run.planned_flow is None else run.planned_flow.published_at
    return before is not None and live.published_at is not None and live.published_at - before > _SAME_MOMENT


def _stale(run: ChangeRun, what: str) -> PlanStale:
    written = "nothing more" if run.touched else "nothing"
    return PlanStale(
        f"{run.label}: {what} since the plan was made; {written} was written to it",
        hint="make a new plan and look at it again",
    )


# Waiting for the flow to show something.


async def wait_until(run: ChangeRun, expected: Expected, *, for_s: float | None = None) -> tuple[bool, LiveFlow | None]:
    """Read until the flow is as expected, or until reads had enough time to catch up.

    Returns whether it is, and the flow as it was read last. Reads that fail do not count, since an outage says nothing
    about the flow; one that lasts is raised in the end.
    """
    clock, settings = run.sync.clock, run.sync.settings
    wait_s = settings.verify_wait_s
    reads_left = _READS if for_s is None else max(int(for_s / wait_s), 1) + 1
    longest_s = settings.rollback_timeout_s if run.going_back else settings.publish_timeout_s
    give_up_at = clock.monotonic() + longest_s
    while True:
        try:
            live = await run.live()
        except StoreFailed:
            raise
        except READ_FAULTS:
            if clock.monotonic() >= give_up_at:
                raise
        else:
            if expected(live):
                return True, live
            reads_left -= 1
            if reads_left <= 0:
                return False, live
        await clock.sleep(wait_s)


def is_version(live: LiveFlow | None, version: str) -> bool:
    return live is not None and live.published_version == version


def is_newer(live: LiveFlow | None, than: str | None) -> bool:
    """Whether a version is published that came after the given one."""
    if live is None or live.published_version is None:
        return False
    return than is None or version_rank(live.published_version) > version_rank(than)


async def require_newer(run: ChangeRun, than: str | None) -> LiveFlow:
    """The flow with a version that came after the given one. Raises as `require_version` does."""
    return await _verified(run, lambda flow: is_newer(flow, than), f"and not a version after {than or 'none'}")


async def require_version(run: ChangeRun, version: str) -> LiveFlow:
    """The flow with exactly this version published.

    Raises PublishFailed when another one is live, NotFound while a flow that is not found may only not be visible yet,
    and PlanStale when it is gone.
    """
    return await _verified(run, lambda flow: is_version(flow, version), f"instead of {version}")


async def _verified(run: ChangeRun, reached: Expected, expected: str) -> LiveFlow:
    for_s = None if run.going_back else LOST_ANSWER_S
    moved, live = await wait_until(run, reached, for_s=for_s)
    if moved and live is not None:
        return live
    if live is None and not run.going_back:
        if outlasted(run):
            require_there(run, live)
        raise NotFound(f"{run.label}: the flow is not found after its publish", status=404)
    found = None if live is None else live.published_version
    raise PublishFailed(
        f"{run.label}: the organisation reported success, but {found or 'nothing'} is live {expected}",
        hint="look at the flow's history in Architect",
    )


def require_there(run: ChangeRun, live: LiveFlow | None) -> None:
    """Raises PlanStale when a flow that existed before is gone, although there was time enough for it to be visible."""
    if live is None and run.record.previous_version is not None:
        raise PlanStale(
            f"{run.label}: the flow was deleted while it was published", hint="make a new plan and look at it again"
        )


# How long a publish may take.


def outlasted(run: ChangeRun) -> bool:
    """Whether more time has passed since the publish was sent than it may take."""
    return _left_s(run, _limit_s(run)) <= 0


def patience_s(run: ChangeRun) -> float:
    """How long to follow a publish: the rest of its limit; in a later process long enough for a few polls."""
    if run.going_back:
        return run.sync.settings.rollback_timeout_s
    limit_s = _limit_s(run)
    return max(_left_s(run, limit_s), min(LOST_ANSWER_S, limit_s))


def _limit_s(run: ChangeRun) -> float:
    """How long a publish may take: as the manifest says, or else the operator's setting."""
    desired, settings = run.desired, run.sync.settings
    stages_s = 0.0
    if desired is not None and run.sync.can(Capability.PERCENTAGE_ROLLOUT):
        stages_s = sum(stage.duration_s for stage in desired.rollout.stages)
    if desired is not None and desired.rollout.timeout_s is not None:
        return desired.rollout.timeout_s + stages_s
    uploaded = any(write.action == "upload" for write in run.record.writes)
    return settings.upload_timeout_s if uploaded else settings.publish_timeout_s + stages_s


def _left_s(run: ChangeRun, limit_s: float) -> float:
    """The rest of the limit since the publish was sent; never more than all of it."""
    sent = [write.intent_at for write in run.record.writes if write.action in EFFECTIVE]
    if not sent:
        return limit_s
    passed_s = (run.sync.clock.now() - max(sent)).total_seconds()
    return min(limit_s - passed_s, limit_s)
