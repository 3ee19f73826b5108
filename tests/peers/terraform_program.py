"""Terraform or OpenTofu with Genesys' provider out of a folder, and nothing from a registry."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.peers.cx_as_code import PROGRAMS, SOURCE, VARIABLE

BINARY = os.environ.get(VARIABLE, "")
"""Read when tests are collected: while they run, no variable of Penstock's is left."""
VERSION = "99.0.0"
"""The mirror wants a version, and a binary that was built by hand tells none."""
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_PATIENCE_S = 900


def program() -> str:
    """Where Terraform or OpenTofu is; empty where neither is on the path."""
    return next(filter(None, map(shutil.which, PROGRAMS)), "")


class Terraform:
    """One working folder."""

    def __init__(self, folder: Path, binary: Path, **variables: str) -> None:
        self.folder = folder
        settings = folder.parent / "terraform.rc"
        mirror = folder.parent / "mirror"
        _fill(mirror, binary)
        included = f'include = ["registry.terraform.io/{SOURCE}", "registry.opentofu.org/{SOURCE}"]'
        settings.write_text(
            f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n    {included}\n  }}\n}}\n',
            "utf-8",
        )
        self._environment = {
            **os.environ,
            "TF_CLI_CONFIG_FILE": str(settings),
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
            **{f"TF_VAR_{name}": value for name, value in variables.items()},
        }

    def run(self, *words: str, expected: int = 0, **variables: str) -> str:
        """What it prints. Fails where it ends with another code."""
        environment = {**self._environment, **{f"TF_VAR_{name}": value for name, value in variables.items()}}
        done = subprocess.run(
            [program(), *words, "-no-color"],
            cwd=self.folder,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
        )
        assert done.returncode == expected, done.stdout + done.stderr
        return done.stdout

    def state(self) -> dict[str, Any]:
        """The state of the working folder."""
        found: dict[str, Any] = json.loads((self.folder / "terraform.tfstate").read_text(encoding="utf-8"))
        return found


def _fill(mirror: Path, binary: Path) -> None:
    """Both registries' names: each program asks for its own."""
    target = f"linux_{_MACHINES.get(platform.machine(), platform.machine())}"
    name = f"terraform-provider-{SOURCE.rpartition('/')[2]}_v{VERSION}"
    for registry in ("registry.terraform.io", "registry.opentofu.org"):
        folder = mirror / registry / SOURCE / VERSION / target
        folder.mkdir(parents=True)
        (folder / name).symlink_to(binary.absolute())
