"""One command a file. Their modules import nothing heavy at the top, so that `penstock --help` is quick."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from controller.cli.commands.apply import apply
from controller.cli.commands.approve import approve
from controller.cli.commands.demo import demo
from controller.cli.commands.diff import diff
from controller.cli.commands.graph import graph
from controller.cli.commands.import_ import import_
from controller.cli.commands.plan import plan
from controller.cli.commands.preflight import preflight
from controller.cli.commands.promote import promote
from controller.cli.commands.rollback import rollback
from controller.cli.commands.run import run
from controller.cli.commands.schema import schema
from controller.cli.commands.simulator import simulator
from controller.cli.commands.status import status
from controller.cli.commands.trace import trace
from controller.cli.commands.validate import validate

COMMANDS: dict[str, Callable[..., Any] | typer.Typer] = {
    "demo": demo,
    "validate": validate,
    "plan": plan,
    "apply": apply,
    "approve": approve,
    "promote": promote,
    "rollback": rollback,
    "status": status,
    "diff": diff,
    "graph": graph,
    "trace": trace,
    "import": import_,
    "preflight": preflight,
    "run": run,
    "simulator": simulator,
    "schema": schema,
}
"""The commands in the order of `penstock --help`."""
