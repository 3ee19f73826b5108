"""`penstock trace`: why an execution went wrong."""

from __future__ import annotations

from controller.cli.lazy import LazyGroup, ListedCommand

TRACE_COMMANDS = {
    "executions": ListedCommand(
        "executions", "Show how executions went: their steps, variables and anomalies, and how many fail."
    ),
    "action": ListedCommand("action", "Trace one action: its slowest and its failed steps (versioned dialect)."),
    "file": ListedCommand("file", "Analyse an execution file that was downloaded before; makes no call.", offline=True),
    "settings": ListedCommand(
        "settings",
        "Show how the organisation records executions; change it only where an option says so (architect dialect).",
    ),
}


class TraceCommands(LazyGroup):
    """The commands below `penstock trace`."""

    package = __name__
    entries = TRACE_COMMANDS
