"""The command line as programs use it: a served simulator, a real repository, and each command once as a process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.support.inside import InsideShell
from tests.support.shell import simulator_thread
from tests.support.sources import module


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[InsideShell]:
    with simulator_thread() as url:
        yield InsideShell(tmp_path, url)


def test_plan_apply_and_plan_again_as_programs_see_them(shell: InsideShell) -> None:
    plan = json.loads(shell.run_as_process("plan", "--format", "json").stdout)
    assert plan["schema"] == "penstock.plan/v1"
    (organization,) = plan["organizations"]
    assert organization["summary"]["create"] == 2
    assert [(change["flow"], change["wave"]) for change in organization["changes"]] == [("hours", 1), ("front", 2)]
    assert organization["changes"][1]["depends_on"] == ["hours"]
    assert shell.run_as_process("plan", "--detailed-exitcode").returncode == 2

    applied = json.loads(shell.run_as_process("apply", "--format", "json").stdout)
    assert applied["organizations"][0]["outcome"] == "succeeded"

    again = shell.run("plan", "--detailed-exitcode", "--format", "json")
    assert again.returncode == 0
    assert json.loads(again.stdout)["organizations"][0]["changes"] == []
    live = {
        flow["name"]: flow["published_version"] for flow in httpx.get(f"{shell.url}/_simulator/flows").json()["flows"]
    }
    lock = yaml.safe_load(shell.git("show", "penstock/records:artifacts/acme/penstock.lock.yaml"))
    assert live == {"Front": "1.0", "Hours": "1.0"}
    assert {flow["name"]: flow["version"] for flow in lock["flows"]} == live
    assert shell.git("status", "--porcelain") == ""

    status = json.loads(shell.run_as_process("status", "--format", "json").stdout)
    assert status["organizations"][0]["sync"] == "Synced"
    assert {flow["health"] for flow in status["organizations"][0]["flows"]} == {"Healthy"}


def test_a_saved_plan_outlives_commits_that_ask_for_the_same_and_no_others(shell: InsideShell, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    assert shell.run("plan", "--out", str(plan)).returncode == 0
    shell.flow("hours", module("Hours", says="Other"))
    shell.flow("aside", module("Aside"))
    shell.commit()

    refused = shell.run("apply", "--plan", str(plan))
    for name in ("aside.yaml", "aside.flow.yaml"):
        (shell.folder / name).unlink()
    shell.flow("hours", module("Hours"))
    (shell.folder / "README.md").write_text("Nothing that is asked for.")
    shell.commit()
    delivered = shell.run("apply", "--plan", str(plan))
    again = shell.run("apply", "--plan", str(plan), "--format", "json")

    assert refused.returncode == 3
    told = " ".join(refused.stdout.split())
    assert "acme: the plan is sha256:" in told
    assert (
        " what to do: since it was saved: aside: create is new; front: its content, or a flow that it consumes, "
        "changed; hours: its content, or a flow that it consumes, changed; make a new one with `penstock plan "
        "--out FILE`, look at it, and apply that [plan-stale]"
    ) in told
    assert delivered.returncode == 0, delivered.stdout
    error = json.loads(again.stdout)["organizations"][0]["error"]
    assert (again.returncode, error["code"]) == (3, "plan-stale")
    assert "front: create is no longer planned" in error["hint"]


def test_a_saved_plan_is_for_the_organisations_that_it_was_made_for(shell: InsideShell, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    shell.run("plan", "--out", str(plan))
    plan.write_text(plan.read_text().replace('"name": "acme"', '"name": "beta"'))

    refused = shell.run("apply", "--plan", str(plan))

    assert refused.returncode == 3
    assert "holds no plan for acme; it is for beta" in refused.stderr
    assert httpx.get(f"{shell.url}/_simulator/flows").json()["flows"] == []


def test_an_approval_outlives_commits_that_ask_for_the_same_and_no_others(shell: InsideShell) -> None:
    document = yaml.safe_load((shell.folder / "organization.yaml").read_text())
    document["spec"]["sync"] = {"mode": "manual"}
    (shell.folder / "organization.yaml").write_text(yaml.safe_dump(document))
    shell.commit()
    assert shell.run_as_process("approve", shell.json("plan")["digest"]).returncode == 0
    (shell.folder / "README.md").write_text("Nothing that is asked for.")
    shell.commit()

    delivered = shell.run("apply")
    shell.flow("hours", module("Hours", says="Other"))
    shell.commit()
    refused = shell.run("apply")

    assert delivered.returncode == 0, delivered.stdout
    assert refused.returncode == 3
    assert "[not-confirmed]" in refused.stdout


def test_a_working_tree_with_changes_is_refused_unless_allowed(shell: InsideShell) -> None:
    shell.flow("hours", module("Hours", says="Not committed"))

    assert shell.run("apply").returncode == 3
    assert shell.run("apply", "--allow-dirty").returncode == 0
    lock = yaml.safe_load(shell.git("show", "penstock/records:artifacts/acme/penstock.lock.yaml"))
    assert all(flow["dirty"] for flow in lock["flows"])


def test_mistakes_are_all_reported_with_file_and_line(shell: InsideShell) -> None:
    (shell.folder / "front.yaml").write_text(
        "apiVersion: penstock/v1\nkind: Flow\nmetadata: {name: front}\nspec: {sorce: 1}\n"
    )
    (shell.folder / "hours.yaml").write_text("apiVersion: penstock/v1\nkind: Flwo\n")

    text = shell.run_as_process("validate")
    document = shell.json("validate")

    assert text.returncode == 1
    assert "front.yaml:4:" in text.stdout
    assert document["valid"] is False
    assert {mistake["file"] for mistake in document["mistakes"]} == {"front.yaml", "hours.yaml"}
    planned = shell.json("plan")
    assert planned["schema"] == "penstock.error/v1"
    assert planned["mistakes"] == document["mistakes"]


def test_a_wrong_option_is_an_error_and_not_a_change(shell: InsideShell) -> None:
    done = shell.run_as_process("plan", "--no-such-option")

    assert done.returncode == 1
    assert "--no-such-option" in done.stderr


def test_a_missing_credential_is_named_and_never_shown(shell: InsideShell) -> None:
    del shell.environment["ACME_SECRET"]

    done = shell.run("plan")

    assert done.returncode == 1
    assert "ACME_SECRET" in done.stderr
    assert "penstock-secret" not in done.stdout + done.stderr


def test_a_host_that_the_operator_did_not_allow_gets_no_credentials(shell: InsideShell) -> None:
    manifest = (shell.folder / "organization.yaml").read_text()
    (shell.folder / "organization.yaml").write_text(manifest.replace(shell.url, "https://evil.example.com"))

    document = shell.json("validate")

    assert {mistake["code"] for mistake in document["mistakes"]} == {"host-not-allowed"}


def test_markdown_and_html_show_the_same_plan(shell: InsideShell) -> None:
    assert "front" in shell.run("plan", "--format", "markdown").stdout
    assert "<html" in shell.run("plan", "--format", "html").stdout


def test_preflight_says_what_a_delivery_would_meet(shell: InsideShell) -> None:
    document = shell.json("preflight")

    (organization,) = document["organizations"]
    assert organization["ready"] is True
    assert organization["missing_permissions"] == []
    assert organization["rate_limit_per_minute"] == 300
    assert "failed" not in {check["verdict"] for check in organization["checks"]}


def test_preflight_names_the_permissions_that_are_missing(shell: InsideShell) -> None:
    client = {"id": "reader", "secret": "reader-secret", "permissions": ["architect:flow:view"]}
    httpx.post(f"{shell.url}/_simulator/clients", json=client).raise_for_status()
    shell.environment |= {"ACME_ID": "reader", "ACME_SECRET": "reader-secret"}

    done = shell.run_as_process("preflight")

    assert done.returncode == 1
    assert "architect:job:create" in done.stdout
    assert "reader-secret" not in done.stdout + done.stderr


def test_a_rollback_brings_the_flow_back_and_says_what_to_do_in_git(shell: InsideShell) -> None:
    assert shell.run("apply").returncode == 0
    shell.flow("hours", module("Hours", says="Second"))
    shell.commit()
    assert shell.run("apply").returncode == 0

    done = shell.run_as_process("rollback", "hours", "--to", "1.0")

    assert done.returncode == 0, done.stderr
    assert "revert the commit" in done.stdout
    live = {
        flow["name"]: flow["published_version"] for flow in httpx.get(f"{shell.url}/_simulator/flows").json()["flows"]
    }
    assert live["Hours"] == "1.0"


def test_a_paused_delivery_says_what_a_person_can_do_and_goes_on_when_accepted(shell: InsideShell) -> None:
    shell.flow("hours", module("Hours"), gates=[{"errorRate": {"window": "1s", "minimumSamples": 9, "max": "1%"}}])
    shell.commit()

    paused = shell.run("apply")
    status = shell.run("status")
    again = shell.run("apply")
    accepted = shell.run_as_process("accept", "hours")
    done = shell.run("apply")

    assert (paused.returncode, again.returncode) == (1, 1)
    assert "paused: gate errorRate: 0 of 0 executions failed" in paused.stdout
    assert "penstock accept hours, or penstock rollback hours" in paused.stdout
    assert "Suspended" in status.stdout
    assert "delivery-paused" in again.stderr + again.stdout
    assert accepted.returncode == 0, accepted.stderr
    assert "hours (commonmodule/Hours) 1.0 is accepted" in accepted.stdout
    assert done.returncode == 0, done.stdout + done.stderr
    assert shell.run("accept", "hours").returncode == 1
