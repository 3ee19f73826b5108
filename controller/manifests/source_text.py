"""The text of a flow file, read again whenever it is needed: the texts of thousands of flows take too much memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from controller.domain.errors import RepositoryFailed
from controller.domain.files import FileUnreadable, Reread, as_utf8
from controller.flows.substitution import FlowTemplate

_OF_CONTENT = "sha256:"


@dataclass(frozen=True, slots=True)
class FileText:
    """The text of one content with one set of values. Two are equal when content and values are."""

    name: str
    """Path relative to the repository."""
    identity: str
    """What tells the content from any other: git's id of it, or `sha256:<hex>`."""
    reread: Reread = field(compare=False, repr=False)
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    """May hold secrets."""

    def written(self) -> str:
        """The text as it is in the file. Raises RepositoryFailed when the content cannot be read or is another one."""
        try:
            content = self.reread()
        except FileUnreadable as error:
            message = f"{self.name} cannot be read again: {error}"
            raise RepositoryFailed(message, hint="run the command again") from error
        if self.identity.startswith(_OF_CONTENT) and identity_of(content) != self.identity:
            raise RepositoryFailed(
                f"{self.name} was changed on the disk after it was read", hint="run the command again, or commit first"
            )
        return as_utf8(content).decode("utf-8")

    def read(self) -> str:
        """The text with its values; it may hold secrets. Raises as `written` does."""
        return FlowTemplate(self.written()).render(self.values).text


def identity_of(content: bytes) -> str:
    """What tells this content from any other."""
    return f"{_OF_CONTENT}{sha256(content).hexdigest()}"
