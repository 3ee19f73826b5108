"""Changes with one reason are shown as one group, and nothing is lost by it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from controller.domain.identity import FlowKey
from controller.planning.inputs import PlanInputs
from controller.planning.model import Blocked, Change, ChangeKind, Plan
from controller.planning.plan import make_plan
from controller.planning.rendering.page import SMALLEST_GROUP, grouped
from tests.planning.compact import live_state, organization, recorded_state


def _plan(callers: int) -> Plan:
    """A module that changes, and flows that call it, each bound to another version of it."""
    ids = [f"caller-{number:02}" for number in range(callers)]
    module = "commonmodule/Branded Greeting"
    document: dict[str, Any] = {
        "desired": {"greeting": {"key": module, "digest": "new"}}
        | {id_: {"key": f"inboundcall/{id_}", "digest": id_, "calls": [module]} for id_ in ids},
        "live": {module: {"version": "3.0"}} | {f"inboundcall/{id_}": {"version": "4.0"} for id_ in ids},
        "recorded": {module: {"manifest": "greeting", "version": "3.0", "digest": "old"}}
        | {
            f"inboundcall/{id_}": {
                "manifest": id_,
                "version": "4.0",
                "digest": id_,
                "consumed": {module: f"{place}.0"},
            }
            for place, id_ in enumerate(ids)
        },
    }
    return make_plan(organization(document), live_state(document), recorded_state(document), PlanInputs("0123abc"))


def test_callers_of_one_module_are_one_group_whatever_version_they_are_bound_to() -> None:
    groups = grouped(_plan(10).actions)
    assert [(group.subject, group.reason) for group in groups if group.single is None] == [
        ("10 callers", "follow Branded Greeting")
    ]
    assert [group.single.flow for group in groups if group.single] == ["greeting"]


def test_few_callers_stay_alone_with_their_own_reasons() -> None:
    groups = grouped(_plan(SMALLEST_GROUP - 1).actions)
    assert all(group.single for group in groups)
    assert all(group.reason == group.changes[0].reason for group in groups)


def _change(number: int, kind: ChangeKind, reason: str, code: str) -> Change:
    blocked = Blocked(code, f"{code} blocks it") if code else None
    key = FlowKey("inboundcall", str(number))
    return Change(f"flow-{number}", key, kind, None, None, None, reason, 1, blocked=blocked)


@given(
    st.lists(st.tuples(st.sampled_from(list(ChangeKind)), st.sampled_from("ab"), st.sampled_from(["", "x", "y"]))),
)
def test_every_change_is_in_one_group_of_changes_like_it(drawn: list[tuple[ChangeKind, str, str]]) -> None:
    changes = [_change(number, *each) for number, each in enumerate(drawn)]
    groups = grouped(changes)
    assert sorted(change.flow for group in groups for change in group.changes) == sorted(each.flow for each in changes)
    for group in groups:
        assert len(group.changes) == 1 or len(group.changes) >= SMALLEST_GROUP
        assert len({(each.kind, each.reason, each.blocked) for each in group.changes}) == 1
        assert list(group.changes) == sorted(group.changes, key=changes.index)
        assert group.single or group.changes[0].kind is not ChangeKind.NONE
