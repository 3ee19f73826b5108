"""What compose starts, as processes here: the flows are delivered, and Prometheus sees it. Grafana is not run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.deploy.test_prometheus import Prometheus
from tests.support.commands import Command
from tests.support.compose import SERVICES, Machine
from tests.support.patience import PATIENCE_S
from tests.support.postgres import needed_server, new_database
from tests.support.programs import needed_program
from tests.support.service import eventually
from tests.support.shell import free_port

pytestmark = pytest.mark.proof


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not below /dev, where the temporary folders of tests may be: no manifest may name a file there."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        yield Path(name)


@contextlib.contextmanager
def penstock(machine: Machine, service: str, log: Path) -> Iterator[None]:
    """A service of the image, with its own variables only; it is stopped as compose stops it."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(log.parent), "TMPDIR": str(log.parent)}
    variables = machine.environment(service) if "environment" in SERVICES[service] else {}
    with log.open("w") as output:
        process = Command(
            *machine.command(service), env={**environment, **variables}, strict=False, stdout=output, stderr=output
        )
    try:
        check = machine.here(service, SERVICES[service]["healthcheck"]["test"][-1])
        healthy = ["python3", "-c", check]
        eventually(lambda: machine.listens(service) or bool(process.poll()), f"{service} listens")
        eventually(
            lambda: subprocess.run(healthy, check=False, capture_output=True).returncode == 0 or bool(process.poll()),
            f"{service} is healthy",
            every_s=0.5,
        )
        assert process.poll() is None, log.read_text()
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE_S) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def prometheus(machine: Machine, log: Path) -> Iterator[Prometheus]:
    """With the arguments and the configuration of compose."""
    address = machine.here("prometheus", "127.0.0.1:9090")
    program = needed_program("prometheus", "prometheus")
    words = [program, *machine.command("prometheus"), f"--web.listen-address={address}"]
    with log.open("w") as output:
        process = subprocess.Popen(words, stdout=output, stderr=output)
    try:
        yield Prometheus(f"http://{address}")
    finally:
        process.kill()
        process.wait()


def test_the_demonstration_is_delivered_and_seen_by_prometheus(folder: Path) -> None:
    machine = Machine(folder, {each: free_port() for each in ("simulator:8080", "controller:8081", "prometheus:9090")})
    for service in ("simulator", "controller", "prometheus"):
        machine.mount(service)
    token = (machine.compose / "local/token").read_text().strip()
    url = machine.here("controller", "http://controller:8081")
    with needed_server() as server:
        store = Path(machine.here("controller", SERVICES["controller"]["environment"]["PENSTOCK_STORE_FILE"]))
        store.write_text(new_database(server.url))
        with (
            penstock(machine, "simulator", folder / "simulator.log"),
            penstock(machine, "controller", folder / "controller.log"),
            prometheus(machine, folder / "prometheus.log") as metrics,
        ):
            organization = f"{url}/api/v1/organizations/demo"
            known = {"Authorization": f"Bearer {token}"}
            eventually(lambda: is_delivered(organization, known), "the flows are delivered", every_s=0.5)
            flows = httpx.get(
                f"{machine.here('simulator', 'http://simulator:8080')}/_simulator/flows", timeout=30
            ).json()
            assert httpx.get(organization, timeout=30).status_code == 401, "nobody reads without a token"
            synced = 'penstock_sync_status{job="penstock",status="Synced"}'
            eventually(lambda: metrics.value(synced) == 1, "Prometheus sees what is delivered", every_s=0.5)
            rules = metrics.rules()

    desired = list((machine.compose / "../../examples/flows").resolve().glob("*.yaml"))
    assert {flow["published_version"] for flow in flows["flows"]} == {"1.0"}
    assert len(flows["flows"]) == len(desired)
    assert list((folder / "controller/var/lib/penstock/audit").iterdir())
    alerts = yaml.safe_load((machine.compose / "local/alerts.yaml").read_text())["groups"][0]["rules"]
    assert {rule["name"] for rule in rules} == {rule["alert"] for rule in alerts}
    assert all(rule["health"] in ("ok", "unknown") for rule in rules)


def is_delivered(organization: str, known: dict[str, str]) -> bool:
    answer = httpx.get(organization, headers=known, timeout=30)
    assert answer.status_code in (200, 404, 503), answer.text
    return answer.status_code == 200 and answer.json()["organization"]["sync"] == "Synced"
