"""A real browser: what a page is after its script ran under its own policy."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ON_CI = os.environ.get("CI") == "true"
needs_browser = pytest.mark.skipif(not CHROMIUM and not ON_CI, reason="there is no chromium here")
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]


def dump(page: Path, profile: Path, *, fragment: str = "") -> tuple[str, str]:
    """The document after loading, and what the console said."""
    done = run(page, profile, "--dump-dom", "--enable-logging=stderr", fragment=fragment)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, "\n".join(console)


def run(page: Path, profile: Path, *options: str, fragment: str = "") -> subprocess.CompletedProcess[str]:
    assert CHROMIUM, "CI is expected to have chromium"
    address = page.as_uri() + fragment
    command = [CHROMIUM, *OPTIONS, f"--user-data-dir={profile}", *options, address]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
