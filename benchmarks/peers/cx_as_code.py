"""Genesys' provider for Terraform (CX as Code) itself, where it is installed.

`PENSTOCK_TEST_CX_AS_CODE` names the binary `terraform-provider-genesyscloud`, which Terraform or OpenTofu on the PATH
runs. Its pauses cannot be simulated, so this peer runs in real time, and every publish takes the same time. It asks the
simulated organisation through the gateway that the provider can be given. Where Terraform fails, for example because
the organisation does not serve what the provider asks for when it is configured, the reason that it gives is told.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.environment import scratch
from benchmarks.peers.published import PeerRun
from benchmarks.virtual import LIMIT_PER_MINUTE, limited_calls
from benchmarks.workload import Workload
from controller.simulator.serve import running
from controller.simulator.settings import PENSTOCK, SimulatorSettings
from controller.simulator.simulator import Simulator

NAME = "CX as Code itself"
VARIABLE = "PENSTOCK_TEST_CX_AS_CODE"
PROGRAMS = ("terraform", "tofu")
PUBLISH_S = 11.0
SOURCE = "mypurecloud/genesyscloud"
_PATIENCE_S = 900
_FRAME = re.compile(r"[│╷╵]")
_ERROR = re.compile(r"Error: (.+)")


class ProviderMissing(Exception):  # noqa: N818 - a reason, not a fault
    """Why the provider cannot be measured here."""


def run(workload: Workload) -> PeerRun:
    """Create all flows with `apply`, in real time. Raises ProviderMissing with the reason."""
    binary, program = _installed()
    settings = SimulatorSettings(rate_limit_per_minute=LIMIT_PER_MINUTE, upload_s=PUBLISH_S)
    simulator = Simulator(settings=settings)
    with scratch() as folder, running(simulator) as url:
        _write(folder, binary, url, workload)
        began = time.monotonic()
        _apply(program, folder)
        took_s = time.monotonic() - began
    return PeerRun(took_s, limited_calls(simulator.calls))


def _installed() -> tuple[Path, str]:
    """The provider's binary, and the program that runs it."""
    named = os.environ.get(VARIABLE)
    if not named:
        raise ProviderMissing(f"{VARIABLE} does not name its binary")
    if not Path(named).is_file():
        raise ProviderMissing(f"{named} is no file")
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        raise ProviderMissing(f"neither {' nor '.join(PROGRAMS)} is on the PATH")
    return Path(named), found


def _write(folder: Path, binary: Path, url: str, workload: Workload) -> None:
    """Terraform's own settings, the flow files, and a configuration with one resource for each."""
    provider = folder / "provider"
    provider.mkdir()
    (provider / "terraform-provider-genesyscloud").symlink_to(binary.absolute())
    (folder / "terraform.rc").write_text(
        f'provider_installation {{\n  dev_overrides {{ "{SOURCE}" = "{provider}" }}\n  direct {{}}\n}}\n', "utf-8"
    )
    for flow in workload.flows.values():
        (folder / f"{flow.slug}.yaml").write_text(flow.text, encoding="utf-8")
    (folder / "main.tf.json").write_text(json.dumps(configuration(folder, url, workload)), encoding="utf-8")


def configuration(folder: Path, url: str, workload: Workload) -> dict[str, object]:
    """Terraform's configuration as JSON: an author of CX as Code writes the same in its own language."""
    place = urlsplit(url)
    gateway = {"protocol": place.scheme, "host": place.hostname, "port": str(place.port)}
    provider = {"oauthclient_id": PENSTOCK.id, "oauthclient_secret": PENSTOCK.secret, "aws_region": "us-east-1"}
    flows = {
        flow.slug: {
            "filepath": str(folder / f"{flow.slug}.yaml"),
            "depends_on": [f"genesyscloud_flow.{consumed}" for consumed in flow.consumes],
        }
        for flow in workload.flows.values()
    }
    return {
        "terraform": {"required_providers": {"genesyscloud": {"source": SOURCE}}},
        "provider": {"genesyscloud": {**provider, "gateway": [gateway]}},
        "resource": {"genesyscloud_flow": flows},
    }


def _apply(program: str, folder: Path) -> None:
    """`apply` with its default parallelism of 10. An overridden provider needs no `init`."""
    environment = {**os.environ, "TF_CLI_CONFIG_FILE": str(folder / "terraform.rc"), "CHECKPOINT_DISABLE": "1"}
    words = [program, "apply", "-auto-approve", "-no-color", "-input=false"]
    try:
        done = subprocess.run(
            words, cwd=folder, env=environment, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ProviderMissing(f"{Path(program).name} apply did not end within {_PATIENCE_S} s") from error
    if done.returncode:
        told = _ERROR.findall(_FRAME.sub("", done.stdout + done.stderr)) or ["no reason given"]
        raise ProviderMissing(f"{Path(program).name} apply failed: {told[0].strip()}")
