"""The types of single fields of the configuration file, each with the message of its mistake."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, StrictStr

from controller.domain.desired import SecretSource
from controller.domain.errors.branches import PenstockError
from controller.manifests.fields import mistaken
from controller.manifests.shape import Choice
from controller.repository.names import checked_branch, checked_url

PATTERN = r"^[a-z0-9*?\[\]!-]{1,63}$"
"""A pattern of names of organisations, as a shell matches file names."""


def _by(check: Callable[[str], str], example: str) -> Callable[[str], str]:
    def checked(value: str) -> str:
        try:
            return check(value)
        except PenstockError as error:
            raise mistaken(f"cannot be used: {error.message}", error.hint or f"for example {example}") from error

    return checked


def _absolute(value: str) -> str:
    path = PurePosixPath(value)
    if not path.is_absolute() or ".." in path.parts or not value.isprintable():
        raise mistaken("must be an absolute path", "for example /run/secrets/voice-git")
    return value


def _within(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or not value.isprintable():
        raise mistaken("must be a folder within the repository", "for example manifests")
    return value


def _pattern(value: str) -> str:
    if not re.fullmatch(PATTERN, value):
        raise mistaken("must be the name of an organisation, or a pattern of names", 'for example "voice-*"')
    return value


def _variables(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_*?][A-Za-z0-9_*?]*", value):
        raise mistaken("must be a pattern of names of environment variables", 'for example "GENESYS_VOICE_*"')
    return value


def _variable(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise mistaken("must be the name of an environment variable", "the file must not hold the secret itself")
    return value


AbsolutePath = Annotated[StrictStr, AfterValidator(_absolute), Field(json_schema_extra={"pattern": "^/"})]
RepositoryUrl = Annotated[StrictStr, AfterValidator(_by(checked_url, "https://git.example.com/voice/flows.git"))]
BranchName = Annotated[StrictStr, AfterValidator(_by(checked_branch, "main"))]
FolderWithin = Annotated[StrictStr, AfterValidator(_within)]
VariablePattern = Annotated[StrictStr, AfterValidator(_variables)]
OrganizationPattern = Annotated[StrictStr, AfterValidator(_pattern), Field(json_schema_extra={"pattern": PATTERN})]


class SecretReferenceShape(Choice):
    """Where the operator keeps a secret; never the secret itself."""

    choices: ClassVar[tuple[str, ...]] = ("env", "file")

    env: Annotated[StrictStr, AfterValidator(_variable)] | None = None
    """An environment variable of the controller."""
    file: AbsolutePath | None = None
    """A file on the controller's machine, by absolute path."""

    def source(self) -> SecretSource:
        """The source to read it from."""
        return SecretSource(self.env, None if self.file is None else Path(self.file))
