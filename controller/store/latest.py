"""The latest step of each flow: kept when steps move, because every pass reads it, however long the history is."""

from __future__ import annotations

from functools import cache
from typing import Final

from sqlalchemy import BigInteger, Connection, Executable, bindparam, delete, func, insert, select
from sqlalchemy.dialects import sqlite

from controller.domain.status import StepState
from controller.store.schema import latest_steps, steps, syncs

IDLE: Final = tuple(state.value for state in StepState if state.idle)
_COLUMNS: Final = ("organization", "type", "name", "step_id")
_FLOW: Final = ("organization", "type", "name")
_STEP: Final = bindparam("step", type_=BigInteger)
_OF_STEP: Final = (
    select(syncs.c.organization, steps.c.type, steps.c.name, steps.c.id)
    .select_from(steps.join(syncs))
    .where(steps.c.id == _STEP)
)
_flow = _OF_STEP.subquery()
_LAST_OF_FLOW: Final = (
    select(syncs.c.organization, steps.c.type, steps.c.name, func.max(steps.c.id))
    .select_from(steps.join(syncs).join(_flow, (steps.c.type == _flow.c.type) & (steps.c.name == _flow.c.name)))
    .where(syncs.c.organization == _flow.c.organization, steps.c.state.not_in(IDLE))
    .group_by(syncs.c.organization, steps.c.type, steps.c.name)
)
_FORGET: Final = delete(latest_steps).where(latest_steps.c.step_id == _STEP)
_LOOK_BACK: Final = insert(latest_steps).from_select(_COLUMNS, _LAST_OF_FLOW)


def note_state(connection: Connection, step_id: int, state: StepState) -> None:
    """Keep the table true after a step moved to a state, in the same transaction."""
    if not state.idle:
        connection.execute(_note(connection), {"step": step_id})
    elif connection.execute(_FORGET, {"step": step_id}).rowcount:
        connection.execute(_LOOK_BACK, {"step": step_id})


def _note(connection: Connection) -> Executable:
    return _note_on_server() if connection.dialect.name == "postgresql" else _NOTE


@cache
def _note_on_server() -> Executable:
    from sqlalchemy.dialects import postgresql  # takes long, and most stores are SQLite

    noting = postgresql.insert(latest_steps).from_select(_COLUMNS, _OF_STEP)
    newer = latest_steps.c.step_id < noting.excluded.step_id
    return noting.on_conflict_do_update(index_elements=_FLOW, set_={"step_id": noting.excluded.step_id}, where=newer)


_noting = sqlite.insert(latest_steps).from_select(_COLUMNS, _OF_STEP)
_NOTE: Final = _noting.on_conflict_do_update(
    index_elements=_FLOW,
    set_={"step_id": _noting.excluded.step_id},
    where=latest_steps.c.step_id < _noting.excluded.step_id,
)
