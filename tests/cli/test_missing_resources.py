"""The commands name what flows need and the organisation lacks: where, who needs it, and what may be meant."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from controller.simulator.serve import running
from controller.simulator.settings import SimulatedClient
from controller.simulator.simulator import Simulator
from tests.docs.test_documented_commands import commands_of
from tests.support.inside import InsideShell
from tests.support.needy import ACTION_LINE, QUEUE_LINE, needy

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "check-what-a-flow-needs.md"
QUEUE = f"desk.flow.yaml:{QUEUE_LINE}:19"


@pytest.fixture
def simulator() -> Simulator:
    return Simulator()


@pytest.fixture
def shell(simulator: Simulator, tmp_path: Path) -> Iterator[InsideShell]:
    """One flow with needs; the organisation has a data action, and a queue of another name."""
    with running(simulator) as url:
        made = InsideShell(tmp_path, url)
        for name in ("front", "hours"):
            (made.folder / f"{name}.yaml").unlink()
        made.flow("desk", needy())
        made.commit()
        has(url, {"queue": ["Sails"], "data-action": ["CRM / Look up"]})
        yield made


def has(url: str, resources: dict[str, list[Any]]) -> None:
    """The organisation has this of these kinds, and nothing else."""
    httpx.delete(f"{url}/_simulator/resources").raise_for_status()
    httpx.post(f"{url}/_simulator/resources", json=resources).raise_for_status()


def test_a_plan_names_file_line_and_close_name_and_ends_with_3(shell: InsideShell) -> None:
    done = shell.run("plan")
    assert done.returncode == 3
    assert f"it needs queue 'Sales' ({QUEUE}, did you mean 'Sails'?)" in done.stdout
    assert "missing-resource" in done.stdout
    assert shell.run("apply", "--yes").returncode != 0
    assert httpx.get(f"{shell.url}/_simulator/flows").json() == {"flows": []}


def test_a_pull_request_is_annotated_where_the_file_names_it(shell: InsideShell) -> None:
    [line] = [each for each in shell.run("plan", "--format", "github").stdout.splitlines() if "missing-res" in each]
    assert line.startswith(f"::error title=missing-resource,file=desk.flow.yaml,line={QUEUE_LINE},col=19::desk needs ")


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_the_comment_and_the_page_of_a_plan_name_it(shell: InsideShell, form: str) -> None:
    text = shell.run("plan", "--format", form).stdout.replace("\u200b", "").replace("&#39;", "'")
    assert "Sails" in text
    assert "desk.flow.yaml" in text


def test_the_graph_names_it_and_who_needs_it(shell: InsideShell) -> None:
    done = shell.run("graph", "--missing", "--resources")
    assert done.returncode == 1
    assert f"inboundcall/Desk -> \"Sales\" (queue) at {QUEUE}; did you mean 'Sails'?" in done.stdout

    [missing] = shell.json("graph", "--missing", "--resources")["missing"]
    assert (missing["types"], missing["origin"], missing["close"]) == (["queue"], QUEUE, "Sails")

    has(shell.url, {"queue": ["Sales"], "data-action": ["CRM / Look up"]})
    done = shell.run("graph", "--missing", "--resources")
    assert (done.returncode, done.stdout) == (0, "no missing references\n")


def test_a_live_flow_misses_what_was_taken_away(shell: InsideShell) -> None:
    has(shell.url, {"queue": ["Sales"], "data-action": ["CRM / Look up"]})
    assert shell.run("apply", "--yes").returncode == 0
    assert shell.run("graph", "--missing", "--resources", "--from", "live").returncode == 0
    has(shell.url, {"queue": [], "data-action": ["CRM / Look up"]})
    done = shell.run("graph", "--missing", "--resources", "--from", "live")
    assert done.returncode == 1
    assert 'inboundcall/Desk -> "Sales" (queue)' in done.stdout
    assert "Look up" not in done.stdout


def test_the_graph_of_the_repository_alone_asks_nobody(shell: InsideShell, simulator: Simulator) -> None:
    before = simulator.calls.count("GET")
    assert shell.run("graph", "--missing", "--resources", "--from", "repository").returncode == 0
    assert simulator.calls.count("GET") == before


def test_a_preflight_names_it_and_the_divisions(shell: InsideShell) -> None:
    done = shell.run("preflight")
    assert done.returncode == 1
    assert f"desk needs queue 'Sales' ({QUEUE}, did you mean 'Sails'?)" in done.stdout.replace("\n", " ").replace(
        "  ", " "
    )
    [organization] = shell.json("preflight")["organizations"]
    verdicts = {each["name"]: each["verdict"] for each in organization["checks"]}
    assert (verdicts["resources"], verdicts["divisions"]) == ("failed", "ok")


def test_an_import_names_it_below_the_flow(shell: InsideShell) -> None:
    has(shell.url, {"queue": ["Sales"], "data-action": ["CRM / Look up"]})
    httpx.post(f"{shell.url}/_simulator/flows", json={"text": needy("Other")}).raise_for_status()
    has(shell.url, {"queue": [], "data-action": ["CRM / Look up"]})

    done = shell.run("import", "--dry-run")

    assert done.returncode == 0
    assert "    the organisation lacks queue 'Sales' (flows/other.yaml:" in done.stdout
    [flow] = shell.json("import", "--dry-run")["flows"]
    [missing] = flow["missing_resources"]
    assert (missing["kind"], missing["name"], missing["file"]) == ("queue", "Sales", "flows/other.yaml")


@pytest.fixture
def both(shell: InsideShell, tmp_path: Path) -> Iterator[InsideShell]:
    """`test` has all that the flow needs; `production`, behind another server, has nothing of it."""
    has(shell.url, {"queue": ["Sales"], "data-action": ["CRM / Look up"]})
    manifest = yaml.safe_load((shell.folder / "organization.yaml").read_text())
    with running(Simulator()) as url:
        has(url, {"queue": ["Sails"], "data-action": []})
        for name, address in (("test", shell.url), ("production", url)):
            (shell.folder / name).mkdir()
            manifest["metadata"]["name"] = name
            manifest["spec"] |= {"apiUrl": address, "loginUrl": address}
            (shell.folder / name / "organization.yaml").write_text(yaml.safe_dump(manifest))
            for file in ("desk.yaml", "desk.flow.yaml"):
                shutil.copy(shell.folder / file, shell.folder / name / file)
        for file in ("organization.yaml", "desk.yaml", "desk.flow.yaml"):
            (shell.folder / file).unlink()
        shell.commit()
        yield shell


def test_what_production_lacks_is_known_before_a_promotion(both: InsideShell) -> None:
    words = ("diff", "--resources", "--from", "test", "--to", "production")
    done = both.run(*words)
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [
            "- data action 'CRM / Look up'",
            f"    desk (production/desk.flow.yaml:{ACTION_LINE}:21)",
            "- queue 'Sales' (did you mean 'Sails'?)",
            f"    desk (production/desk.flow.yaml:{QUEUE_LINE}:19)",
            "production lacks 2 of 2 resources that the flow files name",
        ],
    )
    assert both.run(*words, "--detailed-exitcode").returncode == 2

    document = json.loads(both.run(*words, "--format", "json").stdout)
    assert document["flows"] == []
    queue = document["resources"]["lacked"][1]
    assert (queue["name"], queue["close"], queue["elsewhere"]) == ("Sales", "Sails", True)
    assert queue["flows"] == [{"flow": "desk", "place": f"production/desk.flow.yaml:{QUEUE_LINE}:19"}]

    back = both.run("diff", "--resources", "--from", "production", "--to", "test", "--detailed-exitcode")
    assert (back.returncode, back.stdout) == (0, "test lacks none of 2 resources that the flow files name\n")


def test_what_may_not_be_listed_is_neither_there_nor_missing(both: InsideShell, simulator: Simulator) -> None:
    simulator.clients["penstock"] = SimulatedClient(
        "penstock", "penstock-secret", permissions=frozenset({"architect:flow:view", "integrations:action:view"})
    )
    done = both.run("diff", "--resources", "--from", "production", "--to", "test")
    assert done.returncode == 1
    assert "each queue that flows need cannot be told: this client may not list them; it needs routing:queue:view" in (
        done.stdout
    )


def test_the_other_side_is_asked_for(shell: InsideShell) -> None:
    done = shell.run("diff", "--resources")
    assert done.returncode != 0
    assert "penstock diff --resources --from test --to production" in done.stderr


@pytest.mark.parametrize("command", [each for each in commands_of(PAGE) if "diff" in each])
def test_the_commands_of_the_page_that_compare_run(command: str, both: InsideShell) -> None:
    assert both.run(*command.split()[1:]).returncode in (0, 2)


@pytest.mark.parametrize("command", [each for each in commands_of(PAGE) if "diff" not in each])
def test_the_other_commands_of_the_page_run(command: str, shell: InsideShell) -> None:
    has(shell.url, {"queue": ["Sales"], "data-action": ["CRM / Look up"]})
    assert shell.run(*command.split()[1:]).returncode == 0
