"""Alerts, dashboard and runbooks name what there is, and each alert fires when it should and not otherwise."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY, generate_latest

from controller.delivery.result import Outcome
from controller.domain.status import Health, SyncStatus
from controller.service.incoming import Result
from tests.deploy.alerts import CASES, AlertCase, Series
from tests.deploy.promql import grouping_of, matchers_of, metrics_of
from tests.docs.test_documented_commands import commands_of
from tests.support.metrics import checked_by_promtool, metrics_of_a_service, metrics_served

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy/monitoring"
RULES: dict[str, Any] = yaml.safe_load((MONITORING / "prometheusrule.yaml").read_text())
ALERTS: list[dict[str, Any]] = [rule for group in RULES["spec"]["groups"] for rule in group["rules"]]
DASHBOARD: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())
RUNBOOKS_PLACE = "docs/how-to/runbooks.md"
RUNBOOKS = (ROOT / RUNBOOKS_PLACE).read_text()
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
BY_PROMETHEUS = {"job", "instance"}
"""Labels that Prometheus adds to everything that it scrapes."""
VALUES = {
    ("penstock_sync_status", "status"): {each.value for each in SyncStatus},
    ("penstock_health", "health"): {each.value for each in Health},
    ("penstock_syncs_total", "outcome"): {each.value for each in Outcome},
    ("penstock_incoming_webhooks_total", "result"): {each.value for each in Result},
    ("penstock_api_requests_total", "answer"): {"2xx", "3xx", "4xx", "429", "5xx", "none"},
    ("penstock_http_answer_seconds_bucket", "area"): {"api", "pages", "webhooks", "probes"},
}


def expressions() -> dict[str, str]:
    """Every PromQL expression, by where it is."""
    alerts = {rule["alert"]: rule["expr"] for rule in ALERTS}
    panels = {f"{panel['title']} {target['refId']}": target["expr"] for panel in PANELS for target in panel["targets"]}
    assert not alerts.keys() & panels.keys()
    return alerts | panels


def labels_by_series() -> dict[str, set[str]]:
    """The labels of every series that a query may name."""
    found: dict[str, set[str]] = {"up": set()}
    for each in metrics_served():
        if each.kind == "histogram":
            found |= {f"{each.name}_{part}": set(each.labels) for part in ("count", "sum")}
            found[f"{each.name}_bucket"] = {*each.labels, "le"}
        else:
            found[each.name] = set(each.labels)
    return found | {sample.name: set(sample.labels) for family in REGISTRY.collect() for sample in family.samples}


@pytest.mark.parametrize(("where", "expression"), expressions().items(), ids=expressions())
def test_a_query_names_only_metrics_labels_and_values_that_there_are(where: str, expression: str) -> None:
    known = labels_by_series()
    named = metrics_of(expression)

    assert named
    assert named <= known.keys()
    assert grouping_of(expression) <= set().union(*(known[name] for name in named)) | BY_PROMETHEUS
    for metric, label, value in matchers_of(expression):
        assert label in known[metric] | BY_PROMETHEUS
        if (metric, label) in VALUES:
            assert set(value.split("|")) <= VALUES[metric, label]


def test_names_are_found_in_expressions() -> None:
    expression = 'sum by (a, le) (rate(x_total{b="c", d=~"e|f"}[5m])) / on (g) y > 3 * scalar(max(z)) or vector(0)'

    assert metrics_of(expression) == {"x_total", "y", "z"}
    assert grouping_of(expression) == {"a", "le", "g"}
    assert list(matchers_of(expression)) == [("x_total", "b", "c"), ("x_total", "d", "e|f")]


def test_promtool_finds_no_mistake_in_the_alerts_and_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(RULES["spec"]))
    queries = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(expressions().values())
    ]
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": queries}]}))

    checked_by_promtool("check", "rules", str(tmp_path / "alerts.yaml"), str(tmp_path / "panels.yaml"))


def test_promtool_finds_no_mistake_in_the_names_of_metrics() -> None:
    metrics = metrics_of_a_service()
    metrics.calls_of("acme")("GET", "/api/v2/flows", 0.1, 200)
    metrics.answered("/api/v1", 200, 0.1)
    metrics.stored("read", 0.1, failed=False)

    checked_by_promtool("check", "metrics", text=generate_latest(metrics.registry).decode())


@pytest.mark.proof
def test_each_alert_fires_when_it_should_and_not_otherwise(tmp_path: Path) -> None:
    """Beside a case no other alert is evaluated: each takes promtool as long as the one that is asked for."""
    files = [case_file(case, tmp_path) for case in CASES]

    checked_by_promtool("test", "rules", *map(str, files))


def test_each_alert_has_a_case() -> None:
    assert sorted(case.alert for case in CASES) == sorted(rule["alert"] for rule in ALERTS)
    assert all(case.quiet for case in CASES)


def case_file(case: AlertCase, folder: Path) -> Path:
    """A file of promtool's unit tests, with the alert of the case in a file of its own."""
    [rule] = [rule for rule in ALERTS if rule["alert"] == case.alert]
    rules = folder / f"{case.alert}.rules.yaml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": case.alert, "rules": [rule]}]}))
    tests = {"rule_files": [rules.name], "evaluation_interval": "1m", "tests": list(rule_tests(case, rule))}
    (file := folder / f"{case.alert}.tests.yaml").write_text(yaml.safe_dump(tests))
    return file


