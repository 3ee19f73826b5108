"""One command a file. Their modules import nothing heavy at the top, so that `penstock --help` is quick."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from controller.cli.commands.schema import schema
from controller.cli.commands.validate import validate

COMMANDS: dict[str, Callable[..., Any]] = {
    "validate": validate,
    "schema": schema,
}
"""The commands in the order of `penstock --help`."""
