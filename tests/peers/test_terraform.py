"""Terraform with Genesys' provider (CX as Code) on a simulated organisation, where the provider's binary is there.

`PENSTOCK_TEST_CX_AS_CODE` names it. Without it, Terraform itself reads the files, and their arguments are compared with
what the provider's documentation tells; `test_provider.py` replays the calls.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from benchmarks.peers.cx_as_code import PROGRAMS, VARIABLE
from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.peers.hcl import arguments
from tests.peers.terraform_program import BINARY, Terraform, program

FILES = Path(__file__).parent / "terraform"
EXAMPLE = Path(__file__).parents[2] / "examples" / "beside-terraform"
CONFIGURATIONS = sorted([*FILES.glob("*.tf"), *EXAMPLE.rglob("*.tf")])
DOCUMENTED = yaml.safe_load((Path(__file__).parent / "documented.yaml").read_text(encoding="utf-8"))
_OF_TERRAFORM = {"count", "depends_on", "lifecycle"}
_WITHOUT = f"neither {' nor '.join(PROGRAMS)} is on the PATH"

with_terraform = pytest.mark.skipif(not program(), reason=_WITHOUT)
with_provider = pytest.mark.skipif(
    not program() or not Path(BINARY).is_file(),
    reason=f"{VARIABLE} does not name the binary of terraform-provider-genesyscloud" if program() else _WITHOUT,
)


@pytest.mark.parametrize("file", CONFIGURATIONS, ids=lambda file: f"{file.parent.name}-{file.name}")
def test_every_argument_is_documented_and_no_required_one_is_missing(file: Path) -> None:
    found = arguments(file.read_text(encoding="utf-8"))
    genesys = {
        path: names for path, names in found.items() if "genesyscloud" in path and not path.endswith("lifecycle")
    }

    assert genesys.keys() <= DOCUMENTED.keys()
    for path, names in genesys.items():
        required, optional = set(DOCUMENTED[path]["required"]), set(DOCUMENTED[path]["optional"])
        assert names - required - optional <= _OF_TERRAFORM, path
        assert required <= names, path


def test_the_reader_of_arguments_tells_blocks_from_values() -> None:
    text = """
resource "genesyscloud_flow" "front" {
  file_content_hash = ""

  substitutions = {
    greeting = "Hello"
  }

  timeouts {
    create = "1h"
  }
}
"""
    assert arguments(text) == {
        "resource.genesyscloud_flow": {"file_content_hash", "substitutions", "timeouts"},
        "resource.genesyscloud_flow.timeouts": {"create"},
    }


@pytest.mark.proof
@with_terraform
def test_terraform_reads_each_file_and_would_lay_it_out_the_same() -> None:
    done = subprocess.run(
        [program(), "fmt", "-check", "-diff", *map(str, CONFIGURATIONS)], check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.proof
@with_terraform
def test_terraform_finds_the_provider_in_the_folder_alone(tmp_path: Path) -> None:
    """What it installs is not started for that: any program will do."""
    folder = tmp_path / "work"
    shutil.copytree(FILES, folder)

    printed = Terraform(folder, Path("/bin/true")).run("init", "-input=false")

    assert "Installed mypurecloud/genesyscloud v99.0.0 (unauthenticated)" in printed


@pytest.fixture(scope="module")
def organization() -> Iterator[tuple[Simulator, str]]:
    simulator = Simulator(settings=SimulatorSettings(time_scale=50, rate_limit_per_minute=3_000))
    with running(simulator) as url:
        yield simulator, url


def _versions(simulator: Simulator) -> dict[str, str]:
    flows = simulator.organization.flows()
    return {flow.name: flow.published.id for flow in flows if flow.published}


@pytest.mark.proof
@pytest.mark.timeout(1800)
@with_provider
def test_the_provider_makes_changes_exports_and_removes_flows_and_what_they_need(
    organization: tuple[Simulator, str], tmp_path: Path
) -> None:
    simulator, url = organization
    place = urlsplit(url)
    folder = tmp_path / "work"
    shutil.copytree(FILES, folder, ignore=shutil.ignore_patterns("export.tf"))
    terraform = Terraform(folder, Path(BINARY), host=str(place.hostname), port=str(place.port))
    unchanged, changed = ("plan", "-input=false", "-detailed-exitcode"), {"greeting": "Good evening"}

    terraform.run("init", "-input=false")
    terraform.run("validate")
    terraform.run(*unchanged, expected=2)
    terraform.run("apply", "-input=false", "-auto-approve")
    assert _versions(simulator) == {"Greeting": "1.0", "Front": "1.0"}
    terraform.run(*unchanged)

    terraform.run(*unchanged, expected=2, **changed)
    terraform.run("apply", "-input=false", "-auto-approve", **changed)
    assert _versions(simulator) == {"Greeting": "2.0", "Front": "1.0"}
    terraform.run(*unchanged, **changed)

    shutil.copy(FILES / "export.tf", folder)
    terraform.run("apply", "-input=false", "-auto-approve", **changed)
    assert "genesyscloud_flow" in (folder / "exported-legacy" / "genesyscloud.tf").read_text(encoding="utf-8")
    exported = [file.read_text(encoding="utf-8") for file in (folder / "exported-files").rglob("*.yaml")]
    assert any("name: Front" in text for text in exported)

    terraform.run("destroy", "-input=false", "-auto-approve", **changed)
    assert _versions(simulator) == {}
