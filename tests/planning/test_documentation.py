"""docs/reference/json.md and errors.md name the words that plans and graphs hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from controller.domain.documents import plain
from controller.domain.errors.change import AmbiguousVersion, LiveUndetermined, NoSuchVersion, VersionArchived
from controller.domain.identity import FlowKey
from controller.domain.references import Resolution
from controller.domain.status import StepState
from controller.graphs.model import EdgeKind
from controller.planning.inputs import PlanInputs
from controller.planning.model import ChangeKind, UnderWay
from controller.planning.plan import make_plan
from controller.planning.rendering.document import plan_document
from tests.planning.compact import live_state, organization, plan_inputs, recorded_state
from tests.support.documents import follows_its_schema

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "json.md"


def _plan_document() -> Any:
    states = {
        "desired": {"ivr": {"key": "inboundcall/IVR", "digest": "a"}},
        "live": {"inboundcall/IVR": {"version": "1.0", "draft": True}},
    }
    key = FlowKey("inboundcall", "IVR")
    under_way = UnderWay("ivr", key, ChangeKind.PUBLISH, StepState.PUBLISHING, "r", "1.0", None)
    inputs = PlanInputs("r", under_way=(under_way,))
    plan = make_plan(organization(states), live_state(states), recorded_state(states), inputs)
    return plain(plan_document([plan]))


def test_the_plan_has_exactly_the_fields_of_its_schema() -> None:
    document = _plan_document()
    entry = document["organizations"][0]
    assert entry["drift"]
    assert entry["under_way"]
    follows_its_schema(document)
    assert set(entry["summary"]) == {kind.value for kind in ChangeKind} | {"blocked"}


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
