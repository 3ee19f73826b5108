"""Every folder of tests/cases is one claim about planning: three states in, one plan out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.domain.identity import FlowKey
from controller.planning.model import ChangeKind, Plan
from controller.planning.plan import make_plan
from controller.planning.rendering.document import plan_json
from tests.planning.compact import live_state, organization, plan_inputs, recorded_state

CASES = sorted((Path(__file__).parents[1] / "cases").glob("*/case.yaml"))


def _plan(document: dict[str, Any]) -> Plan:
    return make_plan(organization(document), live_state(document), recorded_state(document), plan_inputs(document))


@pytest.fixture(params=CASES, ids=lambda path: path.parent.name)
def case(request: pytest.FixtureRequest) -> dict[str, Any]:
    document = yaml.safe_load(request.param.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def test_there_are_cases() -> None:
    """The folder is found: a case that is not run proves nothing."""
    assert len(CASES) >= 25
    assert all(yaml.safe_load(path.read_text(encoding="utf-8"))["title"] for path in CASES)


def test_the_plan_is_what_the_case_says(case: dict[str, Any]) -> None:
    """Changes, their order, waves, blocks, drift and cycles are exactly those of the case."""
    plan = _plan(case)
    expected = case["expect"]
    assert [_shown(change, wanted) for change, wanted in _paired(plan.actions, expected.get("changes", []))] == [
        {key: value for key, value in wanted.items() if key != "says"} for wanted in expected.get("changes", [])
    ]
    assert [drift.flow + " " + drift.kind for drift in plan.drift] == expected.get("drift", [])
    assert [" -> ".join(cycle) for cycle in plan.cycles] == expected.get("cycles", [])
    assert plan.unmanaged == expected.get("unmanaged", 0)


def test_reasons_say_what_the_case_wants_said(case: dict[str, Any]) -> None:
    """What a person reads about a change holds the facts."""
    plan = _plan(case)
    for wanted in case["expect"].get("changes", []) + case["expect"].get("unchanged", []):
        change = next(change for change in plan.changes if change.flow == wanted["flow"])
        message = change.blocked.message if change.blocked else ""
        said = " ".join((change.reason, message, *change.warnings))
        for words in wanted.get("says", []):
            assert words in said


def test_flows_that_stay_are_listed_as_none(case: dict[str, Any]) -> None:
    """Every managed flow is in the plan once, acting or not."""
    plan = _plan(case)
    managed = [change.flow for change in plan.changes if change.desired is not None]
    assert sorted(managed) == sorted(case.get("desired", {}))
    for wanted in case["expect"].get("unchanged", []):
        assert next(change.kind for change in plan.changes if change.flow == wanted["flow"]) is ChangeKind.NONE


def test_the_same_inputs_give_the_same_bytes(case: dict[str, Any]) -> None:
    """The order in which the states are handed over does not matter."""
    turned = {
        part: dict(reversed(entries.items())) if part in ("desired", "live", "recorded") else entries
        for part, entries in case.items()
    }
    assert plan_json([_plan(case)], everything=True) == plan_json([_plan(turned)], everything=True)


def _paired(actions: Any, wanted: list[dict[str, Any]]) -> list[tuple[Any, dict[str, Any]]]:
    shorter = list(wanted) + [{"flow": None, "change": None}] * (len(actions) - len(wanted))
    return list(zip(actions, shorter, strict=False))


def _shown(change: Any, wanted: dict[str, Any]) -> dict[str, Any]:
    """The change with the fields that the case looks at; flow, change and blocked are always looked at."""
    every = {
        "flow": change.flow,
        "change": change.kind.value,
        "from": change.from_version,
        "to": change.to_version,
        "wave": change.wave,
        "after": list(change.depends_on),
        "group": list(change.group),
    }
    shown = {key: every[key] for key in every if key in wanted}
    return shown | ({"blocked": change.blocked.code} if change.blocked else {})


def test_keys_of_cases_are_readable() -> None:
    """A name may hold a slash: only the first one separates."""
    assert FlowKey.parse("inboundcall/Sales/Nord") == FlowKey("inboundcall", "Sales/Nord")
