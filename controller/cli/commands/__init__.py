"""The commands, each in a module or package of its own. No command imports another.

`COMMANDS` is all that `penstock --help` reads; the module of a command is imported when the command is called.
"""

from __future__ import annotations

from controller.cli.lazy import LazyGroup, ListedCommand

COMMANDS = {
    "demo": ListedCommand("demo", "Show the main job on a simulated organisation and a temporary git remote."),
    "validate": ListedCommand(
        "validate",
        "Check manifests and flow files without calling any organisation; report every mistake at once.",
        offline=True,
    ),
    "plan": ListedCommand("plan", "Show what `apply` would do: the same plan, and nothing is changed."),
    "comment": ListedCommand("comment", "Post the plan in a pull request: one comment, updated, and a commit status."),
    "apply": ListedCommand("apply", "Carry the plan out: publish in order, watch, roll back failures, record in git."),
    "approve": ListedCommand(
        "approve", "Approve the plan with this digest where sync.mode is manual; the next pass applies it."
    ),
    "accept": ListedCommand(
        "accept", "Accept a paused version that no gate could decide about; the next pass resumes it."
    ),
    "rollback": ListedCommand(
        "rollback", "Bring one flow back to a version that it had, and verify it; says what to revert in git."
    ),
    "sync": ListedCommand("sync", "Ask a controller to look at an organisation now and to deliver its plan."),
    "retry": ListedCommand("retry", "Ask a controller to deliver content again that was rolled back."),
    "suspend": ListedCommand("suspend", "Stop new deliveries to an organisation, without a commit."),
    "resume": ListedCommand("suspend", "Let deliveries begin again after `suspend`.", attribute="resume"),
    "status": ListedCommand("status", "Show sync status and health of every managed flow."),
    "history": ListedCommand("history", "Show which version of each flow was live when, by whom and why."),
    "audit": ListedCommand(
        "audit", "Show, export or verify the audit log: list, export, verify.", attribute="AuditCommands"
    ),
    "diff": ListedCommand("diff", "Show what differs between source and live, two versions, or two organisations."),
    "graph": ListedCommand("graph", "Show how flows depend on each other, or the nodes inside one."),
    "trace": ListedCommand(
        "trace",
        "Find out why executions went wrong: executions, action, file; settings shows the recording.",
        attribute="TraceCommands",
        offline=True,
    ),
    "import": ListedCommand("import_", "Write manifests and flow files for published flows that no manifest names."),
    "preflight": ListedCommand(
        "preflight", "Check, before the first sync, that each organisation is reached and grants all permissions."
    ),
    "notify": ListedCommand("notify", "Send a test message to a receiver, and say whether it was taken.", offline=True),
    "run": ListedCommand("run", "Keep organisations at what git asks for, until SIGTERM or Ctrl-C."),
    "token": ListedCommand(
        "token", "Make a token for the service: prints it once, and the entry of the tokens file.", offline=True
    ),
    "store": ListedCommand("store", "Copy the store: to another database, or as a backup.", attribute="StoreCommands"),
    "simulator": ListedCommand("simulator", "Serve a simulated organisation; prints its URL first."),
    "schema": ListedCommand("schema", "Print the JSON Schema of the manifests, or of a document.", offline=True),
}
"""The commands in the order of `penstock --help`."""

FORMER_NAMES = {"promote": ListedCommand("accept", "The former name of `accept`.", attribute="promote", hidden=True)}
"""Names that work for one more release, and say so."""


class Commands(LazyGroup):
    """All commands of `penstock`."""

    package = __name__
    entries = COMMANDS | FORMER_NAMES
