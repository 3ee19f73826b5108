"""How an error is told: for people on stderr, for programs as JSON on stdout."""

from __future__ import annotations

import json
import sys

from controller.cli import exit_codes
from controller.domain.errors import ManifestInvalid, PenstockError
from controller.domain.redaction import Redactor


def report_failure(error: PenstockError, *, as_json: bool) -> int:
    """Tell the error and return the exit code for it."""
    if as_json:
        print(json.dumps(error_document(error), ensure_ascii=False, indent=2))
    else:
        print(error_text(error), file=sys.stderr)
    return exit_codes.for_error(error)


def error_text(error: PenstockError) -> str:
    """`penstock: message`, the way out, and where to read on."""
    redactor = Redactor()
    lines = [f"penstock: {redactor.text(error.message)}"]
    if error.hint:
        lines.append(f"  what to do: {redactor.text(error.hint)}")
    lines.append(f"  [{error.code}]")
    return "\n".join(lines)


def error_document(error: PenstockError) -> dict[str, object]:
    """The `penstock.error/v1` document."""
    redactor = Redactor()
    document: dict[str, object] = {
        "schema": "penstock.error/v1",
        "code": error.code,
        "message": redactor.text(error.message),
        "hint": redactor.text(error.hint) if error.hint else None,
    }
    if isinstance(error, ManifestInvalid):
        document["mistakes"] = [
            {
                "file": mistake.origin.file,
                "line": mistake.origin.line,
                "column": mistake.origin.column,
                "code": mistake.code,
                "message": redactor.text(mistake.message),
                "hint": mistake.hint,
            }
            for mistake in error.mistakes
        ]
    return document
