"""`penstock diff` and `penstock plan --diff`: what changed, in the words that Architect shows to authors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.support.inside import InsideShell
from tests.support.shell import simulator_thread
from tests.support.sources import inbound, module

NASTY = "Good <script>day</script> | @team </details> `x`"


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InsideShell]:
    with simulator_thread() as url:
        made = InsideShell(tmp_path_factory.mktemp("diff"), url)
        assert made.run("apply").returncode == 0
        yield made


@pytest.fixture
def shell(applied: InsideShell) -> Iterator[InsideShell]:
    """Applied once; what a test changes in the working tree is undone after it."""
    yield applied
    applied.git("checkout", "--quiet", ".")
    applied.git("clean", "--quiet", "--force", "-d")
    httpx.delete(f"{applied.url}/_simulator/faults").raise_for_status()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[InsideShell]:
    """An organisation of one test's own, applied."""
    with simulator_thread() as url:
        made = InsideShell(tmp_path, url)
        assert made.run("apply").returncode == 0
        yield made


def test_a_repository_in_sync_has_no_differences(shell: InsideShell) -> None:
    done = shell.run("diff", "--detailed-exitcode")

    assert (done.returncode, done.stdout) == (0, "no flows differ, 0 compared\n")
    assert "no difference" in shell.run("diff", "front").stdout
    assert [each["different"] for each in shell.json("diff", "--all")["flows"]] == [False, False]


def test_a_plans_differences_look_up_the_flows_that_change_and_no_others(shell: InsideShell) -> None:
    shell.flow("front", inbound("Front", says="Other", calls=["Hours"]))
    httpx.delete(f"{shell.url}/_simulator/calls").raise_for_status()

    assert "Other" in shell.run("plan", "--diff").stdout

    calls = httpx.get(f"{shell.url}/_simulator/calls").json()["calls"]
    made = {each["route"]: each["count"] for each in calls}
    assert (made["/api/v2/flows"], made["/api/v2/flows/lookup"]) == (1, 1)


def test_what_changed_in_a_source_is_told_in_architects_words(shell: InsideShell) -> None:
    shell.flow("front", inbound("Front", says="Other", transfers=["Front"]))

    done = shell.run_as_process("diff", "--detailed-exitcode")
    (flow,) = shell.json("diff")["flows"]

    assert done.returncode == 2
    assert "~ action 'Say' (playAudio) in task 'Main': audio: speech \"Hello\" -> speech \"Other\"" in done.stdout
    assert (flow["flow"], flow["different"]) == ("front", True)
    assert flow["from"] == {"organization": "acme", "version": "1.0", "file": None}
    assert flow["to"] == {"organization": "acme", "version": None, "file": "front.flow.yaml"}
    assert flow["summary"] == {"added": 1, "removed": 1, "moved": 0, "changed": 1}
    assert shell.run("diff").returncode == 0


def test_a_flow_that_is_not_live_yet_is_all_new(shell: InsideShell) -> None:
    shell.flow("new", module("New"))

    (flow,) = shell.json("diff")["flows"]

    assert (flow["flow"], flow["from"], flow["different"]) == ("new", None, True)
    assert {entry["kind"] for entry in flow["entries"]} == {"added"}


def test_what_somebody_published_by_hand_is_compared_too(own: InsideShell) -> None:
    flows = {flow["name"]: flow["id"] for flow in httpx.get(f"{own.url}/_simulator/flows").json()["flows"]}
    body = {"text": module("Hours", says="By hand"), "by": "Ada"}
    httpx.post(f"{own.url}/_simulator/flows/{flows['Hours']}/publish", json=body).raise_for_status()

    done = own.run("diff")

    assert 'speech "By hand" -> speech "Hello"' in done.stdout


def test_two_versions_of_a_flow_are_compared(own: InsideShell) -> None:
    own.flow("front", inbound("Front", says="Second"))
    own.commit()
    assert own.run("apply").returncode == 0

    there = own.run("diff", "front", "--from-version", "1.0", "--to-version", "2.0")
    back = own.run("diff", "inboundcall/Front", "--to-version", "1.0")

    assert 'speech "Hello" -> speech "Second"' in there.stdout
    assert "version 1.0 -> version 2.0" in there.stdout
    assert 'speech "Second" -> speech "Hello"' in back.stdout
    gone = own.run("diff", "front", "--from-version", "7.0")
    assert gone.returncode == 1
    assert "no version 7.0" in gone.stderr
    assert "2.0, 1.0" in gone.stderr


