"""Texts of flow files for tests that have no repository."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownText:
    """A text that is there already."""

    text: str = ""

    def read(self) -> str:
        return self.text
