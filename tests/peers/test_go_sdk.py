"""Genesys' own Go SDK, which its provider for Terraform is built on, works against the simulator unchanged.

`PENSTOCK_TEST_GO_SDK=1` runs it: the module is large, and where the Go proxy does not have it nothing can be said.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.peers.organization import served

PROGRAM = Path(__file__).parent / "go"
WANTED = os.environ.get("PENSTOCK_TEST_GO_SDK") == "1"
"""Read when tests are collected: while they run, no variable of Penstock's is left."""
_PATIENCE_S = 900

pytestmark = pytest.mark.proof


@pytest.mark.skipif(not shutil.which("gofmt"), reason="Go is not installed")
def test_the_program_is_go() -> None:
    done = subprocess.run(["gofmt", "-l", str(PROGRAM)], check=False, capture_output=True, text=True)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.timeout(1800)
@pytest.mark.skipif(not WANTED, reason="PENSTOCK_TEST_GO_SDK is not 1")
@pytest.mark.skipif(not shutil.which("go"), reason="Go is not installed")
def test_the_sdk_lists_locks_reads_and_removes_flows(tmp_path: Path) -> None:
    folder = tmp_path / "go"
    shutil.copytree(PROGRAM, folder)
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "HOME": str(tmp_path)}
    got = subprocess.run(
        ["go", "mod", "download"], cwd=folder, env=environment, check=False, capture_output=True, text=True
    )
    if got.returncode:
        pytest.skip(f"the module cannot be had: {got.stderr.strip().splitlines()[-1]}")
    flows = tmp_path / "flows"
    flows.mkdir()
    with served(flows) as organization:
        done = subprocess.run(
            ["go", "run", ".", organization.url],
            cwd=folder,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
        )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "organization": organization.simulator.settings.organization,
        "products": 1,
        "flows": ["Greeting", "Main IVR", "Nightly", "Spare", "Support"],
        "lockedBy": "Penstock",
        "published": "1.0",
        "removed": 410,
    }
