"""docs/reference/json.md names the fields that the documents have, and no others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from controller.domain.errors import AmbiguousVersion, LiveUndetermined, NoSuchVersion, VersionArchived
from controller.domain.identity import FlowKey
from controller.domain.references import Resolution
from controller.domain.status import StepState
from controller.graphs.model import Edge, EdgeKind, Graph, Node, Unanswered
from controller.graphs.questions import graph_document
from controller.planning.model import ChangeKind, PlanInputs, UnderWay
from controller.planning.plan import make_plan
from controller.planning.rendering.document import plan_document
from tests.planning.compact import live_state, organization, plan_inputs, recorded_state

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "json.md"


def _documented(heading: str) -> set[str]:
    """The field names in the first column of the table below a heading."""
    section = re.split(rf"^##+ {re.escape(heading)}$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1]
    section = re.split(r"^##", section, flags=re.MULTILINE)[0]
    cells = re.findall(r"^\| ([^|]*`[^|]*) \|", section, flags=re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([a-z_]+)`", cell)}


def _plan_document() -> Any:
    states = {
        "desired": {"ivr": {"key": "inboundcall/IVR", "digest": "a"}},
        "live": {"inboundcall/IVR": {"version": "1.0", "draft": True}},
    }
    key = FlowKey("inboundcall", "IVR")
    under_way = UnderWay("ivr", key, ChangeKind.PUBLISH, StepState.PUBLISHING, "r", "1.0", None)
    inputs = PlanInputs("r", under_way=(under_way,))
    plan = make_plan(organization(states), live_state(states), recorded_state(states), inputs)
    return plan_document([plan])


def test_the_plan_is_documented_field_by_field() -> None:
    document = _plan_document()
    entry = document["organizations"][0]
    assert _documented("penstock.plan/v1") == set(document)
    assert _documented("An organisation") == set(entry)
    assert _documented("A change") == set(entry["changes"][0])
    assert _documented("Drift") == set(entry["drift"][0])
    assert _documented("Under way") == set(entry["under_way"][0])
    assert set(entry["summary"]) == {kind.value for kind in ChangeKind} | {"blocked"}


def test_the_graph_is_documented_field_by_field() -> None:
    nodes = (Node("inboundcall/A", "A", "inboundcall"),)
    open_end = Unanswered("inboundcall/A", "B", (), "path", Resolution.STATIC)
    document: Any = graph_document(Graph(nodes, (Edge("inboundcall/A", "inboundcall/A"),), (open_end,)))
    assert _documented("penstock.graph/v1") == set(document)
    assert _documented("A node") == set(document["nodes"][0])
    assert _documented("An edge") == set(document["edges"][0])
    assert _documented("A reference without an answer") == set(document["missing"][0])


def test_every_word_that_a_field_can_hold_is_documented() -> None:
    page = PAGE.read_text(encoding="utf-8")
    words = [*ChangeKind, *EdgeKind, *Resolution]
    words += ["version", "missing", "orphaned", "stale-binding", "draft", "lock"]
    assert [word for word in words if f"`{word}`" not in page] == []


def test_every_reason_for_a_block_is_a_heading_of_the_errors_page() -> None:
    """All codes that the cases bring up, and they bring up all there are."""
    codes: set[str] = set()
    for path in (Path(__file__).parents[1] / "cases").glob("*/case.yaml"):
        states = yaml.safe_load(path.read_text(encoding="utf-8"))
        plan = make_plan(organization(states), live_state(states), recorded_state(states), plan_inputs(states))
        codes |= {change.blocked.code for change in plan.changes if change.blocked}
    sources = (Path(__file__).parents[2] / "controller" / "planning").glob("*.py")
    used = {code for source in sources for code in re.findall(r'Blocked\(\s*"([a-z-]+)"', source.read_text("utf-8"))}
    used |= {error.code for error in (LiveUndetermined, NoSuchVersion, VersionArchived, AmbiguousVersion)}
    headings = set(re.findall(r"^### (.+)$", (PAGE.parent / "errors.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert codes == used
    assert codes <= headings
