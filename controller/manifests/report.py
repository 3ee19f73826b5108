"""Collects the mistakes of a load, so that all are reported at once."""

from __future__ import annotations

from controller.domain.desired import Origin
from controller.domain.errors import Mistake

MANIFEST_INVALID = "manifest-invalid"


class Report:
    """The mistakes found so far; the same mistake is kept once."""

    def __init__(self) -> None:
        self._mistakes: dict[Mistake, None] = {}

    def add(self, origin: Origin, message: str, *, hint: str | None = None, code: str = MANIFEST_INVALID) -> None:
        self._mistakes[Mistake(origin, message, code, hint)] = None

    def __len__(self) -> int:
        return len(self._mistakes)

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        """All mistakes in file order."""
        return tuple(sorted(self._mistakes, key=lambda mistake: (mistake.origin, mistake.message, mistake.hint or "")))
