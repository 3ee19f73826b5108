"""The `penstock` command inside the test's own process: the same entrance, without a second for every start."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

from controller.cli.main import run
from tests.support.shell import Shell


def run_inside(*arguments: str, cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A command to its end, and what it wrote."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd),
        mock.patch.dict(os.environ, env, clear=True),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
    ):
        code = run(list(arguments))
    return subprocess.CompletedProcess(arguments, code, stdout.getvalue(), stderr.getvalue())


class InsideShell(Shell):
    """A shell whose commands run here. One test of each command should run it as a process of its own as well."""

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_inside(*arguments, cwd=self.folder, env=self.environment)

    def run_as_process(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command as programs use it."""
        return super().run(*arguments)
