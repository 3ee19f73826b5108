"""Why a step was rolled back or skipped, its error, and whether it is paused: columns instead of words.

Journals of older versions tell all three in the step's state and its reason, which are read here for the last time.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ON_REQUEST = "on request: "
_SUPERSEDED = f"{_ON_REQUEST}git asks for something else than "
_INTERRUPTED = frozenset(
    {
        "the controller stopped before it began",
        "the controller stopped before anything took effect",
        "the controller was told to stop before it began",
    }
)
_GOING_BACK = frozenset({"rolling-back", "rolled-back", "rollback-failed"})
_VERDICTS = frozenset({"flow-rejected", "publish-failed", "gate-failed"})
_CODE = re.compile(r"[a-z]+(-[a-z]+)*")


def upgrade() -> None:
    op.add_column("steps", sa.Column("cause", sa.String(length=32), nullable=True))
    op.add_column("steps", sa.Column("error_code", sa.String(length=64), nullable=True))
    op.add_column("steps", sa.Column("paused", sa.Boolean(), nullable=False, server_default=sa.false()))
    steps = sa.table(
        "steps",
        sa.column("id", sa.BigInteger()),
        sa.column("state", sa.String()),
        sa.column("reason", sa.Text()),
        sa.column("cause", sa.String()),
        sa.column("error_code", sa.String()),
        sa.column("paused", sa.Boolean()),
    )
    connection = op.get_bind()
    told = sa.select(steps.c.id, steps.c.state, steps.c.reason).where(steps.c.reason.is_not(None))
    for step_id, state, reason in connection.execute(told).all():
        values = _values(state, reason)
        if values:
            connection.execute(sa.update(steps).where(steps.c.id == step_id).values(values))


def _values(state: str, reason: str) -> dict[str, object]:
    if state == "baking":
        return {"paused": True}
    if state == "skipped":
        return {"cause": "interrupted"} if reason in _INTERRUPTED else {}
    if state == "failed":
        code = reason.partition(": ")[0]
        return {"error_code": code} if _CODE.fullmatch(code) else {}
    if state not in _GOING_BACK:
        return {}
    if reason.startswith(_ON_REQUEST):
        return {"cause": "superseded" if reason.startswith(_SUPERSEDED) else "on-request"}
    # The reason of a rollback is that of the change that failed, behind that change's name.
    codes = [part for part in reason.split(": ")[:2] if part in _VERDICTS]
    return {"cause": "failure", "error_code": codes[0] if codes else None}
