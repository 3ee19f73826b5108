"""Organisations to which nothing may be written: what an earlier process left open there is told, and left alone."""

from __future__ import annotations

from controller.domain.desired import Organization, SyncMode
from controller.domain.errors import SyncSuspended
from controller.reconcile.services import Services
from controller.store import SyncRecord


def may_write(organization: Organization) -> bool:
    """Whether a pass may change the organisation; a person's own command may in any case."""
    return not organization.suspended and organization.sync.mode is not SyncMode.OBSERVE


def refuse_unfinished(services: Services, organization: Organization) -> None:
    """Raises SyncSuspended where a delivery was begun and not brought to its end, and names the changes in flight."""
    unfinished = [sync for sync in services.store.journal.unfinished(organization.name) if sync.writes_on]
    if not unfinished:
        return
    why = "the organisation is suspended" if organization.suspended else "sync.mode is observe"
    lift = "take spec.suspend out of its manifest" if organization.suspended else "set sync.mode to auto or manual"
    raise SyncSuspended(
        f"{organization.name}: {why}, and a delivery that was begun is left as it is: "
        + "; ".join(map(_told, unfinished)),
        hint=f"{lift}, and the next pass brings it to its end; or roll single flows back with `penstock rollback`",
    )


def _told(sync: SyncRecord) -> str:
    open_steps = [f"{step.flow} is {step.state.value}" for step in sync.steps if not step.state.final]
    return f"delivery {sync.id} ({', '.join(open_steps) or 'to be recorded'})"
