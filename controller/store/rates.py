"""How often validations fail and deployments succeed in an organisation, over the newest thousand of each."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, Select, and_, case, func, or_, select

from controller.domain.status import StepState
from controller.store.records import ON_REQUEST
from controller.store.schema import audit, steps, syncs

COUNTED: Final = 1000
VALIDATE: Final = "validate"
"""The action of the audit entries that tell how a validation ended."""
_WENT_WELL = (StepState.LIVE, StepState.BAKING, StepState.HEALTHY, StepState.EXPORTED, StepState.RECORDED)
_WENT_WRONG = (StepState.FAILED, StepState.ROLLING_BACK, StepState.ROLLED_BACK, StepState.ROLLBACK_FAILED)
_NOT_DEPLOYED = "adopt"
"""The kind of change that makes nothing live."""


def validation_error_rate(connection: Connection, organization: str) -> float | None:
    """Failed validations divided by validations, from 0 to 1; None before the first one."""
    newest = (
        select((audit.c.status != "success").label("counts"))
        .where(audit.c.organization == organization, audit.c.action == VALIDATE)
        .order_by(audit.c.id.desc())
        .limit(COUNTED)
    )
    return _share(connection, newest)


def deployment_success_rate(connection: Connection, organization: str) -> float | None:
    """Changes that made their version live, and were not taken back, divided by all that ended or are live.

    From 0 to 1; None before the first one. What was taken back because a person or git asked for it is not counted.
    """
    well = steps.c.state.in_([state.value for state in _WENT_WELL])
    wrong = steps.c.state.in_([state.value for state in _WENT_WRONG])
    by_itself = or_(steps.c.reason.is_(None), ~steps.c.reason.startswith(ON_REQUEST))
    newest = (
        select(well.label("counts"))
        .select_from(steps.join(syncs))
        .where(syncs.c.organization == organization, steps.c.kind != _NOT_DEPLOYED)
        .where(or_(well, and_(wrong, by_itself)))
        .order_by(steps.c.id.desc())
        .limit(COUNTED)
    )
    return _share(connection, newest)


def _share(connection: Connection, newest: Select[bool]) -> float | None:
    rows = newest.subquery()
    counted = func.sum(case((rows.c.counts, 1), else_=0))
    number, total = connection.execute(select(counted, func.count()).select_from(rows)).one()
    return None if not total else int(number) / int(total)
