"""What deliveries that are not at their end are about to change, and what is live does not show yet."""

from __future__ import annotations

from collections.abc import Iterable

from controller.planning import ChangeKind, UnderWay
from controller.store import SyncRecord


def about_to_change(unfinished: Iterable[SyncRecord]) -> tuple[UnderWay, ...]:
    """Oldest delivery first, each in its order; be it that it runs at this moment, or that it was interrupted."""
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
        for sync in unfinished
        for step in sync.steps
        if step.state.changes_live and step.kind != ChangeKind.ADOPT
    )
