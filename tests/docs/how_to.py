"""Commands of a how-to page, section by section, with the page's places replaced by those of a test."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.docs.test_documented_commands import OF_A_SHELL, commands_of_text
from tests.support.penstock_in_path import penstock_in_path
from tests.support.shell import Shell

FOLDER = Path(__file__).parents[2] / "docs" / "how-to"


class Page:
    """A page of docs/how-to."""

    def __init__(self, name: str, places: Mapping[str, str] | None = None) -> None:
        """`places` maps patterns of the page's commands to what takes their place, as in `re.sub`."""
        text = (FOLDER / name).read_text(encoding="utf-8")
        self._places = places or {}
        self._sections = dict(re.findall(r"^##+ ([^\n]+)\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL))

    def commands(self, *headings: str) -> list[str]:
        """The commands below these headings, in order."""
        found = [each for heading in headings for each in commands_of_text(self._sections[heading])]
        for pattern, place in self._places.items():
            found = [re.sub(pattern, place, each) for each in found]
        return found

    def headings(self) -> set[str]:
        """Those of the sections that have commands."""
        return {heading for heading in self._sections if self.commands(heading)}

    def run(self, shell: Shell, *headings: str) -> dict[str, subprocess.CompletedProcess[str]]:
        """Run them one by one in the shell's repository; the results by command, whatever their exit codes."""
        return {command: run(shell, command) for command in self.commands(*headings)}


def run(shell: Shell, command: str) -> subprocess.CompletedProcess[str]:
    """One command line, as bash runs it, with `penstock` in the path; without bash where that is the same."""
    if command.startswith("penstock ") and not OF_A_SHELL.search(command):
        return shell.run(*shlex.split(command)[1:])
    with penstock_in_path(shell.environment["PATH"]) as path:
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=shell.folder,
            env={**shell.environment, "PATH": path},
            check=False,
            text=True,
            capture_output=True,
            timeout=300,
        )


def succeeded(results: Mapping[str, subprocess.CompletedProcess[str]]) -> None:
    """Fails with what the first one wrote that did not end with 0."""
    for command, done in results.items():
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