def rule_tests(case: AlertCase, rule: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The case as promtool's unit tests."""
    labels = {"__name__": "ALERTS", "alertname": case.alert, "alertstate": "firing", **case.labels, **rule["labels"]}
    shown = ", ".join(f'{name}="{value}"' for name, value in labels.items())
    yield rule_test(case, case.fires, [{"labels": f"{{{shown}}}", "value": 1}])
    for series in case.quiet:
        yield rule_test(case, series, [])


def rule_test(case: AlertCase, series: Series, wanted: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'ALERTS{{alertname="{case.alert}", alertstate="firing"}}',
                "eval_time": case.at,
                "exp_samples": wanted,
            }
        ],
    }


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_leads_to_a_runbook_that_says_what_it_means_and_what_to_do(rule: dict[str, Any]) -> None:
    address, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert address == RUNBOOKS_PLACE
    assert anchor == rule["alert"].lower()
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert {"summary", "description"} <= rule["annotations"].keys()
    sections = re.split(r"^## ", RUNBOOKS, flags=re.MULTILINE)
    [section] = [each for each in sections if each.startswith(f"{rule['alert']}\n")]
    assert [re.search(rf"^\*\*{word}:\*\* \S", section, re.MULTILINE) is None for word in ("Means", "See", "Do")] == [
        False
    ] * 3
    assert "```sh\n" in section


def test_a_documented_command_makes_a_rule_file_for_prometheus_alone(tmp_path: Path) -> None:
    commands = commands_of(MONITORING / "README.md")
    script = "\n".join(["set -e", *commands])
    shutil.copytree(ROOT / "deploy/monitoring", tmp_path / "deploy/monitoring")
    subprocess.run(["sh", "-c", script], check=True, cwd=tmp_path, timeout=60)

    made = yaml.safe_load((tmp_path / "alerts.yaml").read_text())
    [address] = {rule["annotations"]["runbook_url"].partition("#")[0] for rule in made["groups"][0]["rules"]}
    assert address == f"https://git.example.com/penstock/blob/main/{RUNBOOKS_PLACE}"
    assert made == yaml.safe_load(yaml.safe_dump(RULES["spec"]).replace(RUNBOOKS_PLACE, address))
    checked_by_promtool("check", "rules", str(tmp_path / "alerts.yaml"))


def test_no_runbook_is_of_an_alert_that_is_gone() -> None:
    headings = set(re.findall(r"^## (Penstock\w+)$", RUNBOOKS, re.MULTILINE))

    assert headings == {rule["alert"] for rule in ALERTS}


def test_panels_have_a_place_of_their_own_a_title_a_description_and_a_unit() -> None:
    identities = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(identities) == len(set(identities))
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert {json.dumps(target["datasource"]) for target in panel["targets"]} == {json.dumps(panel["datasource"])}
        refs = [target["refId"] for target in panel["targets"]]
        assert len(refs) == len(set(refs))
    for one, other in combinations(DASHBOARD["panels"], 2):
        assert not overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in DASHBOARD["panels"])


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    return not (beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"])


def test_variables_of_the_dashboard_are_defined_and_used() -> None:
    defined = {each["name"] for each in DASHBOARD["templating"]["list"]}
    text = json.dumps(DASHBOARD["panels"])
    used = set(re.findall(r"\$\{?(\w+)", text)) - {"__rate_interval"}

    assert used == defined
    [variable] = [each for each in DASHBOARD["templating"]["list"] if each["type"] == "query"]
    metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()
    assert label in labels_by_series()[metric]


def test_the_component_adds_to_the_production_example(tmp_path: Path) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    example = tmp_path / "deploy/kubernetes/examples/production"
    made = yaml.safe_load((example / "kustomization.yaml").read_text())
    made["components"].append("../../../monitoring")
    (example / "kustomization.yaml").write_text(yaml.safe_dump(made))
    text = subprocess.run([kubectl, "kustomize", example], check=True, capture_output=True, text=True).stdout
    documents = list(yaml.safe_load_all(text))

    [monitor] = [each for each in documents if each["kind"] == "ServiceMonitor"]
    [service] = [each for each in documents if each["kind"] == "Service"]
    assert monitor["metadata"]["namespace"] == service["metadata"]["namespace"]
    wanted = monitor["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    [rules] = [each["spec"] for each in documents if each["kind"] == "PrometheusRule"]
    address = yaml.safe_load((example / "runbooks.yaml").read_text())["data"]["address"]
    assert rules == yaml.safe_load(yaml.safe_dump(RULES["spec"]).replace(RUNBOOKS_PLACE, address))
    assert rules["groups"][0]["rules"][0]["annotations"]["runbook_url"] == f"{address}#penstockdown"
    assert not [each for each in documents if each["metadata"]["name"] == "penstock-runbooks"]
    [board] = [each for each in documents if each["metadata"]["name"] == "penstock-dashboard"]
    assert json.loads(board["data"]["dashboard.json"]) == DASHBOARD
    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
    # Alerts about a replica select the job, which is named after the Service.
    assert service["metadata"]["name"] == "penstock"
