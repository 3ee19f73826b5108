"""Graphs of an organisation that answers as the document of the versioned dialect says, without types."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.conformance.served import served
from tests.conformance.traced_organization import TracedOrganization
from tests.support.inside import InsideShell

Definition = dict[str, Any]


def chain(*names: str, back: bool = False) -> Definition:
    """Nodes that follow each other; with `back`, the last one leads to the first."""
    ends = [*pairwise(names), *([(names[-1], names[0])] if back else [])]
    ways = [{"id": f"t{place}", "from": here, "to": there} for place, (here, there) in enumerate(ends)]
    return {"nodes": {name: {"type": "task", "name": name.upper()} for name in names}, "transitions": ways}


def entity(flow_id: str, name: str, version: str, status: str, definition: Definition | None) -> Definition:
    told = {"id": flow_id, "name": name, "version": version, "metadata": {"status": status}}
    return told if definition is None else told | {"definition": definition}


FLOWS = [
    entity("id-1", "Main", "1.0", "published", chain("a", "b", "c")),
    entity("id-2", "Main", "0.9", "draft", chain("x", "y")),
    entity("id-3", "Loop", "2.0", "deployed", chain("p", "q", back=True)),
    entity("id-4", "Old", "3.0", "archived", chain("o")),
    entity("id-5", "NoDef", "1.0", "published", None),
]


@pytest.fixture(scope="module")
def server() -> TracedOrganization:
    """A client with `flow:view` alone: it logs in and lists flows, and everything else is refused."""
    made = TracedOrganization()
    made.scopes = frozenset({"flow:view"})
    made.recorded.flows = FLOWS
    return made


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory, server: TracedOrganization) -> Iterator[InsideShell]:
    with served(server) as url:
        made = InsideShell(tmp_path_factory.mktemp("graphs"), url)
        for name in ("front", "hours"):
            (made.folder / f"{name}.yaml").unlink()
        manifest = made.folder / "organization.yaml"
        manifest.write_text(manifest.read_text().replace("spec:\n", "spec:\n  api: versioned\n", 1))
        made.commit()
        yield made


def test_every_listed_flow_is_judged_without_any_manifest(shell: InsideShell) -> None:
    done = shell.run("graph", "--compat", "--format", "json")

    verdicts = {each["flow"]: each["compatible"] for each in json.loads(done.stdout)["compatibility"]}
    assert verdicts == {
        "flow/Loop": True,
        "flow/Main (id-1)": True,
        "flow/Main (id-2)": False,
        "flow/NoDef": True,
        "flow/Old": False,
    }
    assert done.returncode == 1


def test_nothing_that_could_be_judged_is_no_pass(shell: InsideShell, server: TracedOrganization) -> None:
    server.recorded.flows = []
    empty = shell.run("graph", "--compat")
    server.recorded.flows = FLOWS
    managed = shell.run("graph", "--compat", "--managed")

    assert (empty.returncode, managed.returncode) == (1, 1)
    assert empty.stdout == managed.stdout == "no flow was there to be judged\n"


def test_flows_of_one_name_are_both_in_the_graph(shell: InsideShell) -> None:
    document = shell.json("graph", "--from", "live")

    nodes = {node["key"]: (node["version"], node["status"]) for node in document["nodes"]}
    assert nodes["flow/Main"] == ("1.0", "published")
    assert nodes["flow/Main (id-2)"] == ("0.9", "draft")
    assert document["warnings"][0] == "flow/Main: several flows carry this type and name (id-1, id-2)"


def test_the_nodes_of_a_flow_come_from_the_listing_in_their_order(shell: InsideShell) -> None:
    """`flow:view` suffices, and an id names that flow among those of one name."""
    document = shell.json("graph", "--nodes", "id-1", "--from", "live")
    draft = shell.json("graph", "--nodes", "id-2", "--from", "live")

    assert document["waves"] == [["id-1:a"], ["id-1:b"], ["id-1:c"]]
    assert document["edges"][0] | {"presence": None} == {
        "consumer": "id-1:a",
        "consumed": "id-1:b",
        "kind": "transition",
        "label": "",
        "transition_id": "t0",
        "condition": "unconditional",
        "presence": None,
    }
    assert [node["key"] for node in draft["nodes"]] == ["id-2:x", "id-2:y"]
    assert draft["version"] == "0.9"


def test_the_nodes_of_all_flows_are_one_graph(shell: InsideShell) -> None:
    document = shell.json("graph", "--all-nodes", "--from", "live", "--impact", "id-1:a")
    dot = shell.run("graph", "--all-nodes", "--from", "live", "--format", "dot").stdout

    assert [node["key"] for node in document["nodes"]] == [
        "id-1:a", "id-1:b", "id-1:c", "id-2:x", "id-2:y", "id-3:p", "id-3:q", "id-4:o",
    ]  # fmt: skip
    assert document["cycles"] == [["id-3:p", "id-3:q", "id-3:p"]]
    assert [each["key"] for each in document["impact"]] == ["id-1:b", "id-1:c"]
    assert document["warnings"] == ["flow/NoDef (id-5): the listing tells no nodes of it"]
    assert "transition t1" in dot


def test_the_order_is_shown_with_what_is_needed_first(shell: InsideShell) -> None:
    done = shell.run("graph", "--nodes", "id-1", "--from", "live", "--order")

    assert done.stdout == "wave 1: id-1:a\nwave 2: id-1:b\nwave 3: id-1:c\n"


@pytest.mark.parametrize(
    ("flow", "code", "said"),
    [("Loop", 1, "  id-3:p -> id-3:q -> id-3:p"), ("id-1", 0, "no cycles")],
)
def test_a_cycle_ends_with_1(shell: InsideShell, flow: str, code: int, said: str) -> None:
    done = shell.run("graph", "--nodes", flow, "--from", "live", "--cycles")

    assert done.returncode == code
    assert said in done.stdout


def test_questions_that_do_not_fit_each_other_are_refused(shell: InsideShell) -> None:
    """Compatibility is of flows: what is inside one would have passed unjudged."""
    both = shell.run("graph", "--all-nodes", "--nodes", "Loop")
    inside = shell.run("graph", "--nodes", "Loop", "--compat")

    assert (both.returncode, inside.returncode) == (1, 1)
    assert "--compat judges flows" in inside.stderr
