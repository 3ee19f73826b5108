"""How often validations fail and deployments succeed in an organisation, over about the newest thousand of each."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, Select, and_, case, func, or_, select

from controller.domain.status import Cause, StepState
from controller.store.schema import audit, steps, syncs

COUNTED: Final = 1000
_Count = tuple[int, int]
"""How many count, of how many."""
_VALIDATE: Final = "validate"
"""The action of the audit entries that tell how a validation ended."""
_WENT_WELL = [state.value for state in StepState if state.watched or state.delivered]
_WENT_WRONG = [state.value for state in StepState if state.going_back or state is StepState.FAILED]
_ASKED_FOR = [cause.value for cause in Cause if cause.asked_for]
_NOT_DEPLOYED = "adopt"
"""The kind of change that makes nothing live."""


class Rates:
    """Counts once for each sync what went before it, and each time what belongs to it: entries are many."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[int, _Count]] = {}
        """By organisation, the newest sync and what was counted of those before it."""

    def validation_error(self, connection: Connection, organization: str) -> float | None:
        """Failed validations divided by validations, from 0 to 1; None before the first one."""
        newest = (
            select((audit.c.status != "success").label("counts"))
            .where(audit.c.organization == organization, audit.c.action == _VALIDATE)
            .order_by(audit.c.id.desc())
            .limit(COUNTED)
        )
        return _share(_count(connection, newest))

    def deployment_success(self, connection: Connection, organization: str) -> float | None:
        """Changes that made their version live, and were not taken back, divided by all that ended or are live.

        From 0 to 1; None before the first one. What was taken back because a person or git asked for it is not counted.
        """
        newest = connection.execute(select(func.max(syncs.c.id)).where(syncs.c.organization == organization)).scalar()
        if newest is None:
            return None
        known = self._before.get(organization)
        if known is None or known[0] != newest:
            earlier = select(syncs.c.id).where(syncs.c.organization == organization, syncs.c.id < newest)
            ended = _ended().where(steps.c.sync_id.in_(earlier)).order_by(steps.c.id.desc()).limit(COUNTED)
            known = self._before[organization] = (newest, _count(connection, ended))
        now = _count(connection, _ended().where(steps.c.sync_id == newest))
        return _share((known[1][0] + now[0], known[1][1] + now[1]))


def _ended() -> Select[bool]:
    """Of each change that ended or is live, whether it counts as a success."""
    well = steps.c.state.in_(_WENT_WELL)
    wrong = steps.c.state.in_(_WENT_WRONG)
    by_itself = or_(steps.c.cause.is_(None), steps.c.cause.not_in(_ASKED_FOR))
    return select(well.label("counts")).where(steps.c.kind != _NOT_DEPLOYED, or_(well, and_(wrong, by_itself)))


def _count(connection: Connection, chosen: Select[bool]) -> _Count:
    rows = chosen.subquery()
    counted = func.sum(case((rows.c.counts, 1), else_=0))
    number, total = connection.execute(select(counted, func.count()).select_from(rows)).one()
    return int(number or 0), int(total)


def _share(count: _Count) -> float | None:
    return count[0] / count[1] if count[1] else None
