"""`penstock store`: what an operator does with the store as a whole."""

from __future__ import annotations

from controller.cli.lazy import LazyGroup, ListedCommand

STORE_COMMANDS = {
    "copy": ListedCommand(
        "copying", "Copy the store to an empty database or a new file, also of the other kind.", attribute="copy"
    ),
}


class StoreCommands(LazyGroup):
    """The commands below `penstock store`."""

    package = __name__
    entries = STORE_COMMANDS
