"""Bring the schema up to date when the store is opened; safe when several replicas start at once."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from controller.domain.errors import StoreFailed
from controller.store.engine import shown_url

_SCRIPTS: Final = Path(__file__).parent / "migrations"
HEAD: Final = "0006"
"""The newest migration."""
_ADVISORY_LOCK: Final = 0x70656E73
"""PostgreSQL's advisory lock of the migration: "pens" in ASCII."""


def migrate(connection: Connection) -> None:
    """Run the missing migrations inside the connection's transaction, one process at a time.

    Raises StoreFailed where a version wrote it that is newer than this one.
    """
    if _is_current(connection):
        return
    # Imported here: most openings find nothing to do, and the library takes as long to load as all the rest.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreFailed(
            f"the store {shown_url(connection.engine.url)} has a schema that this version does not know: {error}",
            hint="run the version of penstock that wrote it, or a newer one",
        ) from error


def _is_current(connection: Connection) -> bool:
    if not inspect(connection).has_table("alembic_version"):
        return False
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [HEAD]
