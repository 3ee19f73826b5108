"""`penstock graph` as programs and people use it: from the repository, from what is live, from both."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest
import yaml

from tests.support.commands import Command
from tests.support.inside import InsideShell
from tests.support.shell import simulator_thread
from tests.support.sources import inbound, module
from tests.support.versioned import pin_to_the_versioned_dialect

FRONT, HOURS = "inboundcall/Front", "commonmodule/Hours"
NASTY = 'Late | <b>"x"</b> 😀 '


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InsideShell]:
    """Applied once; since then the front flow calls nothing any more, and somebody made a module by hand."""
    with simulator_thread() as url:
        made = InsideShell(tmp_path_factory.mktemp("graph"), url)
        made.flow("late", inbound(NASTY, calls=["Hours"], transfers=["Front"]))
        made.commit()
        assert made.run("apply").returncode == 0
        made.flow("front", inbound("Front"))
        made.flow("new", inbound("New", calls=["Hours"], transfers=["Nowhere"]))
        _by_hand(url, module("Stray", calls=["Hours"]))
        yield made


def _by_hand(url: str, text: str) -> None:
    httpx.post(f"{url}/_simulator/flows", json={"text": text}).raise_for_status()


def _calls(shell: InsideShell) -> int:
    return int(httpx.get(f"{shell.url}/_simulator/calls").json()["total"])


def test_the_repository_alone_costs_no_call_and_opens_no_store(shell: InsideShell) -> None:
    before = _calls(shell)
    shell.environment["PENSTOCK_STORE"], store = (
        "postgresql://nobody@localhost:1/none",
        shell.environment["PENSTOCK_STORE"],
    )
    try:
        document = shell.json("graph")
    finally:
        shell.environment["PENSTOCK_STORE"] = store

    assert _calls(shell) == before
    assert document["schema"] == "penstock.graph/v1"
    assert (document["organization"], document["from"]) == ("acme", "repository")
    assert [item["name"] for item in document["missing"]] == ["Nowhere"]
    assert {node["presence"] for node in document["nodes"]} == {None}


def test_what_is_live_has_versions_statuses_and_health(shell: InsideShell) -> None:
    document = shell.json("graph", "--from", "live")

    nodes = {node["key"]: node for node in document["nodes"]}
    assert nodes["inboundcall/Front"]["version"] == "1.0"
    assert nodes["inboundcall/Front"]["health"] == "Healthy"
    assert nodes["commonmodule/Stray"]["managed"] is False
    assert "inboundcall/New" not in nodes
    assert {"consumer": "inboundcall/Front", "consumed": "commonmodule/Hours"}.items() <= document["edges"][1].items()


def test_versions_are_read_once_and_never_again(shell: InsideShell) -> None:
    shell.json("graph", "--from", "live")
    before = _calls(shell)

    shell.json("graph", "--from", "live")

    assert _calls(shell) - before <= 2  # a token and the listing


def test_both_are_compared_and_every_difference_is_marked(shell: InsideShell) -> None:
    document = shell.json("graph", "--from", "both")

    nodes = {node["key"]: node["presence"] for node in document["nodes"]}
    assert nodes == {
        "commonmodule/Hours": "both",
        "commonmodule/Stray": "live",
        "inboundcall/Front": "both",
        f"inboundcall/{NASTY}": "both",
        "inboundcall/New": "repository",
    }
    edges = {(edge["consumer"], edge["consumed"]): edge["presence"] for edge in document["edges"]}
    assert edges["inboundcall/Front", "commonmodule/Hours"] == "live"
    assert edges["inboundcall/New", "commonmodule/Hours"] == "repository"
    assert edges[f"inboundcall/{NASTY}", "inboundcall/Front"] == "both"
    text = shell.run("graph", "--from", "both").stdout
    assert "[only live]" in text
    assert "not in the organisation" in text


@pytest.mark.parametrize("form", ["dot", "mermaid", "svg", "text"])
def test_exports_are_valid_whatever_a_name_holds(shell: InsideShell, form: str, tmp_path: Path) -> None:
    if form == "svg" and shutil.which("dot") is None:
        pytest.skip("Graphviz is not installed")
    out = tmp_path / "graph.out"

    done = shell.run_as_process("graph", "--from", "both", "--resources", "--format", form, "--out", str(out))

    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    content = out.read_text(encoding="utf-8")
    assert "<b>" not in content or form in ("dot", "text")
    if form == "svg":
        ET.fromstring(content)  # noqa: S314 - our own
    dot = shutil.which("dot")
    if form == "dot" and dot:
        subprocess.run([dot, "-Tsvg"], input=content.encode(), capture_output=True, timeout=120, check=True)


def test_questions_are_answered_with_their_paths(shell: InsideShell) -> None:
    done = shell.run("graph", "--from", "live", "--impact", "hours", "--cycles", "--orphans", "--missing")

    assert "3 flows are affected when commonmodule/Hours changes:" in done.stdout
    assert "  commonmodule/Hours <- inboundcall/Front" in done.stdout
    assert "no cycles" in done.stdout
    assert "2 flows are used by no other" in done.stdout
    assert "no missing references" in done.stdout
    document = shell.json("graph", "--impact", "commonmodule/Hours", "--impact", "Front")
    assert document["changed"] == ["commonmodule/Hours", "inboundcall/Front"]
    assert {step["key"]: step["path"] for step in document["impact"]} == {
        f"inboundcall/{NASTY}": ["commonmodule/Hours", f"inboundcall/{NASTY}"],
        "inboundcall/New": ["commonmodule/Hours", "inboundcall/New"],
    }


def test_a_drawing_with_a_question_shows_only_the_answer(shell: InsideShell) -> None:
    dot = shell.run("graph", "--impact", "front", "--format", "dot").stdout

    assert '"inboundcall/Front"' in dot
    assert "commonmodule/Hours" not in dot


def test_a_cycle_is_shown_once(shell: InsideShell, tmp_path: Path) -> None:
    with simulator_thread() as url:
        looping = InsideShell(tmp_path, url)
        for name, target in (("a", "B"), ("b", "C"), ("c", "A")):
            looping.flow(name, inbound(name.upper(), transfers=[target]))

        done = looping.run("graph", "--cycles")

        assert "inboundcall/A -> inboundcall/B -> inboundcall/C -> inboundcall/A" in done.stdout


def test_compatibility_names_what_is_wrong_and_ends_with_1(shell: InsideShell) -> None:
    assert shell.run("graph", "--compat").returncode == 1
    document = shell.json("graph", "--compat", "--target-version", "1.0", "--status", "published")

    verdicts = {each["flow"]: each for each in document["compatibility"]}
    assert verdicts["front"]["compatible"] is True
    assert verdicts["new"]["problems"] == ["the organisation has no such flow"]
    archived = shell.json("graph", "--compat", "--status", "archived")
    assert not any(each["compatible"] for each in archived["compatibility"])


def test_compatibility_is_not_asked_of_the_repository(shell: InsideShell) -> None:
    done = shell.run("graph", "--compat", "--from", "repository")

    assert done.returncode == 1
    assert "--from live" in done.stderr


@pytest.mark.parametrize(("said", "hint"), [("hour", "did you mean"), ("nothing like it", "metadata.name")])
def test_a_flow_that_is_not_there_is_named_with_a_near_miss(shell: InsideShell, said: str, hint: str) -> None:
    done = shell.run("graph", "--impact", said)

    assert done.returncode == 1
    assert f"there is no flow {said!r}" in done.stderr
    assert hint in done.stderr


def test_a_name_that_several_flows_carry_has_to_be_told_apart(shell: InsideShell, tmp_path: Path) -> None:
    with simulator_thread() as url:
        twins = InsideShell(tmp_path, url)
        twins.flow("one", inbound("Twin"))
        twins.flow("two", module("Twin"))

        done = twins.run("graph", "--impact", "Twin")

        assert "commonmodule/Twin, inboundcall/Twin" in done.stderr
        assert twins.run("graph", "--impact", "inboundcall/Twin").returncode == 0


def test_the_inside_of_a_flow_comes_from_the_file_or_from_what_is_live(shell: InsideShell) -> None:
    source = shell.json("graph", "--nodes", "front")
    live = shell.json("graph", "--nodes", "front", "--from", "live")

    assert {node["type"] for node in source["nodes"]} == {"inboundCall", "task", "playAudio"}
    assert {node["type"] for node in live["nodes"]} == {"inboundCall", "task", "playAudio", "callCommonModule"}
    assert (source["version"], live["version"]) == (None, "1.0")
    assert {edge["kind"] for edge in live["edges"]} == {"transition"}
    after = shell.run("graph", "--nodes", "front", "--from", "live", "--impact", "Say")
    assert "1 node is affected" in after.stdout


def test_a_stale_dependency_index_is_told(shell: InsideShell) -> None:
    whole = shell.json("graph", "--from", "live", "--verify-index")
    assert (whole["index"]["stale"], whole["index"]["only_index"], whole["index"]["only_content"]) == (False, [], [])

    fault = {"name": "stale", "kind": "stale-index"}
    httpx.post(f"{shell.url}/_simulator/faults", json=fault).raise_for_status()
    try:
        done = shell.run("graph", "--from", "live", "--verify-index", "--format", "json")
    finally:
        httpx.delete(f"{shell.url}/_simulator/faults")

    document = json.loads(done.stdout)
    assert document["index"]["stale"] is True
    assert document["index"]["only_content"] != []
    assert "stale" in done.stderr


def test_a_graph_is_of_one_organisation(shell: InsideShell, tmp_path: Path) -> None:
    manifest = yaml.safe_load((shell.folder / "organization.yaml").read_text())
    for name in ("dev", "prod"):
        folder = tmp_path / name
        folder.mkdir()
        manifest["metadata"]["name"] = name
        (folder / "organization.yaml").write_text(yaml.safe_dump(manifest))

    done = shell.run("graph", str(tmp_path))

    assert done.returncode == 1
    assert "dev, prod" in done.stderr
    assert shell.run("graph", str(tmp_path), "--organization", "dev").returncode == 0


def test_the_versioned_dialect_has_the_same_graphs(tmp_path: Path) -> None:
    with simulator_thread() as url:
        versioned = InsideShell(tmp_path, url)
        assert versioned.run("apply").returncode == 0
        pin_to_the_versioned_dialect(versioned)

        repository = versioned.run("graph")
        both = versioned.json("graph", "--from", "both", "--resources")
        inside = versioned.json("graph", "--nodes", "front", "--from", "live")

        assert "pinned versions" in repository.stderr
        assert "--from live" in versioned.run("graph", "--nodes", "front").stderr
        (edge,) = both["edges"]
        assert (edge["consumer"], edge["consumed"], edge["presence"]) == (FRONT, HOURS, "both")
        assert any("does not tell" in warning for warning in both["warnings"])
        assert {node["type"] for node in inside["nodes"]} == {"inboundCall", "task", "playAudio", "callCommonModule"}
        assert versioned.run("graph", "--verify-index", "--from", "live").returncode == 1
        assert "no difference" in versioned.run("diff", "front").stdout


def test_long_reads_show_a_bar_on_a_terminal_and_nowhere_else(shell: InsideShell) -> None:
    terminal, end = pty.openpty()
    words = ("graph", "--from", "live", "--verify-index", "--format", "json")
    environment = {**shell.environment, "TERM": "xterm-256color", "COLUMNS": "120"}
    with Command(
        *words, strict=False, cwd=shell.folder, env=environment, stdout=subprocess.PIPE, stderr=end
    ) as process:
        os.close(end)
        output, _ = process.communicate(timeout=300)
    seen = b""
    with contextlib.suppress(OSError):  # how a terminal says that its other end is closed
        while piece := os.read(terminal, 4096):
            seen += piece
    os.close(terminal)

    assert json.loads(output)["schema"] == "penstock.graph/v1"
    assert b"asking the dependency index" in seen
