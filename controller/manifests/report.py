"""Collects the mistakes of a load, so that all are reported at once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import TypeVar

from controller.domain.desired import Origin
from controller.domain.errors.manifest import Mistake

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
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


def repeated(items: Iterable[tuple[K | None, T]]) -> Iterator[tuple[K, T, T]]:
    """Each item whose name an earlier one has, after the name and the first one that has it; items without are left."""
    first: dict[K, T] = {}
    for name, item in items:
        if name is not None and first.setdefault(name, item) is not item:
            yield name, first[name], item
