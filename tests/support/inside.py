"""The `penstock` command inside the test's own process: the same entrance, without a second for every start."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
from unittest import mock

from controller.cli.main import run
from tests.support.shell import Shell


class InsideShell(Shell):
    """A shell whose commands run here. One test of each command should run it as a process of its own as well."""

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        stdout, stderr = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.folder),
            mock.patch.dict(os.environ, self.environment, clear=True),
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
        ):
            code = run(list(arguments))
        return subprocess.CompletedProcess(arguments, code, stdout.getvalue(), stderr.getvalue())

    def run_as_process(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command as programs use it."""
        return super().run(*arguments)
