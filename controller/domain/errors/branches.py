"""The root of the tree and its five branches. The branch decides how the loop continues."""

from __future__ import annotations

import re
from typing import ClassVar, Self

from controller.domain.redaction import SECRETS

# The names follow the states that they lead to, not the -Error convention.
# ruff: noqa: N818


BY_THE_SERVICE = "; the service retries automatically"
"""The end of a hint about actions of a pass. The service never repeats a person's question."""


class PenstockError(Exception):
    """The root of everything that Penstock raises on purpose."""

    code: ClassVar[str] = "error"
    usual_hint: ClassVar[str | None] = None
    """The hint for errors that are raised without one."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = SECRETS.text(message)
        self.hint = self.usual_hint if hint is None else SECRETS.text(hint)
        super().__init__(self.message)

    def __init_subclass__(cls) -> None:
        if PenstockError not in cls.__bases__:  # the branches have no code of their own
            cls.code = re.sub("(?<=[a-z])(?=[A-Z])", "-", cls.__name__).lower()

    def with_hint(self, hint: str | None, *, message: str | None = None) -> Self:
        """The same error with another hint, and if given another message, to raise from this one."""
        shown = self.message if message is None else SECRETS.text(message)
        error = type(self).__new__(type(self), shown)  # a leaf's constructor needs fields that only the leaf knows
        error.__dict__ |= self.__dict__
        error.message, error.hint = shown, None if hint is None else SECRETS.text(hint)
        return error

    @classmethod
    def told(cls, message: str, hint: str | None) -> Self:
        """The error as a controller's API tells it: without the fields that only the leaf's own constructor knows."""
        return cls.__new__(cls, message).with_hint(hint, message=message)

    def only_asked(self) -> Self:
        """The same error without the service's promise in its hint, because no service repeats a person's question."""
        return self.with_hint(self.hint.removesuffix(BY_THE_SERVICE) if self.hint else None)


class Invalid(PenstockError):
    """A person must commit a change; nothing is retried until git changes."""


class Refused(PenstockError):
    """Safety, policy or a stale plan forbids it. The hint says how to allow it."""


class Waiting(PenstockError):
    """Not possible now: try again after `retry_after_s` seconds."""

    def __init__(self, message: str, *, retry_after_s: float, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class Transient(PenstockError):
    """A temporary fault, retried with backoff; the service retries without limit."""


class Permanent(PenstockError):
    """Trying again the same way cannot help."""
