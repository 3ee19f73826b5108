"""The two rates that an audit entry has: failed validations, and changes that went well."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    case,
    func,
    not_,
    or_,
    select,
    true,
)

from controller.domain.status import StepCause, StepState
from controller.store.columns import one_of
from controller.store.schema import audit, steps, syncs

COUNTED: Final = 1000
_Count = tuple[int, int]
"""How many count, of how many."""
_VALIDATE: Final = "validate"
"""The action of the audit entries that tell how a validation ended."""
_PASSED: Final = "success"
_WENT_WELL = [state.value for state in StepState if state.watched or state.delivered]
_WENT_WRONG = [state.value for state in StepState if state.going_back or state is StepState.FAILED]
_ASKED_FOR = [cause.value for cause in StepCause if cause.asked_for]
_NOT_DEPLOYED = "adopt"
"""The kind of change that makes nothing live."""


class Rates:
    """Counts once for each sync what went before it, and each time what belongs to it: entries are many."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[int, _Count]] = {}
        """By organisation, the newest sync and the count of those before it."""

    def with_entry(
        self, connection: Connection, organization: str, action: str, status: str
    ) -> tuple[float | None, float | None]:
        """The validation error rate and the deployment success rate, each from 0 to 1; None before anything counts.

        They are those after an entry with this action and status, which is not there yet. The first is failed
        validations divided by validations. The second is changes that made their version live, and were not rolled
        back, divided by all that ended or are live; rollbacks that a person or git asked for are not counted.
        """
        own = action == _VALIDATE
        row = connection.execute(_RATES, {"organization": organization, "most": COUNTED - own}).one()
        failed, validated = row.failed + (own and status != _PASSED), row.validated + own
        before = (0, 0) if row.newest is None else self._counted_before(connection, organization, row.newest)
        return _share((failed, validated)), _share((before[0] + row.good, before[1] + row.ended))

    def _counted_before(self, connection: Connection, organization: str, newest: int) -> _Count:
        known = self._before.get(organization)
        if known is None or known[0] != newest:
            found = connection.execute(_CHANGES_BEFORE, {"organization": organization, "newest": newest}).one()
            known = self._before[organization] = (newest, (int(found[0]), int(found[1])))
        return known[1]


def _ended() -> Select[bool]:
    """Of each change that ended or is live, whether it counts as a success."""
    well = one_of(steps.c.state, _WENT_WELL)
    wrong = one_of(steps.c.state, _WENT_WRONG)
    by_itself = or_(steps.c.cause.is_(None), not_(one_of(steps.c.cause, _ASKED_FOR)))
    return select(well.label("counts")).where(steps.c.kind != _NOT_DEPLOYED, or_(well, and_(wrong, by_itself)))


def _counting(chosen: Select[bool]) -> Select[int, int]:
    rows = chosen.subquery()
    number = func.coalesce(func.sum(case((rows.c.counts, 1), else_=0)), 0)
    return select(number.label("number"), func.count().label("total")).select_from(rows)


# Built once: to put such a statement together takes longer than to run it, and every audit entry counts.
_ORGANIZATION: Final = bindparam("organization", type_=String)
_NEWEST: Final = bindparam("newest", type_=BigInteger)
_NEWEST_SYNC: Final = select(func.max(syncs.c.id).label("id")).where(syncs.c.organization == _ORGANIZATION)
_VALIDATIONS: Final = _counting(
    select((audit.c.status != _PASSED).label("counts"))
    .where(audit.c.organization == _ORGANIZATION, audit.c.action == _VALIDATE)
    .order_by(audit.c.id.desc())
    .limit(bindparam("most", type_=Integer))
)
_CHANGES_BEFORE: Final = _counting(
    _ended()
    .where(steps.c.sync_id.in_(select(syncs.c.id).where(syncs.c.organization == _ORGANIZATION, syncs.c.id < _NEWEST)))
    .order_by(steps.c.id.desc())
    .limit(COUNTED)
)
_validations = _VALIDATIONS.subquery()
_newest = _NEWEST_SYNC.subquery()
_changes = _counting(_ended().where(steps.c.sync_id == _NEWEST_SYNC.scalar_subquery())).subquery()
_RATES: Final = select(
    _validations.c.number.label("failed"),
    _validations.c.total.label("validated"),
    _newest.c.id.label("newest"),
    _changes.c.number.label("good"),
    _changes.c.total.label("ended"),
).select_from(_validations.join(_newest, true()).join(_changes, true()))
"""One row: three statements would take three times as long."""


def _share(count: _Count) -> float | None:
    return count[0] / count[1] if count[1] else None
