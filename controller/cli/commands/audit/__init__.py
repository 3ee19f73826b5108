"""`penstock audit`: the audit log for an auditor. The store is read and never written."""

from __future__ import annotations

from controller.cli.lazy import LazyGroup, ListedCommand

AUDIT_COMMANDS = {
    "list": ListedCommand("listing", "Show entries, newest first.", attribute="list_entries"),
    "export": ListedCommand("export", "Write all entries, oldest first, as JSON lines or CSV."),
    "verify": ListedCommand(
        "verify", "Prove that no entry was changed, removed or cut off: store, daily files and record commits."
    ),
}


class AuditCommands(LazyGroup):
    """The commands below `penstock audit`."""

    package = __name__
    entries = AUDIT_COMMANDS
