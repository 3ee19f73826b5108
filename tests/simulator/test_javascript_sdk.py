"""Genesys' own JavaScript SDK works against the simulator unchanged: nothing is told to it but the address.

Needs Node and its package registry; skipped where either is missing, except in CI, where a Node that is there is used.
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

import httpx
import pytest

from controller.flows import parse
from controller.simulator import Simulator, SimulatorSettings, running
from tests.simulator.sources import MAIN, changed

pytestmark = pytest.mark.proof

PACKAGE = "purecloud-platform-client-v2"
VERSION = "262.0.0"
SCRIPT = Path(__file__).parent / "javascript" / "drive.cjs"
IN_CI = os.environ.get("CI", "").lower() == "true"


def _installed() -> Path:
    """The folder of the SDK, installed once for this machine. Skips where it cannot be."""
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
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=90)
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


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the SDK saw on its one way through the organisation."""
    from tests.simulator import sources

    sdk, folder = _installed(), tmp_path_factory.mktemp("flows")
    for name in ("GREETING", "MAIN", "SUPPORT"):
        (folder / f"{name}.yaml").write_text(getattr(sources, name), encoding="utf-8")
    changed_source = tmp_path_factory.mktemp("changed") / "main.yaml"
    changed_source.write_text(changed(MAIN), encoding="utf-8")
    settings = SimulatorSettings(publish_s=0.1, upload_s=0.1, export_s=0.1, validate_s=0.1)
    simulator = Simulator(settings=settings)
    simulator.load_folder(folder)
    with running(simulator) as url:
        executions = {"flow": "inboundcall/Main IVR", "count": 10, "error_rate": 0.3}
        httpx.post(f"{url}/_simulator/executions", json=executions).raise_for_status()
        done = subprocess.run(
            ["node", str(SCRIPT), url, str(sdk), str(changed_source)],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "HOME": str(folder)},
        )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_the_sdk_gets_a_token_and_its_roles(seen: dict[str, Any]) -> None:
    assert seen["token"] is True
    assert seen["roles"] == 1


def test_the_sdk_pages_flows_and_reads_rate_limit_headers(seen: dict[str, Any]) -> None:
    assert sorted(seen["listing"]["names"]) == ["Greeting", "Main IVR", "Support"]
    headers = seen["listing"]["headers"]
    assert headers["inin-ratelimit-allowed"] == "300"
    assert headers["inin-ratelimit-count"] == "2"
    assert 0 < int(headers["inin-ratelimit-reset"]) <= 60
    assert headers["inin-correlation-id"]


def test_the_sdk_publishes_and_polls_until_it_is_live(seen: dict[str, Any]) -> None:
    published = seen["published"]
    assert published["operation"]["complete"] is False
    assert published["flow"]["currentOperation"]["id"] == published["operation"]["id"]
    assert published["flow"]["currentOperation"]["actionStatus"] == "SUCCESS"
    assert published["flow"]["publishedVersion"]["id"] == "2.0"
    assert published["versions"] == ["2.0", "1.0"]


def test_the_sdk_uploads_a_file_and_exports_what_it_means(seen: dict[str, Any]) -> None:
    assert seen["uploaded"]["sent"] == 200
    assert (seen["uploaded"]["job"]["status"], seen["version"]) == ("Success", "3.0")
    assert parse(seen["exported"]).digest == parse(changed(MAIN)).digest


def test_the_sdk_validates_and_asks_the_dependency_index(seen: dict[str, Any]) -> None:
    assert seen["validated"]["status"] == "Success"
    assert seen["dependencies"] == {
        "consumed": ["Greeting", "Support"],
        "consuming": ["Main IVR"],
        "build": "OPERATIONAL",
    }


def test_the_sdk_queries_executions_and_downloads_one(seen: dict[str, Any]) -> None:
    assert seen["ran"]["count"] == 10
    assert (seen["ran"]["file"]["executionId"], seen["ran"]["file"]["flowVersion"]) == (seen["ran"]["asked"], "1.0")


def test_the_sdk_reads_error_bodies(seen: dict[str, Any]) -> None:
    for name, status, code in (
        ("missing", 404, "architect.flow.not.found"),
        ("refused", 400, "invalid.query.param.value"),
    ):
        error = seen[name]
        assert (error["status"], error["code"]) == (status, code)
        assert error["contextId"] == error["correlation"]
        assert error["message"]
