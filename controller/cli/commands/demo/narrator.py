"""The demo's output: chapters, commands, and checks."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from controller.domain.errors import Permanent


class DemoFailed(Permanent):
    """A check of the demo failed."""


class Narrator:
    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._chapter = 0

    def chapter(self, title: str) -> None:
        self._chapter += 1
        self._console.print()
        self._console.print(Text(f"{self._chapter}. {title}", style="bold"))

    def command(self, line: str) -> None:
        """Show the command that a person would type."""
        self._console.print(Text(f"$ {line}", style="cyan"))

    def show(self, text: str) -> None:
        for line in text.splitlines():
            self._console.print(Text(f"  {line}".rstrip()))

    def check(self, claim: str, *, holds: bool) -> None:
        """Show a claim that holds. Raises DemoFailed when it does not."""
        if not holds:
            raise DemoFailed(f"chapter {self._chapter}: this does not hold: {claim}")
        self._console.print(Text(f"  ✓ {claim}", style="green"))
