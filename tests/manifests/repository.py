"""Repositories for tests: from a case file, or from a mapping of paths to texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from controller.domain.errors.manifest import ManifestInvalid
from controller.manifests.loading import Desired
from controller.manifests.loading import load as load_files
from controller.repository.disk import DiskFiles

CREDENTIALS = "  credentials: {clientId: {env: ID}, clientSecret: {env: SECRET}}\n"
FLOW_FILES = {
    "flows/ivr.yaml": "inboundCall:\n  name: Main IVR\n  startUpRef: /inboundCall/tasks/task[Main_1]\n"
    "  tasks: [{task: {name: Main, refId: Main_1}}]\n",
    "flows/workflow.yaml": "workflow:\n  name: Nightly\n",
}
"""Flow files that every repository of a test has."""

EVERYTHING = """\
  api: architect
  sync: {mode: observe, heal: true, prune: true, onFailure: halt, concurrency: 7}
  windows:
    - {kind: allow, schedule: "0 8 * * 1-5", duration: 1h30m, timezone: Europe/Dublin}
    - {kind: deny, schedule: "*/5 0 1 * *", duration: 90s}
  safety: {maxUpdatePercent: 12.5%, maxDeletePercent: 7, minimumExisting: 0, maxActiveVersions: 2}
  onLocked: unlock
  cycles: group
  artifacts: {path: out/records, branch: penstock/records}
  suspend: true
  environment: live
"""
"""The spec of an organisation that sets every field."""
FLOW = """\
  type: workflow
  name: Nightly
  dependsOn: [main-ivr]
  rollout: {bake: 10h}
  gates:
    - errorRate: {window: 15m, minimumSamples: 50, max: 2%, onNoData: fail, baseline: previous}
    - errorRate: {window: 1s, minimumSamples: 1, max: 0.5}
    - http: {url: "https://probe.example.com/ivr?x=1", status: 204, jsonPath: $.a, equals: {b: [1]}, timeout: 3s}
    - http: {url: "http://probe.example.com"}
    - execution: {inputs: {a: 1, b: null, c: [x]}, timeout: 1m}
    - execution: {}
  rollback: manual
  suspend: true
  renamedFrom: Daily
  releaseVersion: 2.4.1
"""
"""The spec of a flow that sets every field."""


def organization(spec: str = "", *, name: str = "production", endpoint: str = "region: mypurecloud.ie") -> str:
    """An `Organization` document; `spec` is indented by two."""
    head = f"apiVersion: penstock/v1\nkind: Organization\nmetadata: {{name: {name}}}\nspec:\n"
    return f"{head}  {endpoint}\n{CREDENTIALS}{spec}"


def flow(name: str = "main-ivr", spec: str = "", *, source: str = "{file: flows/ivr.yaml}") -> str:
    """A `Flow` document; `spec` is indented by two."""
    return f"apiVersion: penstock/v1\nkind: Flow\nmetadata: {{name: {name}}}\nspec:\n  source: {source}\n{spec}"


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write a repository, with the flow files that every one has, and return its root."""
    for path, content in {**FLOW_FILES, **files}.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def read_case(path: Path) -> dict[str, str]:
    """The files of a case, `expected` among them."""
    parts = path.read_text(encoding="utf-8").split("==> ")[1:]
    return dict(part.split("\n", 1) for part in parts)


def load(root: Path, folder: str = "", **options: Any) -> Desired:
    """What the repository on the disk asks for."""
    return load_files(DiskFiles(root), folder=folder, **options)


def mistakes(root: Path) -> list[str]:
    """What loading the repository tells, one line for each mistake; nothing when it loads."""
    try:
        load(root)
    except ManifestInvalid as error:
        return [str(mistake) for mistake in error.mistakes]
    return []
