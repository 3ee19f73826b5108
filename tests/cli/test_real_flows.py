"""Real flow files from end to end: an organisation that has them, and a repository that names them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from controller.flows.flow_file import parse
from tests.support.shell import Shell, simulator_process

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the folder of real flow files is absent"),
]
CALLERS_AND_CALLEES = [
    ("MyWebMessenger", "MyChatBot"),
    ("MyWebMessenger", "MyEmergencyChatBot"),
    ("MyWebMessenger-Fallback", "MyEmergencyChatBot"),
    ("Proactive callbacks", "Trigger proactive callback workflow"),
    ("Send Message Transcript to Customer by Email", "Resolve Contact"),
    ("DevOpsKnowledgeInbound", "DevOpsKnowledgeChatBot"),
    ("Transfer To Bot", "Transfer To Queue"),
]


def real_shell(folder: Path, url: str) -> Shell:
    """A repository whose manifests name every real flow file."""
    shell = Shell(folder, url)
    for own in (*shell.folder.glob("front*"), *shell.folder.glob("hours*")):
        own.unlink()
    (shell.folder / "flows").mkdir()
    manifests = []
    for file in sorted(CORPUS.glob("*.yaml")):
        shutil.copy(file, shell.folder / "flows" / file.name)
        key = parse(file.read_text(encoding="utf-8")).key
        name = re.sub(r"[^a-z0-9]+", "-", str(key).lower()).strip("-")[:60].strip("-")
        spec = {"source": {"file": f"flows/{file.name}"}}
        manifests.append({"apiVersion": "penstock/v1", "kind": "Flow", "metadata": {"name": name}, "spec": spec})
    (shell.folder / "flows.penstock.yaml").write_text(yaml.safe_dump_all(manifests))
    shell.commit()
    return shell


@pytest.fixture
def loaded(tmp_path: Path) -> Iterator[Shell]:
    with simulator_process("--load", str(CORPUS), "--rate-limit", "3000") as url:
        yield real_shell(tmp_path, url)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Shell]:
    with simulator_process("--rate-limit", "3000") as url:
        yield real_shell(tmp_path, url)


def live_flows(shell: Shell) -> list[dict]:
    return httpx.get(f"{shell.url}/_simulator/flows").json()["flows"]


def published(shell: Shell) -> dict[str, list[str]]:
    """When each flow was published, by name."""
    return {
        flow["name"]: [entry["at"] for entry in flow["history"] if entry["action"] == "publish"]
        for flow in live_flows(shell)
    }


def assert_settled(shell: Shell) -> None:
    """The next plan is empty, and live versions, lock file and exports agree."""
    again = shell.run("plan", "--detailed-exitcode", "--format", "json")
    assert (again.returncode, json.loads(again.stdout)["organizations"][0]["changes"]) == (0, [])
    live = {(flow["type"], flow["name"]): flow["published_version"] for flow in live_flows(shell)}
    lock = yaml.safe_load(shell.git("show", "penstock/records:artifacts/acme/penstock.lock.yaml"))
    assert {(flow["type"], flow["name"]): flow["version"] for flow in lock["flows"]} == live
    exports = shell.git("ls-tree", "-r", "--name-only", "penstock/records", "artifacts/acme").splitlines()
    assert sum(name.endswith("/1.0.yaml") for name in exports) == len(live)


def test_what_an_organisation_has_already_is_adopted(loaded: Shell) -> None:
    planned = loaded.json("plan")["organizations"][0]
    assert planned["summary"]["adopt"] == len(list(CORPUS.glob("*.yaml")))

    assert loaded.run("apply").returncode == 0

    assert_settled(loaded)
    assert {name: len(times) for name, times in published(loaded).items() if len(times) != 1} == {}


def test_an_empty_organisation_gets_them_in_order(empty: Shell) -> None:
    assert empty.run("apply").returncode == 0

    assert_settled(empty)
    times = published(empty)
    for caller, callee in CALLERS_AND_CALLEES:
        assert times[callee][0] < times[caller][0], (callee, caller)
