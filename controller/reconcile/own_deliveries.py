"""What our own deliveries made live or are about to, by the journal: none of it is an out-of-band change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.recorded import RecordedState
from controller.planning.inputs import Authored, Unrecorded
from controller.planning.model import ChangeKind, UnderWay
from controller.reconcile import ownership
from controller.reconcile.pass_ import Held, Latest, Located
from controller.store.records import StepRecord


def own_versions(
    at: Located, recorded: RecordedState, latest: Latest, flows: Mapping[FlowKey, LiveFlow]
) -> set[FlowKey]:
    """The flows with a live version of our own delivery that git's record does not have."""
    found = {each.key for each in unrecorded(at, latest, flows)}
    return found | {each.key for each in authored(recorded, latest, flows)}


def unrecorded(at: Located, latest: Latest, live: Mapping[FlowKey, LiveFlow]) -> tuple[Unrecorded, ...]:
    """Live versions from our own deliveries, by the journal, that git does not record yet."""
    # Without the lease another controller may be delivering: the organisation shows that before the journal does.
    others = not isinstance(at, Held) and ownership.at_work(at.services, at.identity.key) is not None
    return tuple(
        Unrecorded(key, published, step.wanted)
        for key, step in sorted(latest.items())
        if (found := live.get(key))
        and (published := found.published_version)
        and is_unrecorded(published, step, at_work=others)
    )


def authored(recorded: RecordedState, latest: Latest, live: Mapping[FlowKey, LiveFlow]) -> tuple[Authored, ...]:
    """Live versions from our own deliveries, by the journal, that are newer than git's record."""
    return tuple(
        Authored(key, published)
        for key, record in sorted(recorded.flows.items())
        if (found := live.get(key))
        and (published := found.published_version)
        and is_authored(published, record.recorded_at, latest.get(key))
    )


def under_way(at: Located) -> tuple[UnderWay, ...]:
    """The changes of unfinished syncs that are not live yet, oldest sync first; running or interrupted."""
    return tuple(
        UnderWay(
            flow=step.flow,
            key=step.key,
            kind=ChangeKind(step.kind),
            state=step.state,
            revision=sync.revision,
            from_version=step.previous_version,
            to_version=step.target_version,
        )
        for sync in at.services.store.journal.unfinished(at.kept_as)
        for step in sync.steps
        if step.state.changes_live and step.kind != ChangeKind.ADOPT
    )


def is_unrecorded(published: str | None, latest: StepRecord | None, *, at_work: bool = False) -> bool:
    """Whether an unrecorded delivery made the version live, so that it is no out-of-band change.

    While another controller is at work, the organisation shows its changes before the journal does.
    """
    if published is None or latest is None or latest.recorded_at is not None:
        return False
    if at_work and latest.state.moving:
        return published != latest.previous_version
    return latest.state.live_unrecorded and latest.live_version == published


def is_authored(published: str | None, recorded_at: datetime | None, latest: StepRecord | None) -> bool:
    """Whether a delivery made the version live and recorded it after git's record: git was reset since.

    `recorded_at` is the time of git's record of the flow. A newer record than that delivery's is trusted; no delivery
    of ours made the live version then.
    """
    if published is None or recorded_at is None or latest is None or latest.recorded_at is None:
        return False
    return latest.live_version == published and latest.recorded_at > recorded_at


def made_by_delivery(published: str | None, latest: StepRecord) -> bool:
    """Whether the flow's last step, of any controller that shares the journal, explains the live version."""
    return latest.state.moving or (published is not None and published == latest.live_version)
