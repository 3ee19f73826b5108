"""The record that Penstock keeps in git, read without Penstock."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

BRANCHES = ("penstock/records", "main")
"""Where it may be: on a branch of its own, or on the one that is followed."""


def recorded_in(remote: Path, organization: str) -> dict[str, str]:
    """Versions by the flow's name, as the lock file in this remote has them; empty where there is none."""
    for branch in BRANCHES:
        name = f"refs/heads/{branch}:artifacts/{organization}/penstock.lock.yaml"
        shown = subprocess.run(["git", "show", name], cwd=remote, check=False, capture_output=True, text=True)
        if shown.returncode == 0:
            return {str(entry["name"]): str(entry["version"]) for entry in yaml.safe_load(shown.stdout)["flows"]}
    return {}


def exported_in(remote: Path, organization: str) -> set[str]:
    """The paths of the artifacts of this organisation, without the lock file."""
    for branch in BRANCHES:
        words = ["git", "ls-tree", "-r", "--name-only", f"refs/heads/{branch}", f"artifacts/{organization}/"]
        listed = subprocess.run(words, cwd=remote, check=False, capture_output=True, text=True)
        if listed.stdout:
            return {path for path in listed.stdout.splitlines() if not path.endswith(".lock.yaml")}
    return set()
