"""`penstock store copy`: a move from SQLite to PostgreSQL or back, and a backup of either."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from controller.cli import exit_codes
from controller.domain.clock import SystemClock
from controller.domain.wording import counted
from controller.reconcile.settings import load_settings
from controller.store.copying import copy_store
from controller.store.database import Database

_Target = Annotated[
    str, typer.Argument(help="SQLAlchemy URL of an empty database, or of a file that does not exist.", metavar="TARGET")
]
_InUse = Annotated[
    bool, typer.Option("--in-use", help="Copy although a controller is at work: a backup of this moment, not a move.")
]


def copy(target: _Target, in_use: _InUse = False) -> int:
    """Copy the store of PENSTOCK_STORE there, ids and audit chain included, and say how much it was.

    Raises StoreNotCopied, StoreFailed and SettingsInvalid.
    """
    settings = load_settings()
    with (
        contextlib.closing(Database.open_to_read(settings.store)) as source,
        contextlib.closing(Database.open(target)) as new,
    ):
        copied = copy_store(source, new, SystemClock(), in_use=in_use)
        entries = f"{counted(copied['syncs'], 'sync')}, {copied['audit']} audit entries"
        print(f"copied {counted(sum(copied.values()), 'row')} to {new.place}: {entries}")
    return exit_codes.DONE