def test_two_organisations_are_compared_by_type_and_name(shell: InsideShell, tmp_path: Path) -> None:
    folder = tmp_path / "both"
    with simulator_thread() as url:
        for text in (module("Hours", says="Elsewhere"), inbound("Front", calls=["Hours"])):
            httpx.post(f"{url}/_simulator/flows", json={"text": text}).raise_for_status()
        manifest = yaml.safe_load((shell.folder / "organization.yaml").read_text())
        for name, address in (("dev", shell.url), ("prod", url)):
            (folder / name).mkdir(parents=True)
            manifest["metadata"]["name"] = name
            manifest["spec"] |= {"apiUrl": address, "loginUrl": address}
            (folder / name / "organization.yaml").write_text(yaml.safe_dump(manifest))
        for file in ("front", "hours"):
            for suffix in ("yaml", "flow.yaml"):
                (folder / "dev" / f"{file}.{suffix}").write_text((shell.folder / f"{file}.{suffix}").read_text())

        done = shell.run("diff", "--folder", str(folder), "--from", "dev", "--to", "prod")

        assert 'hours (commonmodule "Hours"): dev version 1.0 -> prod version 1.0' in done.stdout
        assert 'speech "Hello" -> speech "Elsewhere"' in done.stdout
        assert "1 flow differs, 2 compared" in done.stdout
        other = shell.run("diff", "hours", "--folder", str(folder), "--from", "prod", "--to", "dev")
        assert 'speech "Elsewhere" -> speech "Hello"' in other.stdout


def test_questions_that_do_not_go_together_are_refused(shell: InsideShell) -> None:
    for arguments in (
        ["--from", "acme"],
        ["--from-version", "1.0"],
        ["front", "--from-version", "1.0", "--from", "a", "--to", "b"],
        ["frnt"],
    ):
        done = shell.run("diff", *arguments)
        assert done.returncode == 1
        assert "[settings-invalid]" in done.stderr


def test_an_unmanaged_flow_has_no_source_to_compare_with(shell: InsideShell) -> None:
    httpx.post(f"{shell.url}/_simulator/flows", json={"text": module("Stray")}).raise_for_status()

    done = shell.run("diff", "Stray")

    assert done.returncode == 1
    assert "--from-version" in done.stderr
    assert shell.run("diff", "Stray", "--from-version", "1.0").returncode == 0


def test_what_cannot_be_exported_is_told_and_never_taken_for_the_same(shell: InsideShell) -> None:
    shell.flow("front", inbound("Front", says="Other"))
    fault = {
        "name": "down",
        "kind": "job-fails",
        "message": "Out of order",
        "match": {"route": "/api/v2/flows/export/jobs"},
    }
    httpx.post(f"{shell.url}/_simulator/faults", json=fault).raise_for_status()

    done = shell.run("diff")

    assert done.returncode == 1
    assert "! not compared: " in done.stdout
    assert "1 of them could not be" in done.stdout


def test_secrets_are_masked(shell: InsideShell) -> None:
    shell.environment["PENSTOCK_VALUE_KEY"] = "hunter2hunter2"
    shell.flow("front", inbound("Front", says="Call {{key}}"))
    manifest = yaml.safe_load((shell.folder / "front.yaml").read_text())
    manifest["spec"]["source"]["substitutions"] = {"key": {"env": "PENSTOCK_VALUE_KEY"}}
    (shell.folder / "front.yaml").write_text(yaml.safe_dump(manifest))

    done = shell.run("diff")

    assert 'speech "Call ***"' in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


def test_a_plan_shows_what_changes_inside_its_flows(shell: InsideShell) -> None:
    shell.flow("front", inbound("Front", says=NASTY))

    text = shell.run("plan", "--diff").stdout
    markdown = shell.run_as_process("plan", "--diff", "--format", "markdown").stdout

    assert "~ publish  front" in text
    assert "~ action 'Say' (playAudio)" in text
    assert markdown.count("<details>") == markdown.count("</details>") == 1
    assert "<script>" not in markdown
    assert "@team" not in markdown
    assert "- `~` action 'Say'" in markdown
    page = shell.run("plan", "--diff", "--format", "html").stdout
    assert "action &#39;Say&#39; (playAudio)" in page
    assert "<script>" not in page
    assert shell.run("plan", "--diff", "--format", "json").returncode == 1


def test_a_plan_without_changes_has_nothing_to_fold_away(shell: InsideShell) -> None:
    markdown = shell.run("plan", "--diff", "--format", "markdown").stdout
    assert markdown == "### Penstock plan\n\n- <b>acme</b>: in sync, nothing to do\n"
    assert json.loads(shell.run("plan", "--format", "json").stdout)["organizations"][0]["changes"] == []


@pytest.mark.parametrize("output", ["text", "markdown", "html", "json"])
def test_all_flows_are_in_a_plan_of_every_format_that_is_asked_for_them(shell: InsideShell, output: str) -> None:
    asked = shell.run("plan", "--all", "--format", output)

    assert all(flow in asked.stdout for flow in ("front", "hours"))
    assert "front" not in shell.run("plan", "--format", output).stdout
