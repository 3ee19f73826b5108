"""Plans as text at the widths of terminals: golden files, and what holds for every width."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from controller.planning.model import Plan, PlanInputs
from controller.planning.plan import make_plan
from controller.planning.rendering.layout import Screen
from controller.planning.rendering.text import plan_text
from tests.planning.compact import live_state, organization, recorded_state
from tests.planning.organizations_of_text import Document, large, mixed, one_flow

GOLDEN = Path(__file__).parent / "golden"
SIZES: dict[int, Callable[[], Document]] = {1: one_flow, 27: mixed, 300: large}
WIDTHS = (80, 120, 200)


def planned(document: Document) -> Plan:
    return make_plan(organization(document), live_state(document), recorded_state(document), PlanInputs("4f2a91c03b7d"))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("flows", SIZES)
def test_a_plan_looks_as_in_its_golden_file(flows: int, width: int) -> None:
    """PENSTOCK_GOLDEN=write writes the files anew; read them before you commit them."""
    plan = planned(SIZES[flows]())
    path = GOLDEN / f"plan-{flows}-flows-{width}.txt"
    text = plan_text([plan], screen=Screen(width))
    if os.environ.get("PENSTOCK_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")

    assert len([change for change in plan.changes if change.desired is not None]) in (flows, flows - 2)
    assert text == path.read_text(encoding="utf-8")
