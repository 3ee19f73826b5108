"""Genesys' own JavaScript SDK, installed once for a machine, and the programs in `javascript/` that use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.simulator.typescript_models import Declarations
from tests.support import node

PACKAGE = "purecloud-platform-client-v2"
VERSION = "262.0.0"
PROGRAMS = Path(__file__).parent / "javascript"


def installed() -> Path:
    """The folder of the SDK. Skips where it cannot be."""
    return node.installed(f"{PACKAGE}@{VERSION}") / "node_modules" / PACKAGE


def run(program: str, url: str, *arguments: str, home: Path) -> dict[str, Any]:
    """What a program of `javascript/` prints about the organisation at this URL."""
    seen = node.run(PROGRAMS / program, url, str(installed()), *arguments, home=home)
    assert isinstance(seen, dict)
    return seen


def declarations() -> Declarations:
    """What the SDK declares about the answers of its methods."""
    return Declarations((installed() / "index.d.ts").read_text(encoding="utf-8"))
