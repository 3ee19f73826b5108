"""`penstock trace`: why an execution went wrong."""

from __future__ import annotations

from controller.cli.lazy import Entry, LazyGroup

TRACE_COMMANDS = {
    "executions": Entry(
        "executions", "Show how executions went: their steps, variables and anomalies, and how many fail."
    ),
    "action": Entry("action", "Trace one action: what it led to, what took longest, what failed (versioned dialect)."),
    "file": Entry("file", "Analyse an execution file that was downloaded before; makes no call."),
    "settings": Entry(
        "settings",
        "Show what the organisation records of executions; change it only where an option says so (architect dialect).",
    ),
}


class TraceCommands(LazyGroup):
    """The commands below `penstock trace`."""

    package = __name__
    entries = TRACE_COMMANDS
