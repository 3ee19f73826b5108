"""Genesys' own JavaScript SDK, installed once for a machine, and the programs in `javascript/` that use it.

Needs Node and its package registry; skips where either is missing, except in CI, where a Node that is there is used.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.typescript_models import Declarations

PACKAGE = "purecloud-platform-client-v2"
VERSION = "262.0.0"
PROGRAMS = Path(__file__).parent / "javascript"
IN_CI = os.environ.get("CI", "").lower() == "true"


def installed() -> Path:
    """The folder of the SDK. Skips where it cannot be."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node is not installed")
    kept = Path(tempfile.gettempdir()) / f"penstock-tests-{os.getuid()}-{PACKAGE}-{VERSION}"
    if not kept.exists():
        _install(kept)
    return kept / "node_modules" / PACKAGE


def _install(kept: Path) -> None:
    """Into a folder beside it first, so that nobody meets half an installation."""
    fresh = Path(tempfile.mkdtemp(dir=kept.parent))
    options = ["--no-audit", "--no-fund", "--no-save", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
    command = ["npm", "install", "--prefix", str(fresh), *options, f"{PACKAGE}@{VERSION}"]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
        fault = done.stderr if done.returncode else ""
    except subprocess.TimeoutExpired:
        fault = "the registry did not answer in time"
    if not fault:
        with contextlib.suppress(OSError):  # somebody else was first
            fresh.rename(kept)
    shutil.rmtree(fresh, ignore_errors=True)
    if fault and IN_CI:
        pytest.fail(f"{PACKAGE} could not be installed: {fault}")
    if fault:
        pytest.skip(f"{PACKAGE} could not be installed")


def run(program: str, url: str, *arguments: str, home: Path, flags: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a program of `javascript/` prints about the organisation at this URL."""
    done = subprocess.run(
        ["node", *flags, str(PROGRAMS / program), url, str(installed()), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "HOME": str(home)},
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert isinstance(seen, dict)
    return seen


def websocket_flags() -> tuple[str, ...]:
    """What Node must be told to have a WebSocket: nothing from 22 on. Skips where it has none."""
    installed()
    for flags in ((), ("--experimental-websocket",)):
        done = subprocess.run(
            ["node", *flags, "-p", "typeof WebSocket"], check=False, capture_output=True, text=True, timeout=120
        )
        if done.stdout.strip() == "function":
            return flags
    pytest.skip("this Node has no WebSocket of its own")


def declarations() -> Declarations:
    """What the SDK declares about the answers of its methods."""
    return Declarations((installed() / "index.d.ts").read_text(encoding="utf-8"))
