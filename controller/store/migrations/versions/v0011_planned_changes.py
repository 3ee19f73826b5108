"""The changes of a running delivery that have not begun."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("running_passes", sa.Column("changes", sa.JSON(), nullable=True))
