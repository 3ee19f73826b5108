"""What a commit asks for: manifests, flow files, the hosts and credentials that they name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controller.domain.desired import Origin
from controller.domain.errors.branches import Invalid, Refused
from controller.domain.wording import counted


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake in a file of the repository."""

    origin: Origin
    message: str
    code: str = "manifest-invalid"
    hint: str | None = None

    def __str__(self) -> str:
        tail = f" ({self.hint})" if self.hint else ""
        return f"{self.origin}: {self.message}{tail}"


class ManifestInvalid(Invalid):
    """The repository's manifests have mistakes; all of them are in `mistakes`, in file order."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        files = len({mistake.origin.file for mistake in mistakes})
        count = f"{counted(len(mistakes), 'mistake')} in {counted(files, 'file')}"
        super().__init__(f"{count}:\n" + "\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)


class FlowFileInvalid(Invalid):
    """A flow file cannot be read: `line` and `column` count from 1."""

    def __init__(self, message: str, *, line: int = 1, column: int = 1, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.line = line
        self.column = column


class CapabilityMissing(Invalid):
    """The manifest asks for something that its dialect cannot do."""


class HostNotAllowed(Refused):
    """Credentials would go to a host that is neither known nor on the operator's list."""


class CredentialNotAllowed(Refused):
    """A manifest names a variable or a file that the operator does not allow for credentials."""
