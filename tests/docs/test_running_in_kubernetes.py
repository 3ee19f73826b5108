"""The documented commands make the Secrets whose files the example mounts; kubectl runs without a cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.docs.test_documented_commands import commands_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "run-in-kubernetes.md"
IMAGE = "registry.example.com/penstock@sha256:" + "0123456789abcdef" * 4
GIVEN = ("prod-id", "prod-secret", "url", "key", "known_hosts", "token", "tokens.yaml", "oidc-client-secret")
"""Files that the operator has."""
WITHOUT_A_CLUSTER = """#!/bin/sh
# What makes something prints it, and what is applied is built.
case " $* " in
  *" create "*) echo "---"; exec {kubectl} "$@" --dry-run=client --output=yaml ;;
  " apply --kustomize "*) echo "---"; exec {kubectl} kustomize "$3" ;;
  *" rollout status "*) exec {kubectl} rollout status --help >/dev/null ;;
esac
exit 1
"""


def test_the_documented_commands_make_what_the_example_mounts(tmp_path: Path) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    for name in GIVEN:
        (tmp_path / name).write_text(name)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/kubectl").write_text(WITHOUT_A_CLUSTER.replace("{kubectl}", kubectl))
    (tmp_path / "bin/kubectl").chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "KUBECONFIG": str(tmp_path / "none"),
        "IMAGE": IMAGE,
    }
    script = "\n".join(["set -e", *commands_of(PAGE)])
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=environment, check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr

    documents = [each for each in yaml.safe_load_all(done.stdout) if each]
    secrets = {each["metadata"]["name"]: set(each["data"]) for each in documents if each["kind"] == "Secret"}
    [deployment] = [each for each in documents if each["kind"] == "Deployment"]
    spec = deployment["spec"]["template"]["spec"]
    [container] = spec["containers"]
    assert container["image"] == IMAGE
    assert secrets.keys() == {each["secret"]["secretName"] for each in spec["volumes"] if "secret" in each}
    places = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    sources = {each["name"]: each["secret"]["secretName"] for each in spec["volumes"] if "secret" in each}
    files = {each["value"].rpartition("/")[::2] for each in container["env"]}
    assert {(sources[places[folder]], name) for folder, name in files} == {
        (secret, name) for secret, names in secrets.items() for name in names if secret != "penstock-credentials"
    }
    [named] = {path for path in places if path.startswith("/run/secrets")}
    assert sources[places[named]] == "penstock-credentials"
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"{{file: {named}/{name}}}" in page for name in secrets["penstock-credentials"])
    assert len((tmp_path / "session-key").read_text().strip()) >= 32
