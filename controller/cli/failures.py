"""Reports errors: for people on stderr, for programs as JSON on stdout."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from controller.cli import exit_codes
from controller.domain.documents import json_text
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.process import SettingsInvalid
from controller.domain.visible import visible
from controller.questions.error_document import error_document


def report_failure(error: PenstockError, *, as_json: bool, organization: str | None = None) -> int:
    """Report the error, with the organisation that it is about; returns the exit code for it."""
    if as_json:
        print(json_text(error_document(error, organization)))
    else:
        print(error_text(error, organization), file=sys.stderr)
    return exit_codes.for_error(error)


def stdout_closed() -> int:
    """The exit code where stdout was closed early (`penstock plan | head`); prints nothing."""
    _discard_stdout()
    return exit_codes.CLOSED_STDOUT


def no_room(error: OSError) -> int:
    """Tell on stderr, in every format, that there is no room for the output; returns the exit code for it."""
    _discard_stdout()
    shown = SettingsInvalid(
        f"the output cannot be written: {error.strerror}",
        hint="make room there; finished changes remain, and `penstock status` shows them",
    )
    return report_failure(shown, as_json=False)


def _discard_stdout() -> None:
    # What is left in the buffer would fail again when the process ends, and change its exit code.
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def usage_error(error: typer.TyperException) -> SettingsInvalid:
    """A wrong command line as SettingsInvalid: Typer would end with 2, which means changes here."""
    shown = getattr(error, "format_message", None)
    message = (shown() if shown else str(error)).replace("Value error, ", "").rstrip(".")
    context = getattr(error, "ctx", None)
    return SettingsInvalid(message, hint=f"see {context.command_path if context else 'penstock'} --help")


def error_text(error: PenstockError, organization: str | None = None) -> str:
    """`penstock: organisation: message`, the hint, and the code."""
    where = f"{organization}: " if organization and not error.message.startswith(organization) else ""
    lines = f"penstock: {where}{error.message}".split("\n")
    if error.hint:
        lines.append(f"  what to do: {error.hint}")
    lines.append(f"  [{error.code}]")
    return "\n".join(map(visible, lines))
