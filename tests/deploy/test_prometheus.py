"""A Prometheus that scrapes `penstock run` evaluates all alerts and answers the dashboard; a failed delivery alerts."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.patience import PATIENCE_S
from tests.support.programs import needed_program
from tests.support.service import Service, eventually
from tests.support.shell import free_port, simulator_thread
from tests.support.sources import inbound, module
from tests.support.world import World

MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"
RULES = MONITORING / "prometheusrule.yaml"


class Prometheus:
    """One that runs; every second it scrapes one target and evaluates the alerts of deploy/monitoring."""

    def __init__(self, url: str) -> None:
        self._url = url

    def asked(self, path: str, **query: str) -> dict[str, Any]:
        """The data of an answer of its API; empty before it answers."""
        try:
            answer = httpx.get(f"{self._url}/api/v1/{path}", params=query, timeout=30)
        except httpx.TransportError:
            return {}
        found: dict[str, Any] = answer.json()["data"] if answer.status_code == httpx.codes.OK else {}
        return found

    def value(self, query: str) -> float | None:
        """Of a query that finds one series."""
        found = self.asked("query", query=query).get("result", [])
        return float(found[0]["value"][1]) if found else None

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self.asked("rules").get("groups", []) for rule in group["rules"]]

    def firing(self) -> dict[str, dict[str, str]]:
        """The labels of the alerts that fire, by name."""
        alerts = self.asked("alerts").get("alerts", [])
        return {each["labels"]["alertname"]: each["labels"] for each in alerts if each["state"] == "firing"}


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[Prometheus]:
    program = needed_program("prometheus", "prometheus")
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))["spec"]
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    scraped = {"job_name": "penstock", "static_configs": [{"targets": [target]}]}
    every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config = {"global": every, "rule_files": ["rules.yaml"], "scrape_configs": [scraped]}
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    words = [program, f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*words, f"--web.listen-address={address}"], stdout=log, stderr=log, cwd=folder)
        try:
            yield Prometheus(f"http://{address}")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=PATIENCE_S)


@pytest.mark.proof
async def test_a_failed_delivery_is_an_alert_in_prometheus(world: World, tmp_path: Path) -> None:
    (tmp_path / "prometheus").mkdir()
    with simulator_thread(rate_limit=3000) as url:
        world.describe(apiUrl=url, loginUrl=url)
        world.flow("front", inbound("Front", calls=["Hours"]))
        world.flow("hours", module("Hours"))
        world.commit()
        service = Service(world, url, tmp_path)
        with prometheus(tmp_path / "prometheus", f"127.0.0.1:{service.port}") as watching:
            service.start()
            try:
                _delivers(service, watching)
                _fails(service, watching)
            finally:
                service.stop()
            eventually(lambda: watching.value('up{job="penstock"}') == 0, "the controller is gone", every_s=0.5)


def _delivers(service: Service, watching: Prometheus) -> None:
    eventually(
        lambda: watching.value('penstock_sync_status{status="Synced"}') == 1, "the first delivery is seen", every_s=0.5
    )
    assert watching.value('up{job="penstock"}') == 1
    [target] = watching.asked("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")
    alerts = {rule["alert"] for group in yaml.safe_load(RULES.read_text())["spec"]["groups"] for rule in group["rules"]}
    eventually(
        lambda: all(rule["health"] != "unknown" for rule in watching.rules()), "each rule is evaluated", every_s=0.5
    )
    assert {rule["name"] for rule in watching.rules()} == alerts
    assert [(rule["name"], rule.get("lastError")) for rule in watching.rules() if rule["health"] != "ok"] == []
    assert watching.firing() == {}
    for query in _queries_of_the_dashboard():
        assert watching.asked("query", query=query).get("resultType") in ("vector", "scalar"), query


def _queries_of_the_dashboard() -> list[str]:
    panels = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    written = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    return [each.replace("$__rate_interval", "1m").replace("$organization", "acme") for each in written]


def _fails(service: Service, watching: Prometheus) -> None:
    fault = {"name": "fails", "kind": "job-fails", "match": {"flow": "Hours"}}
    httpx.post(f"{service.url}/_simulator/faults", json=fault, timeout=30).raise_for_status()
    service.world.flow("hours", module("Hours", says="We are open"))
    service.world.commit()
    eventually(lambda: "PenstockDeliveryFailed" in watching.firing(), "the alert fires", every_s=0.5)
    labels = watching.firing()["PenstockDeliveryFailed"]
    assert labels["organization"] == "acme"
    assert labels["outcome"] in ("failed", "rolled-back")
    assert labels["severity"] == "warning"
