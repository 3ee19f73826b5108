"""Programs of the system that tests use where they are installed."""

from __future__ import annotations

import os
import shutil

import pytest


def needed_program(name: str, package: str) -> str:
    """Its path; without it the test is skipped, except in CI, where Debian's `package` must be installed."""
    found = shutil.which(name)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not installed")
        pytest.skip(f"{name} is not installed (Debian's package {package})")
    return found
