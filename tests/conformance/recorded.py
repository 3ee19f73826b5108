"""The record that Penstock keeps in git, read without Penstock."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from tests.support.world import RECORDS


def recorded_in(remote: Path, organization: str) -> dict[str, str]:
    """Versions by the flow's name, as the lock file in this remote has them; empty where there is none."""
    lock_file = yaml.safe_load(_git(remote, "show", f"{RECORDS}:artifacts/{organization}/penstock.lock.yaml"))
    return {str(entry["name"]): str(entry["version"]) for entry in lock_file["flows"]} if lock_file else {}


def exported_in(remote: Path, organization: str) -> set[str]:
    """The paths of the artifacts of this organisation, without the lock file."""
    listed = _git(remote, "ls-tree", "-r", "--name-only", RECORDS, f"artifacts/{organization}/")
    return {path for path in listed.splitlines() if not path.endswith(".lock.yaml")}


def _git(remote: Path, *words: str) -> str:
    """What git prints; empty where it fails."""
    return subprocess.run(["git", *words], cwd=remote, check=False, capture_output=True, text=True).stdout
