"""An error as a document: `penstock.error/v1`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from controller.domain.documents import filled, optional
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.manifest import ManifestInvalid, Mistake
from controller.domain.redaction import SECRETS


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
