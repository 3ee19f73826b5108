"""Reports errors: for people on stderr, for programs as JSON on stdout."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import typer

from controller.cli import exit_codes
from controller.domain.documents import filled, json_text, optional
from controller.domain.errors import ManifestInvalid, Mistake, PenstockError, SettingsInvalid
from controller.domain.redaction import SECRETS
from controller.domain.visible import visible


@dataclass(frozen=True, slots=True, kw_only=True)
class MistakeDocument:
    """A mistake."""

    file: str
    """Relative to the top of the repository."""
    line: int
    """From 1."""
    column: int
    """From 1."""
    code: str
    """`manifest-invalid`, `flow-file-invalid`, `capability-missing` or `host-not-allowed`."""
    message: str
    """The mistake."""
    hint: str | None
    """The expected value, or a suggestion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDocument:
    """Any command with `--format json` that fails prints this instead of its own document."""

    schema: Literal["penstock.error/v1"] = "penstock.error/v1"
    code: str
    """A heading of `errors.md`."""
    message: str
    """The mistake and its place."""
    hint: str | None
    """What to do."""
    organization: str | None
    """Which organisation it is about."""
    mistakes: Sequence[MistakeDocument] | None = optional()
    """Only with `manifest-invalid`: as in `penstock.validate/v1`."""


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


def error_document(error: PenstockError, organization: str | None = None) -> ErrorDocument:
    """The document; with an organisation where the error is about one."""
    mistakes = mistakes_documents(error.mistakes) if isinstance(error, ManifestInvalid) else None
    return filled(ErrorDocument, error, organization=organization, mistakes=mistakes)


def mistakes_documents(mistakes: Iterable[Mistake]) -> list[MistakeDocument]:
    """Mistakes as `penstock.validate/v1` lists them."""
    return [
        filled(
            MistakeDocument,
            mistake.origin,
            mistake,
            message=SECRETS.text(mistake.message),
            hint=SECRETS.text(mistake.hint) if mistake.hint else None,
        )
        for mistake in mistakes
    ]
